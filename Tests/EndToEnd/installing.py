"""What the tests of all kinds of installation share: a cluster without the suite's operator, and a list of all objects."""

import pytest
from conftest import OPERATOR_NAMESPACE, ROOT, get, install_operator, kubectl, wait

CONFIGURATIONS = {
    "mutatingwebhookconfiguration": "opentelemetry-operator-mutating-webhook-configuration",
    "validatingwebhookconfiguration": "opentelemetry-operator-validating-webhook-configuration",
}
# Kubernetes 1.20 takes its time to remove a namespace.
PATIENCE = 150


def kinds():
    done = kubectl("api-resources", "--verbs=list", "-o", "name", check=False)
    return done.stdout.split() if done.returncode == 0 else []


def everything():
    """All objects of all kinds, but those that come and go by themselves."""
    # A group whose definitions were just deleted is in the discovery for a moment more.
    said = wait("the kinds of the server", lambda: kinds() or None, 60)
    passing = ("events", "endpoints", "endpointslices", "componentstatuses", "pods", "leases", "replicasets")
    lasting = [kind for kind in said if kind.partition(".")[0] not in passing]
    columns = "custom-columns=K:.kind,NS:.metadata.namespace,N:.metadata.name"
    lines = kubectl("get", ",".join(lasting), "-A", "--ignore-not-found", "--no-headers", "-o", columns).stdout
    found = {tuple(line.split()) for line in lines.splitlines()}
    # What controllers put into each namespace a moment after it was made; a namespace of an earlier test that is leaving.
    leaving = {item["metadata"]["name"] for item in get("namespaces") if item["status"]["phase"] == "Terminating"}
    return {
        (kind, namespace, name)
        for kind, namespace, name in found
        if not (kind == "Secret" and "-token-" in name)
        and name != "kube-root-ca.crt"
        and namespace not in leaving
        and not (kind == "Namespace" and name in leaving)
    }


@pytest.fixture
def bare_cluster():
    """Without the suite's operator and its definitions; both come back afterwards."""
    for path in ("manifests/operator.yaml", "crds"):
        kubectl("delete", "--ignore-not-found", "-f", str(ROOT / path))
    wait("the suite's operator is gone", lambda: get("namespace", OPERATOR_NAMESPACE) is None, PATIENCE)
    remove_configurations()
    yield
    remove_configurations()
    kubectl("delete", "--ignore-not-found", "-f", str(ROOT / "crds"))
    install_operator()


def remove_configurations():
    for kind, name in CONFIGURATIONS.items():
        kubectl("delete", "--ignore-not-found", kind, name)
