#!/usr/bin/env python3
"""Records what a real Prometheus says to the documents of the fixtures: record.py [PROMETHEUS].

accepted.prometheus.json: what it prints for each document of accepted.yaml that it takes (GET /api/v1/status/config),
its complaint for the others. refused.prometheus.json: its complaint about each document of refused.yaml, null for those
that it takes.
"""

import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
PROMETHEUS = sys.argv[1] if len(sys.argv) > 1 else "/usr/bin/prometheus"


def write(folder: Path, document: Any) -> Path:
    path = folder / "prometheus.yml"
    # JSON is YAML, and leaves nothing to PyYAML's taste.
    path.write_text(json.dumps(document))
    return path


def complaint(document: Any) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), document)
        command = ["promtool", "check", "config", "--syntax-only", path]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        text = done.stdout + done.stderr
        # Prometheus itself takes such addresses where relabel rules may change them.
        if done.returncode == 0 or "FAILED: instance" in text:
            return None
        return text.split(f"parsing YAML file {path}: ", 1)[-1].strip()


def printed(document: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        options = [
            f"--config.file={write(Path(folder), document)}",
            "--enable-feature=agent",
            f"--storage.agent.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        process = subprocess.Popen([PROMETHEUS, *options], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            for _ in range(100):
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/status/config", timeout=5) as answer:
                        text = json.load(answer)["data"]["yaml"]
                    return yaml.safe_load(text).get("scrape_configs", [])
                except (OSError, KeyError):
                    time.sleep(0.1)
            raise SystemExit(f"Prometheus does not answer for {document}")
        finally:
            process.terminate()
            process.wait()


class GoLoader(yaml.SafeLoader):
    """Leaves `yes` and `no` as texts where they are keys or labels, as the fixtures mean them."""


GoLoader.yaml_implicit_resolvers = {
    key: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or key in "tTfF"]
    for key, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = yaml.load((HERE / name).read_text(), GoLoader)
    return cases


def refusable(case: dict[str, Any]) -> dict[str, Any]:
    """The document of a case of refused.yaml, as the tests build it."""
    if "global" in case:
        return {"global": case["global"], "scrape_configs": [{"job_name": "other"}]}
    jobs = [case["job"], {"job_name": "other"}]
    return {"scrape_configs": jobs}


def main() -> None:
    accepted = {}
    for case in load("accepted.yaml"):
        why = complaint(case["document"])
        document = dict(case["document"])
        for name in ("rule_files", "remote_write"):
            document.pop(name, None)
        accepted[case["name"]] = {"refused": why} if why else {"printed": printed(document)}
    (HERE / "accepted.prometheus.json").write_text(json.dumps(accepted, indent=2) + "\n")
    if (HERE / "refused.yaml").exists():
        refused = {case["name"]: complaint(refusable(case)) for case in load("refused.yaml")}
        (HERE / "refused.prometheus.json").write_text(json.dumps(refused, indent=2) + "\n")


main()
