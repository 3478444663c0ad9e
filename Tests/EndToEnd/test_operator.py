"""The operator itself: a leader killed, an operator that was away, and nothing written while nothing changes."""

import json
import os
import time

from conftest import OPERATOR_NAMESPACE, kubectl, leader, operator_pods, scale_operator, wait
from test_collector import collector


def test_killed_leader_is_replaced(namespace):
    scale_operator(2)
    first = wait("a leader", leader, 40)
    name = next(pod for pod in operator_pods() if first.startswith(pod))
    started = time.monotonic()
    # Hard: the process gets SIGKILL and can release nothing.
    kubectl("delete", "pod", name, "--grace-period=0", "--force", namespace=OPERATOR_NAMESPACE)
    namespace.apply(collector("after", "deployment"))
    wait("another leader", lambda: leader() not in ("", first) and leader(), 30)
    took = time.monotonic() - started
    assert took < 15 + 3 + 2, f"{took:.1f} s, more than lease + 3 s (and 2 s for kubectl)"
    namespace.ready("deployment", "after-collector")
    scale_operator(2)


def test_world_changed_while_the_operator_was_away(namespace):
    namespace.apply(collector("kept", "deployment"))
    namespace.apply(collector("removed", "deployment"))
    namespace.ready("deployment", "kept-collector")
    namespace.ready("deployment", "removed-collector")
    scale_operator(0)
    # Whoever has no operator has no webhook either; the resources are to be changed nevertheless.
    hooks = "opentelemetry-operator-mutating-webhook-configuration", "opentelemetry-operator-validating-webhook-configuration"
    for kind, hook in zip(("mutatingwebhookconfiguration", "validatingwebhookconfiguration"), hooks):
        kubectl("patch", kind, hook, "--type=json", "-p", json.dumps([{"op": "replace", "path": "/webhooks", "value": []}]))
    namespace.delete("otelcol", "removed")
    namespace.delete("service", "kept-collector")
    kubectl("scale", "deployment/kept-collector", "--replicas=3", namespace=namespace.name)
    patch = {"spec": {"replicas": 2, "config": {"exporters": {"debug": {"verbosity": "basic"}}}}}
    kubectl("patch", "otelcol", "kept", "--type=merge", "-p", json.dumps(patch), namespace=namespace.name)
    namespace.apply(collector("added", "statefulset"))
    time.sleep(1)
    scale_operator(2)
    wait("the service is back", lambda: namespace.get("service", "kept-collector"))
    wait("the replicas are right", lambda: namespace.get("deployment", "kept-collector")["spec"]["replicas"] == 2)
    namespace.ready("deployment", "kept-collector")
    namespace.ready("statefulset", "added-collector")
    wait("the deleted one is gone", lambda: namespace.get("deployment", "removed-collector") is None)
    assert namespace.get("configmaps", selector=f"app.kubernetes.io/instance={namespace.name}.removed") == []


def writes_of_the_operator(since):
    """Audit entries of the operator's service account after a time: (verb, resource, name)."""
    found = []
    with open(os.environ["SWIFTLET_AUDIT_LOG"], encoding="utf-8") as file:
        file.seek(since)
        for line in file:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if OPERATOR_NAMESPACE not in entry["user"]["username"]:
                continue
            if entry["verb"] in ("create", "update", "patch", "delete", "deletecollection"):
                what = entry.get("objectRef", {})
                found.append((entry["verb"], what.get("resource"), what.get("name")))
    return found


def test_no_write_at_rest(namespace):
    """A hundred collectors, and after they have settled nothing but lease renewals."""
    count = 100
    text = "---".join(
        # No replicas: this is about the operator, not about a hundred real collector processes.
        collector(f"c{i}", "deployment", extra="  replicas: 0\n") for i in range(count)
    )
    namespace.apply(text)
    wait(
        "all are reconciled",
        lambda: sum(1 for c in namespace.get("otelcol") if c.get("status", {}).get("conditions")) == count,
        120,
    )
    log = os.environ["SWIFTLET_AUDIT_LOG"]
    quiet = wait("the audit log is quiet for five seconds", lambda: settled(log), 60)
    time.sleep(20)
    writes = [w for w in writes_of_the_operator(quiet) if w[1] != "leases"]
    assert writes == []


def settled(log):
    """The size of the audit log if the operator wrote nothing in five seconds, else None."""
    before = os.path.getsize(log)
    time.sleep(5)
    return None if [w for w in writes_of_the_operator(before) if w[1] != "leases"] else before
