"""A control plane without nodes, Swiftlet as a plain process on it, and objects read without a kubectl for each look."""

import base64
import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

import yaml

BINARY = os.environ.get("SWIFTLET_BINARY", "")
KUBECONFIG = os.environ.get("SWIFTLET_TEST_KUBECONFIG", "")
LOGS = pathlib.Path(__file__).resolve().parents[2] / ".artifacts" / "e2e"
MISSING = "no binary or API server to test: SWIFTLET_BINARY, SWIFTLET_TEST_KUBECONFIG" if not (BINARY and KUBECONFIG) else ""


class Server:
    """Reads objects; what it writes, kubectl writes, as a user would."""

    def __init__(self, kubeconfig=KUBECONFIG):
        self.kubeconfig = kubeconfig
        config = yaml.safe_load(pathlib.Path(kubeconfig).read_text())
        cluster = config["clusters"][0]["cluster"]
        self.address = urllib.parse.urlsplit(cluster["server"]).netloc
        self.token = config["users"][0]["user"]["token"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self.context = ssl.create_default_context(cadata=authority)
        self.kinds = {}
        self.local = threading.local()

    def read(self, path):
        """The answer's code and JSON. The connection is the thread's own and kept."""
        for attempt in (1, 2):
            connection = getattr(self.local, "connection", None)
            if connection is None:
                connection = http.client.HTTPSConnection(self.address, context=self.context, timeout=20)
                self.local.connection = connection
            try:
                connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
                answer = connection.getresponse()
                body = answer.read()
                return answer.status, json.loads(body) if body[:1] == b"{" else {}
            except (OSError, http.client.HTTPException):
                connection.close()
                self.local.connection = None
                if attempt == 2:
                    raise
        raise AssertionError("not reached")

    def path(self, version, kind, namespace):
        """Where a kind's objects are; None while the server does not serve it."""
        root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
        found = self.kinds.get((version, kind))
        if found is None:
            code, answer = self.read(root)
            for resource in answer.get("resources", []) if code == 200 else []:
                if "/" not in resource["name"]:
                    self.kinds[version, resource["kind"]] = resource["name"], resource["namespaced"]
            found = self.kinds.get((version, kind))
        if found is None:
            return None
        plural, namespaced = found
        return f"{root}/namespaces/{namespace}/{plural}" if namespaced else f"{root}/{plural}"

    def get(self, version, kind, namespace, name):
        """The object, or None."""
        path = self.path(version, kind, namespace)
        code, answer = self.read(f"{path}/{name}") if path else (404, {})
        assert code in (200, 404), answer
        return answer if code == 200 else None

    def list(self, version, kind, namespace, selector=""):
        """The objects, oldest first."""
        path = self.path(version, kind, namespace)
        query = f"?labelSelector={urllib.parse.quote(selector)}" if selector else ""
        code, answer = self.read(f"{path}{query}") if path else (404, {})
        assert code in (200, 404), answer
        return sorted(
            answer.get("items") or [] if code == 200 else [],
            key=lambda item: (item["metadata"]["creationTimestamp"], item["metadata"]["name"]),
        )

    def kubectl(self, *arguments, text=None, check=True):
        """Runs kubectl; returns the completed process."""
        command = ["kubectl", "--kubeconfig", self.kubeconfig, *arguments]
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, check=False)
        if check:
            assert done.returncode == 0, f"{' '.join(command)}: {done.stderr or done.stdout}"
        return done


def eventually(what, test, seconds=30):
    """Waits until `test` gives something true and returns it; asserts with what it gave or raised last."""
    end = time.monotonic() + seconds
    while True:
        try:
            value = test()
            if value:
                return value
        except (AssertionError, OSError, http.client.HTTPException, KeyError, IndexError, TypeError) as error:
            value = error
        assert time.monotonic() < end, f"after {seconds} s still not: {what} (last: {value!r})"
        time.sleep(0.1)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def install_definitions(server):
    """Our CRDs, as `swiftlet crds` gives them for this server."""
    crds = subprocess.run(
        [BINARY, "crds", "--kubeconfig", server.kubeconfig, "--server-version", "cluster"],
        capture_output=True, text=True, check=True,
    ).stdout
    forget_conversion(server)
    server.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", text=crds)
    eventually("collectors are served", lambda: server.path("opentelemetry.io/v1beta1", "OpenTelemetryCollector", ""))


def forget_conversion(server):
    """Takes the address of an operator that is gone out of the definition; the one in ours can't be merged into it."""
    server.kubectl(
        "patch", "crd", "opentelemetrycollectors.opentelemetry.io", "--type=merge",
        "-p", '{"spec":{"conversion":{"strategy":"None","webhook":null}}}', check=False,
    )


def remove_webhooks(server):
    """Without a process behind them, webhooks refuse everything."""
    for kind, name in (("mutating", "mutating"), ("validating", "validating")):
        server.kubectl(
            "delete", f"{kind}webhookconfiguration", f"opentelemetry-operator-{name}-webhook-configuration",
            "--ignore-not-found", check=False,
        )


class Operator:
    """`swiftlet operator` as a process of this machine, with its webhooks registered at it."""

    def __init__(self, server, log, *flags, environment=None):
        self.server = server
        self.health, self.metrics, webhook = free_port(), free_port(), free_port()
        self.webhook = webhook
        LOGS.mkdir(parents=True, exist_ok=True)
        self.log = LOGS / log
        install_definitions(server)
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen(
                [BINARY, "operator", "--kubeconfig", server.kubeconfig,
                 "--webhook-url", f"https://127.0.0.1:{webhook}", "--webhook-port", str(webhook),
                 "--metrics-addr", f"127.0.0.1:{self.metrics}", "--metrics-secure=false",
                 "--health-probe-addr", f"127.0.0.1:{self.health}", "--enable-leader-election=false", *flags],
                stdout=output, stderr=output, env={"PATH": os.environ["PATH"], **(environment or {})},
            )
        try:
            eventually("the operator is ready", self.ready, 60)
            eventually("the API server calls it", lambda: self.registered(f":{webhook}/"), 30)
        except BaseException:
            self.stop()
            raise

    def ready(self):
        assert self.process.poll() is None, f"the operator ended with {self.process.returncode}: see {self.log}"
        connection = http.client.HTTPConnection("127.0.0.1", self.health, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        finally:
            connection.close()

    def registered(self, address):
        """Whether every webhook is there, with this in its address: admission and conversion."""
        for kind, name in (("Mutating", "mutating"), ("Validating", "validating")):
            found = self.server.get(
                "admissionregistration.k8s.io/v1",
                f"{kind}WebhookConfiguration",
                "",
                f"opentelemetry-operator-{name}-webhook-configuration",
            )
            if not found or not all(address in hook["clientConfig"].get("url", "") for hook in found["webhooks"]):
                return False
        definition = self.server.get(
            "apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "opentelemetrycollectors.opentelemetry.io"
        )
        return address in json.dumps(definition["spec"].get("conversion", {}))

    def stop(self):
        """Ends it in good order; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=20)
        finally:
            self.process.kill()
            self.process.wait()
            remove_webhooks(self.server)
