"""The API server dies hard and comes back, while Swiftlet runs on and users have work to catch up with."""

import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

import plane
from plane import eventually

pytestmark = pytest.mark.skipif(bool(plane.MISSING), reason=plane.MISSING)
ROOT = pathlib.Path(__file__).resolve().parents[2]
COUNT = 20
NAMESPACE = "fault"
OURS = "app.kubernetes.io/managed-by=opentelemetry-operator"
#: What every collector of this test has, besides its Deployment; `%s` is the collector's name.
OBJECTS = {
    ("v1", "Service"): ["%s-collector", "%s-collector-headless", "%s-collector-monitoring"],
    ("v1", "ServiceAccount"): ["%s-collector"],
    ("apps/v1", "Deployment"): ["%s-collector"],
    ("networking.k8s.io/v1", "NetworkPolicy"): ["%s-collector-networkpolicy"],
    ("policy/v1beta1", "PodDisruptionBudget"): ["%s-collector"],
}
CLUSTERWIDE = {
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): "%s-fault-cluster-role",
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): "%s-fault-collector",
}


@pytest.fixture(scope="module", autouse=True)
def operator():
    """Swiftlet as a process, in place of the one that conftest.py installs."""
    server = plane.Server()
    process = plane.Operator(server, "fault-operator.log")
    server.kubectl("create", "namespace", NAMESPACE)
    yield process
    try:
        process.stop()
    finally:
        server.kubectl("delete", "namespace", NAMESPACE, "--wait=false", check=False)


def collectors(names, replicas, verbosity):
    items = [
        {
            "apiVersion": "opentelemetry.io/v1beta1",
            "kind": "OpenTelemetryCollector",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "replicas": replicas,
                "config": {
                    "receivers": {"otlp": {"protocols": {"http": {}}}, "k8s_events": {}},
                    "exporters": {"debug": {"verbosity": verbosity}},
                    "service": {"pipelines": {"logs": {"receivers": ["otlp", "k8s_events"], "exporters": ["debug"]}}},
                },
            },
        }
        for name in names
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def names_of(server, version, kind):
    return sorted(item["metadata"]["name"] for item in server.list(version, kind, NAMESPACE, OURS))


def settled(server, wanted):
    """Nothing but what these collectors want is there: `wanted` is name -> (replicas, verbosity)."""
    for (version, kind), patterns in OBJECTS.items():
        assert names_of(server, version, kind) == sorted(pattern % name for name in wanted for pattern in patterns), kind
    for (version, kind), pattern in CLUSTERWIDE.items():
        found = [name for name in names_of(server, version, kind) if "-fault-" in name]
        assert found == sorted(pattern % name for name in wanted), kind
    maps = {item["metadata"]["name"]: item["data"]["collector.yaml"] for item in server.list("v1", "ConfigMap", NAMESPACE, OURS)}
    for name, (replicas, verbosity) in wanted.items():
        deployment = server.get("apps/v1", "Deployment", NAMESPACE, f"{name}-collector")["spec"]
        assert deployment["replicas"] == replicas, name
        mounted = deployment["template"]["spec"]["volumes"][0]["configMap"]["name"]
        assert f"verbosity: {verbosity}" in maps[mounted], name
        resource = server.get("opentelemetry.io/v1beta1", "OpenTelemetryCollector", NAMESPACE, name)
        status = resource["status"]
        assert status["observedGeneration"] == resource["metadata"]["generation"], name
        assert [c["status"] for c in status["conditions"] if c["type"] == "Ready"] == ["True"], name
    # Of each configuration one map: what was applied twice would be there twice.
    assert all(any(one.startswith(f"{name}-collector-") for name in wanted) for one in maps), sorted(maps)
    texts = [(name.rsplit("-", 1)[0], text) for name, text in maps.items()]
    assert len(set(texts)) == len(texts), sorted(maps)
    return True


def api_server():
    """Folder of the control plane and process id of its API server."""
    folder = pathlib.Path(plane.KUBECONFIG).parent
    pid = int((folder / "run" / "kube-apiserver.pid").read_text().split()[0])
    command = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    assert b"kube-apiserver" in command and str(folder).encode() in command, command
    return folder, pid


def writes_for(folder, names, since):
    """What was created for these collectors, by the audit log."""
    found = []
    with open(folder / "logs" / "audit.log", encoding="utf-8") as file:
        file.seek(since)
        for line in file:
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # Written in part.
            what, agent = entry.get("objectRef", {}), entry.get("userAgent", "")
            if agent.startswith("swiftlet") and entry["verb"] == "patch" and entry["responseStatus"]["code"] == 201:
                if what.get("namespace") == NAMESPACE and any(what["name"].startswith(f"{name}-") for name in names):
                    found.append(f"{what['resource']} {what['name']}")
    return found


def test_the_api_server_dies_and_comes_back(operator):
    server = operator.server
    names = [f"c{i}" for i in range(COUNT)]
    server.kubectl("apply", "-f", "-", text=collectors(names, 1, "basic"))
    eventually("all are reconciled", lambda: settled(server, {name: (1, "basic") for name in names}), 60)
    before = {
        (kind, item["metadata"]["name"]): item["metadata"]["uid"]
        for version, kind in OBJECTS
        for item in server.list(version, kind, NAMESPACE, OURS)
    }

    # Some are changed at the last moment, so that the server dies under the operator's writes.
    caught, changed, removed, added = names[:5], names[5:10], names[10:15], ["late0", "late1", "late2"]
    server.kubectl("apply", "-f", "-", text=collectors(caught, 2, "normal"))
    folder, pid = api_server()
    os.kill(pid, signal.SIGKILL)
    time.sleep(5)  # The fault itself: nobody answers.
    assert operator.process.poll() is None
    subprocess.run(
        [ROOT / "hack/cluster", "--control-plane-only", "--dir", folder, "up"],
        capture_output=True, text=True, timeout=120, check=True,
    )
    assert api_server()[1] != pid
    # At once, while watches are still being taken up again. A new server reads the webhooks' configuration first.
    eventually(
        "collectors are changed",
        lambda: server.kubectl("apply", "-f", "-", text=collectors(changed, 3, "detailed"), check=False).returncode == 0,
    )
    log = (folder / "logs" / "audit.log").stat().st_size
    server.kubectl("delete", "otelcol", "-n", NAMESPACE, "--wait=false", *removed)
    server.kubectl("apply", "-f", "-", text=collectors(added, 1, "basic"))

    wanted = {name: (1, "basic") for name in names + added}
    wanted.update({name: (2, "normal") for name in caught})
    wanted.update({name: (3, "detailed") for name in changed})
    for name in removed:
        del wanted[name]
    # A new server's garbage collector starts with a pause of its own.
    eventually("everything is as wanted", lambda: settled(server, wanted), 90)
    made_again = writes_for(folder, removed, log)
    for version, kind in OBJECTS:
        for item in server.list(version, kind, NAMESPACE, OURS):
            name = item["metadata"]["name"]
            assert before.get((kind, name), item["metadata"]["uid"]) == item["metadata"]["uid"], f"{kind} {name} was made anew"

    server.kubectl("delete", "otelcol", "-n", NAMESPACE, "--wait=false", "--all")
    eventually("nothing is left", lambda: settled(server, {}), 60)
    assert operator.ready()
    assert operator.stop() == 0
    assert not made_again, f"{len(made_again)} objects of deleted collectors were made again, and deleted again: {made_again[:3]}..."
