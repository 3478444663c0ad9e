"""What the end-to-end tests share: kubectl, the installed operator, a namespace a test, waiting with a reason."""

import json
import os
import pathlib
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
OPERATOR_NAMESPACE = "opentelemetry-operator-system"
OPERATOR = "opentelemetry-operator-controller-manager"
LEASE = "9f7554c3.opentelemetry.io"
IMAGES = {
    "swiftlet": "registry.local/swiftlet:e2e",
    "collector": "registry.local/otelcol:0.152.0",
    "python": "registry.local/autoinstrumentation-python:0.65b0",
    # Stand-ins of our own: hack/workloads says how they are made.
    "java": "registry.local/autoinstrumentation-java-standin:1",
    "java-extension": "registry.local/java-extension-standin:1",
    "nodejs": "registry.local/autoinstrumentation-nodejs-standin:1",
    "dotnet": "registry.local/autoinstrumentation-dotnet-standin:1",
    "go": "registry.local/autoinstrumentation-go-standin:1",
    "apache-httpd": "registry.local/autoinstrumentation-apache-httpd-standin:1",
    "nginx": "registry.local/autoinstrumentation-apache-httpd-standin:1",
    # Applications that know nothing of OpenTelemetry.
    "app": "registry.local/pyapp:1",
    "java-app": "registry.local/javaapp:1",
    "nodejs-app": "registry.local/nodejsapp:1",
    "httpd-app": "registry.local/httpd:1",
    "nginx-app": "registry.local/nginx:1",
    "busybox": "registry.local/busybox:1",
}
LANGUAGES = ("java", "nodejs", "python", "dotnet", "go", "apache-httpd", "nginx")


def kubectl(*arguments, check=True, text=None, namespace=None):
    """Runs kubectl; returns the completed process. An error is an assertion with what kubectl said."""
    command = ["kubectl", *(["-n", namespace] if namespace else []), *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=120, check=False)
    if check:
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr or done.stdout}"
    return done


def get(kind, name=None, namespace=None, selector=None):
    """An object (None when absent), or the items of a list."""
    arguments = ["get", kind, *([name] if name else []), *(["-l", selector] if selector else []), "-o", "json"]
    done = kubectl(*arguments, check=False, namespace=namespace)
    if done.returncode != 0:
        assert "NotFound" in done.stderr or "not found" in done.stderr, done.stderr
        return None
    found = json.loads(done.stdout)
    return found if name else found["items"]


def wait(what, test, seconds=60):
    """Waits until `test` gives something true and returns it; what it raised last is part of the failure."""
    end = time.monotonic() + seconds
    last = None
    while time.monotonic() < end:
        try:
            value = test()
            if value:
                return value
            last = value
        except (AssertionError, KeyError, IndexError, TypeError) as error:
            last = error
        time.sleep(0.3)
    pytest.fail(f"after {seconds} s still not: {what} (last: {last!r})")


class Namespace:
    """A namespace of a test's own."""

    def __init__(self, name):
        self.name = name

    def apply(self, text, check=True):
        return kubectl("apply", "-f", "-", text=text, namespace=self.name, check=check)

    def get(self, kind, name=None, selector=None):
        return get(kind, name, self.name, selector)

    def delete(self, kind, name):
        return kubectl("delete", kind, name, "--wait=false", namespace=self.name)

    def ready(self, kind, name, seconds=90):
        """Waits for a workload whose pods are all ready and of its newest generation."""

        def test():
            found = self.get(kind, name)
            status = found["status"]
            if status.get("observedGeneration", 0) < found["metadata"]["generation"]:
                return None
            if kind == "daemonset":
                ready, wanted = status.get("numberReady", 0), status.get("desiredNumberScheduled", 0)
                updated = status.get("updatedNumberScheduled", 0)
            else:
                ready, wanted = status.get("readyReplicas", 0), found["spec"]["replicas"]
                updated = status.get("updatedReplicas", 0)
            total = status.get("replicas", wanted)
            return found if wanted and ready == wanted == updated == total else None

        return wait(f"{kind} {name} ready", test, seconds)

    def pod(self, selector, seconds=90):
        """The one running pod of the selector that is not on its way out, with every container ready."""

        def test():
            pods = [pod for pod in self.get("pods", selector=selector) if "deletionTimestamp" not in pod["metadata"]]
            if len(pods) != 1:
                return None
            statuses = pods[0]["status"].get("containerStatuses", [])
            return pods[0] if statuses and all(status["ready"] for status in statuses) else None

        return wait(f"one ready pod of {selector}", test, seconds)

    def logs(self, what, container=None, tail=20000):
        more = ["-c", container] if container else []
        return kubectl("logs", what, *more, f"--tail={tail}", namespace=self.name).stdout


def install_operator():
    """Installs Swiftlet into the cluster as the README says, with the images that this cluster has."""
    crds = subprocess.run(
        [os.environ["SWIFTLET_BINARY"], "crds", "--server-version", "cluster"], capture_output=True, text=True, check=True
    ).stdout
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", text=crds)
    manifest = (ROOT / "manifests/operator.yaml").read_text()
    arguments = "\n".join(
        f"            - {flag}"
        for flag in (
            f"--collector-image={IMAGES['collector']}",
            "--enable-go-instrumentation=true",
            *(f"--auto-instrumentation-{name}-image={IMAGES[name]}" for name in LANGUAGES),
        )
    )
    manifest = manifest.replace("registry.local/swiftlet:dev", IMAGES["swiftlet"])
    pull = "          imagePullPolicy: IfNotPresent\n"
    assert pull in manifest
    manifest = manifest.replace(pull, f"{pull}          args:\n{arguments}\n", 1)
    kubectl("apply", "-f", "-", text=manifest)
    # The image keeps its name from run to run.
    kubectl("rollout", "restart", f"deployment/{OPERATOR}", namespace=OPERATOR_NAMESPACE)
    kubectl("rollout", "status", f"deployment/{OPERATOR}", "--timeout=110s", namespace=OPERATOR_NAMESPACE)
    wait(
        "the webhooks are registered",
        lambda: get("mutatingwebhookconfiguration", "opentelemetry-operator-mutating-webhook-configuration").get("webhooks"),
    )


@pytest.fixture(scope="session", autouse=True)
def operator():
    """Swiftlet, installed for all tests."""
    install_operator()
    yield
    # Kubernetes 1.20 takes two minutes for it; who needs a name again waits (`a_namespace`).
    kubectl("delete", "namespace", "-l", "swiftlet-e2e=yes", "--ignore-not-found", "--wait=false", check=False)


@pytest.fixture
def namespace(request):
    """A namespace for one test."""
    yield from a_namespace(request.node.name)


@pytest.fixture(scope="module")
def shared_namespace(request):
    """A namespace for all tests of a file, whose pods then start together."""
    yield from a_namespace(request.module.__name__)


def a_namespace(of):
    name = "e2e-" + "".join(c if c.isalnum() else "-" for c in of.removeprefix("test_").lower())[:50].strip("-")
    wait(f"namespace {name} of an earlier run is gone", lambda: get("namespace", name) is None or delete(name), 150)
    kubectl("create", "namespace", name)
    kubectl("label", "namespace", name, "swiftlet-e2e=yes")
    wait("the default service account", lambda: get("serviceaccount", "default", name))
    yield Namespace(name)
    kubectl("delete", "namespace", name, "--wait=false")


def delete(name):
    kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found", check=False)
    return False


def operator_pods():
    """Swiftlet's running pods by name."""
    pods = get("pods", namespace=OPERATOR_NAMESPACE, selector="control-plane=controller-manager")
    return {
        pod["metadata"]["name"]: pod
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"] and pod["status"].get("phase") == "Running"
    }


def leader():
    """The identity in the lease, empty when nobody holds it."""
    lease = get("lease", LEASE, OPERATOR_NAMESPACE)
    return (lease or {}).get("spec", {}).get("holderIdentity") or ""


def scale_operator(replicas):
    kubectl("scale", f"deployment/{OPERATOR}", f"--replicas={replicas}", namespace=OPERATOR_NAMESPACE)
    if replicas:
        kubectl("rollout", "status", f"deployment/{OPERATOR}", "--timeout=110s", namespace=OPERATOR_NAMESPACE)
    wait(f"{replicas} operator pods", lambda: len(operator_pods()) == replicas or None, 90)
