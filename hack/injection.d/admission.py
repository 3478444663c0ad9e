"""The webhook, asked as the API server asks it, and the commands that answer the same without a cluster."""

from __future__ import annotations

import base64
import copy
import http.client
import json
import re
import shlex
import ssl
import subprocess
import tempfile
import threading
import uuid
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from environment import load_yaml
from server import Server

Object = dict[str, Any]


class Failure(Exception):
    """A property does not hold."""

    stage = 0
    """How far its pod came; see `Properties.one`."""


class Answer(NamedTuple):
    patch: bytes
    warnings: list[str]
    code: int
    message: str


class Webhook:
    """The registered webhook for pods, over TLS with the certificates that the API server would check."""

    def __init__(self, server: Server) -> None:
        path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
        name = "opentelemetry-operator-mutating-webhook-configuration"
        hooks = server.call("GET", f"{path}/{name}")["webhooks"]
        (config,) = [h["clientConfig"] for h in hooks if h["clientConfig"]["url"].endswith("/mutate-v1-pod")]
        url = urlsplit(config["url"])
        self.address, self.path = url.netloc, url.path
        self.tls = ssl.create_default_context(cadata=base64.b64decode(config["caBundle"]).decode())
        self.local = threading.local()

    def ask(self, pod: Object, namespace: str) -> Answer:
        uid = str(uuid.uuid4())
        kind = {"group": "", "version": "v1", "kind": "Pod"}
        resource = {"group": "", "version": "v1", "resource": "pods"}
        request = {
            "uid": uid,
            "kind": kind,
            "resource": resource,
            "requestKind": kind,
            "requestResource": resource,
            "namespace": namespace,
            "operation": "CREATE",
            "userInfo": {"username": "system:admin", "groups": ["system:masters"]},
            "object": pod,
            "oldObject": None,
            "dryRun": True,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "dryRun": ["All"]},
        }
        if name := pod["metadata"].get("name"):
            request["name"] = name
        review = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}
        response = self.post(json.dumps(review, ensure_ascii=False, separators=(",", ":")).encode())["response"]
        if response["uid"] != uid:
            raise Failure(f"the answer is to {response['uid']}")
        status = response.get("status", {})
        if response["allowed"] is not True:
            raise Failure(f"the pod is refused: {status}")
        if ("patch" in response) != (response.get("patchType") == "JSONPatch"):
            raise Failure(f"patch without its type, or the other way round: {response.get('patchType')}")
        patch = base64.b64decode(response.get("patch", ""), validate=True)
        warnings = response.get("warnings", [])
        for warning in warnings:
            if re.search(r"[\x00-\x1f\x7f]", warning):
                raise Failure(f"a warning that is no HTTP header: {warning!r}")
        return Answer(patch, warnings, status.get("code", 200), status.get("message", ""))

    def post(self, body: bytes) -> Any:
        for attempt in (1, 2):
            connection = getattr(self.local, "connection", None)
            if connection is None:
                connection = http.client.HTTPSConnection(self.address, context=self.tls, timeout=30)
                self.local.connection = connection
            try:
                connection.request(
                    "POST", f"{self.path}?timeout=10s", body=body, headers={"Content-Type": "application/json"}
                )
                answer = connection.getresponse()
                text = answer.read()
                break
            except (http.client.HTTPException, OSError) as error:
                connection.close()
                self.local.connection = None
                if attempt == 2:
                    raise Failure(f"the webhook does not answer: {error!r}") from error
        if answer.status != 200:
            raise Failure(f"the webhook answers {answer.status}: {text[:200]!r}")
        return json.loads(text)


def document(value: Object) -> str:
    """JSON that is YAML as well: what YAML does not take as it is, escaped."""
    text = json.dumps(value, ensure_ascii=False)
    return re.sub(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", lambda match: f"\\u{ord(match[0]):04x}", text)


class Command:
    """`swiftlet inject` and `swiftlet explain` of many pods at once."""

    def __init__(self, binary: str, version: str, objects: list[Object]) -> None:
        self.binary = shlex.split(binary)
        self.version = version
        self.objects = objects

    def of(self, version: str) -> Command:
        """The same for another version of Kubernetes."""
        result = copy.copy(self)
        result.version = version
        return result

    def run(self, pods: list[Object], *arguments: str) -> str:
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
            # Pods first: the objects behind them hold workloads too, which are answered as well.
            for value in [*pods, *self.objects]:
                file.write(f"---\n{document(value)}\n")
            file.flush()
            command = [*self.binary, *arguments, "--kubernetes-version", self.version, "-f", file.name]
            done = subprocess.run(command, capture_output=True)
        if done.returncode not in (0, 1):
            raise Failure(f"{arguments[0]} ended with {done.returncode}: {done.stderr.decode()[-2000:]}")
        return done.stdout.decode()

    def patches(self, pods: list[Object]) -> list[bytes]:
        lines = self.run(pods, "inject", "-o", "patch").split("\n")
        return [line.encode() for line in self.enough(lines, pods)]

    def changed(self, pods: list[Object]) -> list[Object]:
        return self.enough(list(load_yaml(self.run(pods, "inject", "-o", "yaml"), where="swiftlet inject")), pods)

    def explained(self, pods: list[Object]) -> list[Object]:
        return self.enough(json.loads(self.run(pods, "explain", "-o", "json")), pods)

    @staticmethod
    def enough(found: list[Any], pods: list[Object]) -> list[Any]:
        if len(found) < len(pods):
            raise Failure(f"of {len(pods)} pods {len(found)} are answered")
        return found[: len(pods)]
