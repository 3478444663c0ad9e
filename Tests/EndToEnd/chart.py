"""Helm, for the tests on a cluster."""

import json
import subprocess

from conftest import ROOT

CHART = ROOT / "charts/swiftlet"
NAMESPACE = "otel"


def helm(*arguments, values=None, check=True, env=None, timeout=180):
    """Runs helm with values as a document on standard input."""
    more = ["-f", "-"] if values is not None else []
    done = subprocess.run(
        ["helm", *arguments, *more],
        input=json.dumps(values or {}),
        capture_output=True,
        text=True,
        env=env,
        timeout=timeout,
        check=False,
    )
    if check:
        assert done.returncode == 0, f"helm {' '.join(map(str, arguments))}: {done.stderr or done.stdout}"
    return done
