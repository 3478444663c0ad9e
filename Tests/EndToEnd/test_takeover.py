"""Taking over from the Go operator, and the way back: what it left is adopted and no pod restarts. On a control plane
without nodes, with controllers: what would restart shows in generations, ReplicaSets, revisions and uids of pods."""

import concurrent.futures
import copy
import json
import time

import pytest

import plane
import predecessor
from plane import eventually
from predecessor import GoOperator, RenewedLease, send

pytestmark = pytest.mark.skipif(bool(plane.MISSING), reason=plane.MISSING)
V1BETA1 = "opentelemetry.io/v1beta1"
MANAGED = "app.kubernetes.io/managed-by=opentelemetry-operator"
WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet")
RELEASE = [
    ("Mutating", "opentelemetry-operator-mutating-webhook-configuration"),
    ("Validating", "opentelemetry-operator-validating-webhook-configuration"),
]
DEFINITION = "opentelemetrycollectors.opentelemetry.io"
INJECTOR = "cert-manager.io/inject-ca-from"
ADMISSION = "admissionregistration.k8s.io/v1"
OWN, OTHER = "takeover-own", "takeover-other"
HASH = "operator.opentelemetry.io/applied-sha256"


@pytest.fixture(scope="module", autouse=True)
def operator():
    """In place of the one that conftest.py installs."""


@pytest.fixture
def server():
    made = plane.Server()
    plane.install_definitions(made)
    yield made
    plane.remove_webhooks(made)


def make_namespace(server, name):
    server.kubectl("create", "namespace", name)
    eventually(
        "the service account is there",
        lambda: (server.get("v1", "ServiceAccount", name, "default") or {}).get("secrets")
        or server.get("v1", "ConfigMap", name, "kube-root-ca.crt"),
    )


@pytest.fixture
def namespace(server, request):
    # The label with the name of a cluster role holds 63 characters.
    name = "takeover-" + request.node.name.removeprefix("test_").replace("_", "-")[:16].strip("-")
    make_namespace(server, name)
    yield name
    # An operator is not there any more, and a finalizer of the Go operator would keep the collectors.
    for item in server.list(V1BETA1, "OpenTelemetryCollector", name):
        server.kubectl(
            "-n", name, "patch", "otelcol", item["metadata"]["name"], "--type=merge",
            "-p", '{"metadata":{"finalizers":null}}', check=False,
        )
    server.kubectl("delete", "namespace", name, "--wait=false", check=False)


def kinds(server):
    beta = server.path("policy/v1", "PodDisruptionBudget", "x") is None
    return [
        ("v1", "ConfigMap"), ("v1", "ServiceAccount"), ("v1", "Service"), ("apps/v1", "Deployment"),
        ("apps/v1", "DaemonSet"), ("apps/v1", "StatefulSet"), ("networking.k8s.io/v1", "Ingress"),
        ("networking.k8s.io/v1", "NetworkPolicy"), ("policy/v1beta1" if beta else "policy/v1", "PodDisruptionBudget"),
        ("autoscaling/v2beta2" if beta else "autoscaling/v2", "HorizontalPodAutoscaler"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole"), ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ]


def owned(server, namespace):
    """Everything that belongs to the namespace's collectors, by kind and name."""
    found = {}
    for version, kind in kinds(server):
        for item in server.list(version, kind, namespace, MANAGED):
            if item["metadata"]["labels"]["app.kubernetes.io/instance"].startswith(f"{namespace}."):
                found[kind, item["metadata"]["name"]] = item
    return found


def others(item):
    """What managers other than the two operators own, and the Go operator's own share of status."""
    return sorted(
        json.dumps([entry["manager"], entry["operation"], entry["fieldsV1"]], sort_keys=True)
        for entry in item["metadata"]["managedFields"]
        # It writes the status of workloads, also when something else changed, and grows by it.
        if entry["manager"] not in ("manager", "swiftlet", "kube-controller-manager")
    )


def running(server, namespace):
    """All that would be another one after a restart of pods."""
    snapshot = {}
    for (kind, name), item in owned(server, namespace).items():
        snapshot[kind, name] = item["metadata"]["uid"]
        if kind in WORKLOADS:
            snapshot[kind, name, "generation"] = item["metadata"]["generation"]
            snapshot[kind, name, "spec"] = item["spec"]
    for version, kind in (("apps/v1", "ReplicaSet"), ("apps/v1", "ControllerRevision"), ("v1", "Pod")):
        for item in server.list(version, kind, namespace):
            # What a garbage collector or scheduler writes is no restart; another object or spec is.
            snapshot[kind, item["metadata"]["name"]] = item["metadata"]["uid"]
            snapshot[kind, item["metadata"]["name"], "spec"] = item.get("spec", item.get("data"))
    return snapshot


def is_adopted(server, namespace, count):
    """Whether all objects are ours and none is the Go operator's any more."""
    found = owned(server, namespace)
    assert len(found) == count, sorted(found)
    for key, item in found.items():
        entries = [(e["manager"], e["operation"]) for e in item["metadata"]["managedFields"]]
        assert ("swiftlet", "Apply") in entries, (key, entries)
        assert ("manager", "Update") not in entries, (key, entries)
    return True


def taken_over(server, namespace, name):
    return [
        item for item in server.list("events.k8s.io/v1", "Event", namespace)
        if item.get("reason") == "TakenOver" and item["regarding"]["name"] == name
    ]


def collectors(namespace):
    claims = [{
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }]
    return [
        predecessor.collector(
            namespace, "web", "deployment", env=[{"name": "FIRST", "value": "1"}],
            autoscaler={"minReplicas": 1, "maxReplicas": 3, "targetCPUUtilization": 90},
            ingress={"type": "ingress", "hostname": "example.com"},
        ),
        predecessor.collector(namespace, "node", "daemonset", predecessor.ATTRIBUTES),
        predecessor.collector(namespace, "store", "statefulset", volumeClaimTemplates=claims),
        predecessor.collector(namespace, "side", "sidecar"),
    ]


def leave(server, namespace):
    """A namespace as the Go operator left it, after a while of use; returns the number of its objects."""
    go = GoOperator(server)
    beta = server.path("policy/v1", "PodDisruptionBudget", namespace) is None
    count = 0
    for wanted in collectors(namespace):
        server.kubectl("apply", "-f", "-", text=json.dumps(wanted))
        name = wanted["metadata"]["name"]
        stored = server.get(V1BETA1, "OpenTelemetryCollector", namespace, name)
        made = predecessor.objects(server, stored, beta)
        for item in made:
            if item["kind"] == "Deployment":
                # It was made with less, and updated when the user wanted more.
                first = copy.deepcopy(item)
                del first["spec"]["template"]["spec"]["containers"][0]["env"][0]
                go.put(first)
            go.put(item)
        go.keep(stored)
        count += len(made)
    instrumentation = {
        "apiVersion": "opentelemetry.io/v1alpha1", "kind": "Instrumentation",
        "metadata": {
            "name": "inst", "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": "opentelemetry-operator"},
        },
        "spec": {"exporter": {"endpoint": "http://web-collector:4317"}, "python": {"image": "example.com/python:1"}},
    }
    server.kubectl("apply", "-f", "-", text=json.dumps(instrumentation))
    send(server, "POST", f"/api/v1/namespaces/{namespace}/pods", predecessor.injected_pod(namespace, "side"), "kubectl")
    # What people and other programs did to the objects.
    server.kubectl("-n", namespace, "label", "service", "web-collector", "team-note=kept")
    server.kubectl("-n", namespace, "annotate", "deployment", "web-collector", "example.com/note=kept")
    server.kubectl("-n", namespace, "rollout", "restart", "daemonset", "node-collector")
    # The controllers have done what they had to when nothing changes for a moment.
    def settled():
        before = running(server, namespace)
        assert {kind for kind, *_ in before} >= {"ReplicaSet", "ControllerRevision", "Pod"}
        pods = server.list("v1", "Pod", namespace, MANAGED)
        assert {pod["metadata"]["name"].split("-")[0] for pod in pods} >= {"web", "store"}
        revision = owned(server, namespace)["Deployment", "web-collector"]
        assert revision["status"].get("observedGeneration") == revision["metadata"]["generation"]
        time.sleep(1)
        return running(server, namespace) == before
    eventually("what the Go operator left is at rest", settled, 60)
    return count


def test_takes_over_without_a_restart_and_gives_back(server, namespace):
    count = leave(server, namespace)
    before, left = running(server, namespace), owned(server, namespace)
    instrumentation = server.get("opentelemetry.io/v1alpha1", "Instrumentation", namespace, "inst")
    swiftlet = plane.Operator(server, "takeover-operator.log")
    try:
        eventually("everything is adopted", lambda: is_adopted(server, namespace, count), 60)
        time.sleep(1)
        assert running(server, namespace) == before
        for key, item in owned(server, namespace).items():
            assert others(item) == others(left[key]), key
            assert all(
                item["metadata"]["annotations"][name] == value
                for name, value in left[key]["metadata"].get("annotations", {}).items()
                if name != HASH
            ), key
            assert left[key]["metadata"]["labels"].items() <= item["metadata"]["labels"].items(), key
        for wanted in collectors(namespace):
            name = wanted["metadata"]["name"]
            live = server.get(V1BETA1, "OpenTelemetryCollector", namespace, name)
            assert not live["metadata"].get("finalizers"), name
            assert live["status"]["version"] == predecessor.VERSION
            events = eventually("it is told", lambda: taken_over(server, namespace, name))
            assert len(events) == 1 and "series" not in events[0], events
            note = events[0]["note"]
            assert "from the field manager manager" in note and predecessor.FINALIZER in note, note
            for kind, object_name in left:
                if object_name.startswith(f"{name}-"):
                    assert f"{kind} {object_name}" in note, note
        after = server.get("opentelemetry.io/v1alpha1", "Instrumentation", namespace, "inst")
        assert after["spec"] == instrumentation["spec"]
    finally:
        swiftlet.stop()
    kept = owned(server, namespace)

    # Back: the Go operator writes what it wants, as after any start.
    go, beta = GoOperator(server), server.path("policy/v1", "PodDisruptionBudget", namespace) is None
    for wanted in collectors(namespace):
        stored = server.get(V1BETA1, "OpenTelemetryCollector", namespace, wanted["metadata"]["name"])
        for item in predecessor.objects(server, stored, beta):
            go.put(item)
        go.keep(stored)
    time.sleep(1)
    assert running(server, namespace) == before
    assert kept.keys() == owned(server, namespace).keys()
    # It lives on there: somebody wants something, and gets it.
    server.kubectl(
        "-n", namespace, "patch", "otelcol", "web", "--type=merge",
        "-p", '{"spec":{"env":[{"name":"FIRST","value":"1"},{"name":"SECOND","value":"2"}]}}',
    )
    stored = server.get(V1BETA1, "OpenTelemetryCollector", namespace, "web")
    for item in predecessor.objects(server, stored, beta):
        go.put(item)
    def rolled():
        deployment = owned(server, namespace)["Deployment", "web-collector"]
        return deployment["status"].get("observedGeneration") == deployment["metadata"]["generation"]
    eventually("the change is rolled out", rolled)
    time.sleep(1)
    before = running(server, namespace)

    # And over to Swiftlet again.
    swiftlet = plane.Operator(server, "takeover-operator-again.log")
    try:
        def released():
            items = server.list(V1BETA1, "OpenTelemetryCollector", namespace)
            return all(not item["metadata"].get("finalizers") for item in items)
        eventually("the finalizers are off again", released)
        time.sleep(2)
        assert running(server, namespace) == before
        # What the Go operator put there in between goes when it is no longer wanted.
        server.kubectl(
            "-n", namespace, "patch", "otelcol", "web", "--type=merge",
            "-p", '{"spec":{"env":[{"name":"FIRST","value":"1"}]}}',
        )
        def names():
            deployment = owned(server, namespace)["Deployment", "web-collector"]
            container = deployment["spec"]["template"]["spec"]["containers"][0]
            return "SECOND" not in [variable["name"] for variable in container["env"]]
        eventually("what is no longer wanted is gone", names)
    finally:
        swiftlet.stop()


def entry(name, path, resource, service, policy="Fail"):
    group, version = ("", "v1") if resource == "pods" else ("opentelemetry.io", path.split("-")[3])
    return {
        "name": name, "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": policy,
        "clientConfig": {"service": {**service, "path": path}},
        "rules": [{
            "apiGroups": [group], "apiVersions": [version], "operations": ["CREATE", "UPDATE"],
            "resources": [resource],
        }],
    }


def mutating(service):
    return [
        entry(
            "minstrumentation.kb.io", "/mutate-opentelemetry-io-v1alpha1-instrumentation", "instrumentations", service,
        ),
        entry("mopampbridge.kb.io", "/mutate-opentelemetry-io-v1alpha1-opampbridge", "opampbridges", service),
        entry(
            "mopentelemetrycollectorbeta.kb.io", "/mutate-opentelemetry-io-v1beta1-opentelemetrycollector",
            "opentelemetrycollectors", service,
        ),
        entry("mpod.kb.io", "/mutate-v1-pod", "pods", service, "Ignore"),
    ]


def validating(service):
    return [
        entry(
            "vopampbridgecreateupdate.kb.io", "/validate-opentelemetry-io-v1alpha1-opampbridge", "opampbridges",
            service,
        ),
        entry(
            "vopentelemetrycollectorcreateupdatebeta.kb.io",
            "/validate-opentelemetry-io-v1beta1-opentelemetrycollector", "opentelemetrycollectors", service,
        ),
    ]


def configurations(names, service, **metadata):
    return {
        "apiVersion": "v1", "kind": "List",
        "items": [
            {
                "apiVersion": ADMISSION, "kind": f"{kind}WebhookConfiguration", "metadata": {"name": name, **metadata},
                "webhooks": (mutating if kind == "Mutating" else validating)(service),
            } for kind, name in names
        ],
    }


def test_the_webhooks_of_the_release_manifest_become_ours(server):
    """Also where nobody applied our manifest over it: theirs go, and cert-manager is told to leave ours alone."""
    service = {"namespace": "opentelemetry-operator-system", "name": "opentelemetry-operator-webhook-service"}
    note = {INJECTOR: "opentelemetry-operator-system/opentelemetry-operator-serving-cert", "example.com/note": "kept"}
    server.kubectl("apply", "-f", "-", text=json.dumps(configurations(RELEASE, service, annotations=note)))
    server.kubectl("annotate", "crd", DEFINITION, f"{INJECTOR}={note[INJECTOR]}", "--overwrite")
    swiftlet = plane.Operator(server, "takeover-webhooks.log")
    try:
        for kind, name in RELEASE:
            live = server.get(ADMISSION, f"{kind}WebhookConfiguration", "", name)
            names = [hook["name"] for hook in live["webhooks"]]
            assert "mopampbridge.kb.io" not in names and "vopampbridgecreateupdate.kb.io" not in names
            assert len(names) == len(set(names)) >= 3
            assert all("service" not in hook["clientConfig"] for hook in live["webhooks"])
            assert INJECTOR not in live["metadata"]["annotations"]
            assert live["metadata"]["annotations"]["example.com/note"] == "kept"
        definition = server.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", DEFINITION)
        assert INJECTOR not in definition["metadata"].get("annotations", {})
        # Put back, by whoever still has the old manifest: taken off again.
        server.kubectl("annotate", "mutatingwebhookconfiguration", RELEASE[0][1], f"{INJECTOR}={note[INJECTOR]}")
        def is_off():
            live = server.get(ADMISSION, "MutatingWebhookConfiguration", "", RELEASE[0][1])
            return INJECTOR not in live["metadata"]["annotations"]
        eventually("the annotation is taken off again", is_off)
    finally:
        swiftlet.stop()


CHART = [("Mutating", "otel-opentelemetry-operator-mutation"), ("Validating", "otel-opentelemetry-operator-validation")]


@pytest.fixture
def chart(server):
    """What the Go operator's Helm chart leaves in a namespace of its own, once its Deployment has no pods."""
    for name in (OWN, OTHER):
        make_namespace(server, name)
    labels = {"app.kubernetes.io/name": "opentelemetry-operator"}
    name = "otel-opentelemetry-operator"
    containers = [{"name": "manager", "image": "example.com/go:1"}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    server.kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "apps/v1", "kind": "Deployment",
         "metadata": {"name": name, "namespace": OTHER, "labels": labels},
         "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"{name}-webhook", "namespace": OTHER},
         "spec": {"selector": labels, "ports": [{"port": 443}]}},
    ]}))
    yield {"namespace": OTHER, "name": f"{name}-webhook"}
    for kind, configuration in CHART:
        server.kubectl("delete", f"{kind}WebhookConfiguration", configuration, "--ignore-not-found", check=False)
    # The next test makes them again.
    server.kubectl("delete", "namespace", OWN, OTHER, check=False)


def told(server, reason):
    return [
        item for item in server.list("events.k8s.io/v1", "Event", OWN)
        if item.get("reason") == reason and item["regarding"]["kind"] == "Deployment"
    ]


def test_waits_for_an_operator_of_another_namespace(server, namespace, chart):
    server.kubectl("apply", "-f", "-", text=json.dumps(predecessor.collector(namespace, "web", "deployment")))
    lease = RenewedLease(server, OTHER)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        starting = pool.submit(plane.Operator, server, "takeover-waiting.log", "--namespace", OWN)
        try:
            waiting = eventually("it says that it waits", lambda: told(server, "WaitingForOperator"))
            assert OTHER in waiting[0]["note"] and predecessor.LEASE in waiting[0]["note"]
            # Longer than the Lease lasts: it is renewed.
            time.sleep(lease.seconds + 2)
            assert not owned(server, namespace), "an operator that waits must not write what the other one writes"
            assert server.get(ADMISSION, "MutatingWebhookConfiguration", "", RELEASE[0][1]) is None
        finally:
            lapsed = lease.lapse()
            swiftlet = starting.result(timeout=90)
    try:
        # Not before the Lease is over by anybody's clock.
        eventually("the collector is made", lambda: ("Deployment", "web-collector") in owned(server, namespace))
        assert time.monotonic() - lapsed >= lease.seconds * 3 / 4 - 0.5
        eventually("it says that it goes on", lambda: told(server, "OperatorGone"))
        assert not told(server, "OtherOperatorActive")
    finally:
        swiftlet.stop()


def test_webhooks_that_nobody_answers_are_told(server, chart):
    server.kubectl("apply", "-f", "-", text=json.dumps(configurations(CHART, chart)))
    swiftlet = plane.Operator(server, "takeover-left.log", "--namespace", OWN)
    try:
        def both():
            events = told(server, "WebhooksLeftBehind")
            return events if len(events) == 2 else None
        events = eventually("both are told", both)
        notes = sorted(event["note"] for event in events)
        for note, (kind, name) in zip(notes, CHART, strict=True):
            assert f"kubectl delete {kind.lower()}webhookconfiguration {name}" in note
            assert "refuses to write" in note and "opentelemetrycollectors" in note
            # They are somebody else's: told, not touched.
            assert server.get(ADMISSION, f"{kind}WebhookConfiguration", "", name)
        assert all(event["type"] == "Warning" for event in events)
    finally:
        swiftlet.stop()
