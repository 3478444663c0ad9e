"""A plain Flask application that knows nothing of OpenTelemetry.

GET / asks LEAF_URL (by default its own /leaf) and answers with what it got; each request writes a log record.
"""

import logging
import os
import signal
import sys

import requests
from flask import Flask

HOST = os.environ.get("HOST", "127.0.0.1")
PORT = int(os.environ.get("PORT", "28080"))
LEAF_URL = os.environ.get("LEAF_URL", f"http://127.0.0.1:{PORT}/leaf")

app = Flask(__name__)
log = logging.getLogger("pyapp")


@app.get("/")
def root():
    answer = requests.get(LEAF_URL, timeout=5)
    log.warning("root asked the leaf and got %s", answer.status_code)
    return {"leaf": answer.json()}


@app.get("/leaf")
def leaf():
    return {"ok": True}


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # as process 1 Python would ignore it
    app.run(host=HOST, port=PORT)
