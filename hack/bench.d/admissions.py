"""Admission requests at an even pace, in a process of their own: to the API server, and to the webhooks' Service.

The pace does not follow the answers (an open loop): request n is due at n / rate, and its latency counts from then, so a
server that stands still is seen in every request that was due meanwhile. As a script it loads until its standard input
closes:  python admissions.py KUBECONFIG NAMESPACE RATE [pods] [reviews]  and prints a JSON line for each answer.
"""

from __future__ import annotations

import base64
import itertools
import json
import queue
import select
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

AGENT = "opentelemetry-auto-instrumentation-java"
MUTATING = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
OURS = "opentelemetry-operator-mutating-webhook-configuration"
POD_PATH = "/mutate-v1-pod"
# What an API server says when a webhook, not the server itself, is the reason of a refusal.
WEBHOOK_WORDS = ("failed calling webhook", "admission webhook")

INJECTED, MISSED, FAILED, AWAY = "injected", "missed", "failed", "away"


@dataclass
class Answer:
    """What became of one request. Times are those of ``time.monotonic``, which all processes of a machine share."""

    load: str
    due: float
    seconds: float
    # INJECTED; MISSED: answered without the agent; FAILED: by the webhook or on the way to it; AWAY: the API server
    # itself was not there or not ready, so that nothing was asked of a webhook.
    outcome: str
    detail: str = ""


class Client:
    """The API server of a kubeconfig, as the administrator."""

    def __init__(self, kubeconfig: Path) -> None:
        import yaml

        config = yaml.safe_load(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        self.address = urlsplit(cluster["server"]).netloc
        self.headers = {
            "Authorization": f"Bearer {config['users'][0]['user']['token']}",
            "Content-Type": "application/json",
        }
        self.context = ssl.create_default_context(
            cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
        )

    def connection(self) -> HTTPSConnection:
        return HTTPSConnection(self.address, context=self.context, timeout=30)

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, dict]:
        """The answer's code and JSON, over a connection of its own."""
        connection = self.connection()
        try:
            connection.request(method, path, None if body is None else json.dumps(body), self.headers)
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content[:1] == b"{" else {}
        finally:
            connection.close()

    def get(self, path: str) -> dict:
        """An object that is there."""
        code, found = self.request("GET", path)
        if code != 200:
            raise OSError(f"GET {path}: {code} {found.get('message', '')}")
        return found


def pod() -> dict:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "shop-",
            "labels": {"app": "shop"},
            "annotations": {"instrumentation.opentelemetry.io/inject-java": "true"},
        },
        "spec": {"containers": [{"name": "shop", "image": "registry.example.com/shop:1.4.2"}]},
    }


class Pods:
    """Pods that are made in a dry run: everything happens but the storing."""

    name = "pods"

    def __init__(self, client: Client, namespace: str) -> None:
        self.client = client
        self.path = f"/api/v1/namespaces/{namespace}/pods?dryRun=All"
        self.body = json.dumps(pod()).encode()
        self.headers = client.headers

    def connection(self) -> HTTPSConnection:
        return self.client.connection()

    def judge(self, code: int, content: bytes) -> tuple[str, str]:
        if code != 201:
            text = content.decode(errors="replace")
            refused = code < 500 and code not in (403, 429)
            by_webhook = refused or any(words in text for words in WEBHOOK_WORDS)
            return (FAILED if by_webhook else AWAY), f"{code} {text[:300]}"
        names = [container["name"] for container in json.loads(content)["spec"].get("initContainers", [])]
        return (INJECTED, "") if AGENT in names else (MISSED, f"init containers: {names}")

    lost = AWAY


class Reviews:
    """Reviews sent to the webhooks' Service, with the trust and the address that the API server has."""

    name = "reviews"
    lost = FAILED

    def __init__(self, client: Client, namespace: str) -> None:
        self.client = client
        self.path = POD_PATH + "?timeout=10s"
        self.headers = {"Content-Type": "application/json"}
        wanted = pod()
        wanted["metadata"]["namespace"] = namespace
        kind = {"group": "", "version": "v1", "kind": "Pod"}
        resource = {"group": "", "version": "v1", "resource": "pods"}
        request = {
            "uid": "93e4ee50-1d2c-4f3a-a0fb-0f6f5c1e2a71",
            "kind": kind,
            "resource": resource,
            "requestKind": kind,
            "requestResource": resource,
            "namespace": namespace,
            "operation": "CREATE",
            "userInfo": {"username": "admin", "groups": ["system:masters", "system:authenticated"]},
            "object": wanted,
            "oldObject": None,
            "dryRun": True,
        }
        review = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}
        self.body = json.dumps(review).encode()
        self.host = self.address = self.bundle = ""
        self.context = ssl.create_default_context()
        self.look()
        threading.Thread(target=self.follow, daemon=True).start()

    def look(self) -> None:
        """Reads what is registered, as API servers watch it."""
        hooks = self.client.get(f"{MUTATING}/{OURS}")["webhooks"]
        config = next(hook["clientConfig"] for hook in hooks if hook["name"] == "mpod.kb.io")
        service = config["service"]
        if not self.address:
            path = f"/api/v1/namespaces/{service['namespace']}/services/{service['name']}"
            self.address = self.client.get(path)["spec"]["clusterIP"]
            self.host = f"{service['name']}.{service['namespace']}.svc"
        if config["caBundle"] != self.bundle:
            self.context = ssl.create_default_context(cadata=base64.b64decode(config["caBundle"]).decode())
            self.bundle = config["caBundle"]

    def follow(self) -> None:
        while True:
            time.sleep(0.5)
            try:
                self.look()
            except (OSError, HTTPException, KeyError, StopIteration):
                pass  # An API server that is away changes nothing.

    def connection(self) -> HTTPSConnection:
        return Named(self.host, self.address, self.context)

    def judge(self, code: int, content: bytes) -> tuple[str, str]:
        if code != 200:
            return FAILED, f"{code} {content[:300].decode(errors='replace')}"
        response = json.loads(content)["response"]
        patch = base64.b64decode(response.get("patch", "")).decode()
        if not response["allowed"]:
            return FAILED, str(response)[:300]
        return (INJECTED, "") if f'"name":"{AGENT}"' in patch else (MISSED, f"patch: {patch[:200]}")


class Named(HTTPSConnection):
    """A connection to an address whose certificate has another name."""

    def __init__(self, name: str, address: str, context: ssl.SSLContext) -> None:
        super().__init__(name, 443, timeout=12, context=context)
        self.socket_address, self.tls = address, context

    def connect(self) -> None:
        plain = socket.create_connection((self.socket_address, 443), self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self.tls.wrap_socket(plain, server_hostname=self.host)


class Load:
    """Sends ``target``'s request at a rate from a number of threads until ``stop()``."""

    def __init__(
        self, target: Pods | Reviews, rate: float, tell: Callable[[Answer], None], threads: int = 48
    ) -> None:
        self.target, self.rate, self.tell = target, rate, tell
        self.numbers = itertools.count()
        self.ends = False
        #: As Go's transport does: the connection that was used last is used next.
        self.idle: queue.LifoQueue[HTTPSConnection] = queue.LifoQueue()
        self.began = time.monotonic() + 0.2
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.ends = True
        for thread in self.threads:
            thread.join(40)

    def run(self) -> None:
        while not self.ends:
            due = self.began + next(self.numbers) / self.rate
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                outcome, detail = self.target.judge(*self.send())
            except (OSError, HTTPException, ValueError, KeyError) as error:
                outcome, detail = self.target.lost, repr(error)[:300]
            self.tell(Answer(self.target.name, due, time.monotonic() - due, outcome, detail))

    def send(self) -> tuple[int, bytes]:
        connection = self.take() or self.target.connection()
        try:
            connection.request("POST", self.target.path, self.target.body, self.target.headers)
            answer = connection.getresponse()
            content = answer.read()
        except BaseException:
            connection.close()
            raise
        if answer.will_close:
            connection.close()
        else:
            self.idle.put(connection)
        return answer.status, content

    def take(self) -> HTTPSConnection | None:
        """An idle connection that its server has not closed: Go's transport, which reads all the time, knows that too."""
        while True:
            try:
                connection = self.idle.get_nowait()
            except queue.Empty:
                return None
            readable, _, _ = select.select([connection.sock], [], [], 0)
            if not readable:
                return connection
            connection.close()


class LoadProcess:
    """Several loads in a process of their own, so that measuring is not disturbed by whoever disturbs."""

    def __init__(self, kubeconfig: Path, namespace: str, rate: float, targets: Iterable[str]) -> None:
        self.answers: list[Answer] = []
        words = [sys.executable, __file__, str(kubeconfig), namespace, str(rate), *targets]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.answers.append(Answer(*json.loads(line)))

    def check(self) -> None:
        if self.process.poll() is not None:
            raise OSError(f"the load ended early with {self.process.returncode}")

    def stop(self) -> list[Answer]:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)
        self.reader.join(10)
        return sorted(self.answers, key=lambda answer: answer.due)


def main() -> None:
    kubeconfig, namespace, rate, *names = sys.argv[1:]
    client = Client(Path(kubeconfig))
    kinds = {kind.name: kind for kind in (Pods, Reviews)}
    lock = threading.Lock()

    def tell(answer: Answer) -> None:
        line = [answer.load, answer.due, round(answer.seconds, 6), answer.outcome, answer.detail]
        with lock:
            print(json.dumps(line), flush=True)

    loads = [Load(kinds[name](client, namespace), float(rate), tell) for name in names]
    sys.stdin.read()
    for load in loads:
        load.stop()


if __name__ == "__main__":
    main()
