"""A real API server, asked over connections that stay open: kubectl would take a process for each object."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from environment import load_yaml

PLURALS = {
    "NetworkPolicy": "networkpolicies",
    "Ingress": "ingresses",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
}
CLUSTER_SCOPED = ("ClusterRole", "ClusterRoleBinding", "Namespace")


class Refused(Exception):
    """What the API server said."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Server:
    def __init__(self, kubeconfig: Path) -> None:
        (config,) = load_yaml(kubeconfig.read_text(), where=str(kubeconfig))
        (context,) = [c["context"] for c in config["contexts"] if c["name"] == config["current-context"]]
        (cluster,) = [c["cluster"] for c in config["clusters"] if c["name"] == context["cluster"]]
        (user,) = [u["user"] for u in config["users"] if u["name"] == context["user"]]
        self.address = urlsplit(cluster["server"]).netloc
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self.tls = ssl.create_default_context(cadata=authority)
        if "token" not in user:
            raise SystemExit(f"{kubeconfig}: only users with a token are understood (hack/cluster makes such)")
        self.headers = {"Authorization": f"Bearer {user['token']}", "Accept": "application/json"}
        self.local = threading.local()
        version = self.call("GET", "/version")
        self.version = f"{version['major']}.{version['minor'].rstrip('+')}"

    def call(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        data = None if body is None else json.dumps(body).encode()
        for attempt in (1, 2):
            connection = getattr(self.local, "connection", None)
            if connection is None:
                connection = http.client.HTTPSConnection(self.address, context=self.tls, timeout=30)
                self.local.connection = connection
            try:
                connection.request(method, path, body=data, headers=self.headers | {"Content-Type": kind})
                answer = connection.getresponse()
                text = answer.read()
                break
            except (http.client.HTTPException, OSError):
                self.local.connection = None
                if attempt == 2:
                    raise
        if answer.status >= 400:
            try:
                message = json.loads(text).get("message", text.decode())
            except ValueError:
                message = text.decode(errors="replace")
            raise Refused(answer.status, message)
        return json.loads(text)

    @staticmethod
    def path(value: dict[str, Any], named: bool = True) -> str:
        version, kind, metadata = value["apiVersion"], value["kind"], value["metadata"]
        path = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if kind not in CLUSTER_SCOPED:
            path += f"/namespaces/{metadata['namespace']}"
        path += "/" + PLURALS.get(kind, kind.lower() + "s")
        return f"{path}/{metadata['name']}" if named else path

    def apply(self, value: dict[str, Any], dry: bool = False) -> dict[str, Any]:
        """Server-side apply, as the operator does it."""
        query = "?fieldManager=swiftlet&force=true" + ("&dryRun=All" if dry else "")
        answer: dict[str, Any] = self.call("PATCH", self.path(value) + query, value, "application/apply-patch+yaml")
        return answer

    def create(self, value: dict[str, Any], dry: bool = False) -> dict[str, Any]:
        query = "?dryRun=All" if dry else ""
        answer: dict[str, Any] = self.call("POST", self.path(value, named=False) + query, value)
        return answer
