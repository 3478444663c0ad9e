"""What an installed operator has to live through, and how its replicas and its lease took it."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any

from admissions import MUTATING, OURS, Client

NAMESPACE = "opentelemetry-operator-system"
DEPLOYMENT = "opentelemetry-operator-controller-manager"
SECRET = "opentelemetry-operator-webhook-certificates"
LEASE = "9f7554c3.opentelemetry.io"
HACK = Path(__file__).resolve().parent.parent
DEPLOYMENT_PATH = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{DEPLOYMENT}"
PODS_PATH = f"/api/v1/namespaces/{NAMESPACE}/pods"
PATCH = "application/strategic-merge-patch+json"


class Watch(threading.Thread):
    """Looks at the lease, at what is trusted and at what is served, several times a second."""

    def __init__(self, client: Client) -> None:
        super().__init__(daemon=True)
        self.client = client
        #: Each value with the time when it was first seen.
        self.holders: list[tuple[float, str]] = []
        self.bundles: list[tuple[float, str]] = []
        self.certificates: list[tuple[float, str]] = []
        self.start()

    def run(self) -> None:
        lease = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{LEASE}"
        secret = f"/api/v1/namespaces/{NAMESPACE}/secrets/{SECRET}"
        rounds = 0
        while True:
            try:
                self.note(self.holders, self.client.get(lease)["spec"].get("holderIdentity") or "")
                if rounds % 5 == 0:
                    hooks = self.client.get(f"{MUTATING}/{OURS}").get("webhooks") or []
                    if hooks:
                        self.note(self.bundles, digest(hooks[0]["clientConfig"].get("caBundle", "")))
                    self.note(self.certificates, digest(self.client.get(secret)["data"]["tls.crt"]))
            except (OSError, HTTPException, KeyError):
                pass
            rounds += 1
            time.sleep(0.1)

    @staticmethod
    def note(seen: list[tuple[float, str]], value: str) -> None:
        if not seen or seen[-1][1] != value:
            seen.append((time.monotonic(), value))

    def new_leader(self, since: float, old: str) -> float | None:
        """Seconds from then until somebody else held the lease."""
        return next((at - since for at, holder in self.holders if at >= since and holder not in ("", old)), None)

    @staticmethod
    def changes(seen: list[tuple[float, str]], since: float, until: float) -> int:
        return sum(1 for at, _ in seen[1:] if since <= at < until)


def digest(text: str) -> str:
    return hashlib.sha256(base64.b64decode(text)).hexdigest()[:12]


class Disturbances:
    """Does it, and waits until two replicas are ready again. Each gives the time of the deed and who led before."""

    def __init__(self, client: Client, watch: Watch, replicas: int = 2) -> None:
        self.client, self.watch, self.replicas = client, watch, replicas

    def leader(self) -> str:
        return self.watch.holders[-1][1] if self.watch.holders else ""

    def pods(self) -> list[dict]:
        """Those that are not on their way out."""
        found = self.client.get(f"{PODS_PATH}?labelSelector=control-plane%3Dcontroller-manager")["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def settle(self, limit: float = 90) -> None:
        """Waits until there is a leader and as many ready replicas as wanted, all of the newest template."""

        def is_settled() -> bool:
            deployment = self.client.get(DEPLOYMENT_PATH)
            status = deployment["status"]
            return (
                status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
                and all(
                    status.get(count, 0) == self.replicas for count in ("replicas", "updatedReplicas", "readyReplicas")
                )
                and all(
                    container["ready"]
                    for pod in self.pods()
                    for container in pod["status"].get("containerStatuses", [{"ready": False}])
                )
                and self.leader() != ""
            )

        until(f"{self.replicas} replicas are ready", is_settled, limit)

    # MARK: Deeds

    def rolling_update(self) -> tuple[float, str]:
        old, at = self.leader(), time.monotonic()
        annotation = {"swiftlet.dev/restarted": str(time.time())}
        self.send(DEPLOYMENT_PATH, {"spec": {"template": {"metadata": {"annotations": annotation}}}})
        self.settle()
        return at, old

    def evict_leader(self) -> tuple[float, str]:
        """As `kubectl drain` does it, on a node that takes no new pods until the old one has gone."""
        old = self.leader()
        name = pod_of(old)
        node = next(pod for pod in self.pods() if pod["metadata"]["name"] == name)["spec"]["nodeName"]
        self.send(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": True}})
        try:
            at = time.monotonic()
            for version in ("v1", "v1beta1"):
                eviction = {
                    "apiVersion": f"policy/{version}",
                    "kind": "Eviction",
                    "metadata": {"name": name, "namespace": NAMESPACE},
                }
                code, answer = self.client.request("POST", f"{PODS_PATH}/{name}/eviction", eviction)
                if code < 400:
                    break
            if code >= 400:
                raise OSError(f"{name} can't be evicted: {code} {answer.get('message')}")
            until("the evicted replica is gone", lambda: self.client.request("GET", f"{PODS_PATH}/{name}")[0] == 404)
        finally:
            self.send(f"/api/v1/nodes/{node}", {"spec": {"unschedulable": False}})
        self.settle()
        return at, old

    def kill_leader(self) -> tuple[float, str]:
        """SIGKILL to its process: nothing can be released or finished."""
        old = self.leader()
        process = process_of(pod_of(old))
        at = time.monotonic()
        os.kill(process, signal.SIGKILL)
        until("another leader", lambda: self.watch.new_leader(at, old) is not None, 60)
        self.settle()
        return at, old

    def restart_api_server(self, folder: Path, away: float = 0) -> tuple[float, float]:
        """Ends it as hack/cluster does, and starts it again ``away`` seconds later.

        Gives from when to when it was away.
        """
        process = int((folder / "run" / "kube-apiserver.pid").read_text().split()[0])
        begin = time.monotonic()
        os.kill(process, signal.SIGTERM)
        time.sleep(2)
        if is_running(process):
            os.kill(process, signal.SIGKILL)
        until("the API server has ended", lambda: not is_running(process), 30)
        time.sleep(away)
        up = subprocess.Popen(
            [HACK / "cluster", "--dir", folder, "up"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        until("the API server is ready again", lambda: self.client.request("GET", "/readyz")[0] == 200)
        end = time.monotonic()
        _, said = up.communicate(timeout=120)
        if up.returncode != 0:
            raise OSError(f"hack/cluster up failed after a restart of the API server:\n{said}")
        self.settle()
        return begin, end

    def send(self, path: str, patch: dict[str, Any]) -> None:
        headers = self.client.headers
        self.client.headers = headers | {"Content-Type": PATCH}
        try:
            code, answer = self.client.request("PATCH", path, patch)
        finally:
            self.client.headers = headers
        if code >= 400:
            raise OSError(f"PATCH {path}: {code} {answer.get('message')}")


def until(what: str, test: Callable[[], bool], limit: float = 90) -> None:
    end = time.monotonic() + limit
    last: object = None
    while True:
        try:
            if test():
                return
        except (OSError, HTTPException, KeyError) as error:
            last = error
        if time.monotonic() > end:
            raise OSError(f"after {limit:.0f} s still not: {what} (last: {last!r})")
        time.sleep(0.2)


def pod_of(identity: str) -> str:
    return identity.rpartition("_")[0]


def process_of(pod: str) -> int:
    """The operator's process in a pod of this machine, known by its environment."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if f"POD_NAME={pod}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                    return int(folder.name)
            except OSError:
                pass
    raise OSError(f"no process of pod {pod} runs on this machine")


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
