"""What became of what pods asked for, and where people find it: on the pod, at its workload, in the Instrumentation,
from kubectl and from `swiftlet explain`. And settings that decide on all pods. On a control plane without nodes: pods
are created there, and stay Pending."""

import json
import subprocess

import pytest

import plane
from plane import eventually

pytestmark = pytest.mark.skipif(bool(plane.MISSING), reason=plane.MISSING)
PREFIX = "instrumentation.opentelemetry.io/"
STAMP = "swiftlet.opentelemetry.io/injection"
V1ALPHA1 = "opentelemetry.io/v1alpha1"


class Running:
    """One operator at a time, with the flags that a test wants; tests that want the same share it."""

    def __init__(self):
        self.server = plane.Server()
        self.operator = None
        self.flags = None
        self.starts = 0

    def use(self, *flags):
        if self.operator is None or self.flags != flags:
            self.away()
            self.starts += 1
            self.operator = plane.Operator(self.server, f"decisions-operator-{self.starts}.log", *flags)
            self.flags = flags

    def away(self):
        """No operator, and no webhook that would ask one."""
        if self.operator is not None:
            operator, self.operator = self.operator, None
            assert operator.stop() == 0


@pytest.fixture(scope="module", autouse=True)
def operator():
    """In place of the one that conftest.py installs."""
    running = Running()
    yield running
    running.away()


@pytest.fixture
def namespace(operator, request):
    """A namespace of the test's own, with its service account."""
    name = "decisions-" + request.node.name.removeprefix("test_").partition("[")[0].replace("_", "-")[:40].strip("-")
    # From Kubernetes 1.21 on the API server does this; selectors by name want it.
    made = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
    }
    operator.server.kubectl("apply", "-f", "-", text=json.dumps(made))
    eventually(
        "the service account has its token",
        lambda: (
            (operator.server.get("v1", "ServiceAccount", name, "default") or {}).get("secrets")
            or operator.server.get("v1", "ConfigMap", name, "kube-root-ca.crt")
        ),
    )
    yield name
    operator.server.kubectl("delete", "namespace", name, "--wait=false", check=False)


def apply(operator, namespace, *objects):
    for value in objects:
        value["metadata"]["namespace"] = namespace
    items = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    return operator.server.kubectl("apply", "-f", "-", text=items)


def instrumentation(name="inst", annotations=None, **spec):
    return {
        "apiVersion": V1ALPHA1,
        "kind": "Instrumentation",
        "metadata": {"name": name, "annotations": annotations or {}},
        "spec": spec,
    }


def annotations(values):
    return {key if "/" in key else PREFIX + key: value for key, value in values.items()}


CONTAINERS = [{"name": "app", "image": "example.com/app:1"}]


def pod(name, asked):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "annotations": annotations(asked)},
        "spec": {"containers": CONTAINERS},
    }


def deployment(name, replicas, asked):
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": annotations(asked)},
                "spec": {"containers": CONTAINERS},
            },
        },
    }


def pods_of(operator, namespace, name, count):
    def found():
        pods = operator.server.list("v1", "Pod", namespace, f"app={name}")
        return pods if len(pods) == count else None

    return eventually(f"{count} pods of {name}", found)


def stamp(value):
    return json.loads(value["metadata"].get("annotations", {}).get(STAMP, "[]"))


def known(operator, namespace):
    """Waits until the webhook knows the Instrumentation `inst`, which its own watch tells it."""
    probe = pod("probe", {"inject-sdk": "inst"}) | {}
    probe["metadata"]["namespace"] = namespace

    def injected():
        done = operator.server.kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", text=json.dumps(probe))
        return [one["code"] for one in stamp(json.loads(done.stdout))] == ["Injected"]

    eventually("the webhook knows the Instrumentation", injected)


def explain(operator, namespace, *arguments):
    command = [plane.BINARY, "explain", *arguments, "-n", namespace, "--kubeconfig", operator.server.kubeconfig]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def injections(operator, namespace, name="inst"):
    found = operator.server.get(V1ALPHA1, "Instrumentation", namespace, name)
    return {(one["language"], one["reason"]): one["count"] for one in found.get("status", {}).get("injections", [])}


def test_pods_of_a_deployment_say_what_was_decided(operator, namespace):
    operator.use()
    apply(operator, namespace, instrumentation())
    known(operator, namespace)
    asked = {
        "inject-java": "true",
        "inject-nginx": "true",
        "java-container-names": "app",
        "nginx-container-names": "app",
    }
    apply(operator, namespace, deployment("shop", 2, {"inject-java": "true"}), deployment("both", 1, asked))
    for found in pods_of(operator, namespace, "shop", 2):
        assert found["metadata"]["ownerReferences"][0]["kind"] == "ReplicaSet"
        assert stamp(found) == [
            {"subject": "java", "code": "Injected", "containers": ["app"], "source": f"{namespace}/inst"}
        ]
        environment = {one["name"]: one.get("value", "") for one in found["spec"]["containers"][0]["env"]}
        assert "k8s.deployment.name=shop" in environment["OTEL_RESOURCE_ATTRIBUTES"]
    (found,) = pods_of(operator, namespace, "both", 1)
    assert {(one["subject"], one["code"]) for one in stamp(found)} == {
        ("java", "Injected"),
        ("nginx", "LanguageDisabled"),
    }


def test_a_deployment_has_one_event_for_all_its_pods(operator, namespace):
    operator.use()
    apply(operator, namespace, deployment("wrong", 5, {"inject-java": "nosuch"}))
    pods = pods_of(operator, namespace, "wrong", 5)
    assert {one["code"] for found in pods for one in stamp(found)} == {"InstrumentationNotFound"}

    def events():
        found = operator.server.list("events.k8s.io/v1", "Event", namespace)
        return [event for event in found if event["reason"] == "InstrumentationNotFound"]

    def counted():
        (event,) = events()
        return event if event.get("series", {}).get("count") == 5 else None

    event = eventually("one Event that counts five pods", counted, 60)
    wanted = operator.server.get("apps/v1", "Deployment", namespace, "wrong")
    assert (event["regarding"]["kind"], event["regarding"]["name"]) == ("Deployment", "wrong")
    assert event["regarding"]["uid"] == wanted["metadata"]["uid"]
    assert event["type"] == "Warning" and '"nosuch" not found' in event["note"]
    described = operator.server.kubectl("describe", "deployment", "wrong", "-n", namespace).stdout
    assert "InstrumentationNotFound" in described.partition("Events:")[2], described


def test_an_instrumentation_counts_its_pods(operator, namespace):
    operator.use()
    apply(operator, namespace, instrumentation())
    known(operator, namespace)
    refused = {"inject-dotnet": "true", "otel-dotnet-auto-runtime": "linux-arm64"}
    apply(operator, namespace, deployment("shop", 3, {"inject-java": "true"}), deployment("odd", 2, refused))
    first = {("java", "Injected"): 3, ("dotnet", "UnsupportedPlatform"): 2}
    eventually("the first burst is counted", lambda: injections(operator, namespace) == first)
    operator.server.kubectl("scale", "deployment", "shop", "-n", namespace, "--replicas=25")
    second = first | {("java", "Injected"): 25}
    eventually("the second burst is counted", lambda: injections(operator, namespace) == second)
    found = operator.server.get(V1ALPHA1, "Instrumentation", namespace, "inst")["status"]["injections"]
    (message,) = [one["message"] for one in found if one["language"] == "dotnet"]
    assert "linux-arm64" in message
    assert all(one["lastTime"].endswith("Z") for one in found)
    # What a dry run asked (`known`) is not counted, and what is counted stays as it is.
    version = operator.server.get(V1ALPHA1, "Instrumentation", namespace, "inst")["metadata"]["resourceVersion"]
    known(operator, namespace)
    again = operator.server.get(V1ALPHA1, "Instrumentation", namespace, "inst")["metadata"]["resourceVersion"]
    assert version == again and injections(operator, namespace) == second


def test_kubectl_shows_warnings(operator, namespace):
    operator.use()
    done = apply(
        operator, namespace, pod("wrong", {"inject-java": "nosuch", "sidecar.opentelemetry.io/inject": "true"})
    )
    assert "pod/wrong created" in done.stdout
    assert "Warning: java not injected (InstrumentationNotFound): " in done.stderr, done.stderr
    assert "Warning: sidecar not injected (CollectorNotFound): " in done.stderr, done.stderr
    done = apply(operator, namespace, pod("plain", {}))
    assert "Warning" not in done.stderr


def test_explain_of_what_is_in_a_cluster(operator, namespace):
    operator.use()
    apply(operator, namespace, instrumentation())
    known(operator, namespace)
    apply(
        operator,
        namespace,
        pod("good", {"inject-java": "true"}),
        pod("wrong", {"inject-java": "nosuch"}),
        pod("plain", {}),
        deployment("shop", 0, {"inject-java": "true"}),
        deployment("bad", 0, {"inject-java": "nosuch"}),
    )
    done = explain(operator, namespace, "pod", "good")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"java  Injected (app) from {namespace}/inst" in done.stdout, done.stdout
    done = explain(operator, namespace, "pod", "good", "-o", "json")
    (found,) = json.loads(done.stdout)
    assert (found["kind"], found["name"], found["namespace"]) == ("Pod", "good", namespace)
    assert found["then"] == [
        {"subject": "java", "code": "Injected", "containers": ["app"], "source": f"{namespace}/inst"}
    ]
    assert "now" not in found and "remark" not in found

    done = explain(operator, namespace, "pod", "wrong", "-o", "json")
    (found,) = json.loads(done.stdout)
    assert done.returncode == 1 and [one["code"] for one in found["then"]] == ["InstrumentationNotFound"]
    done = explain(operator, namespace, "pod", "plain", "-o", "json")
    (found,) = json.loads(done.stdout)
    assert done.returncode == 0 and [one["code"] for one in found["now"]] == ["NoAnnotation"] and "then" not in found

    done = explain(operator, namespace, "deployment", "shop")
    assert done.returncode == 0 and "java  Injected (app)" in done.stdout, done
    done = explain(operator, namespace, "deployment", "bad", "-o", "json")
    assert done.returncode == 1 and json.loads(done.stdout)[0]["now"][0]["code"] == "InstrumentationNotFound"
    done = explain(operator, namespace, "deploy", "nosuch")
    assert done.returncode == 64 and done.stdout == "" and "nosuch" in done.stderr, done
    assert explain(operator, namespace, "service", "a").returncode == 64

    # What is wrong is mended: the pod still says what it was, and would come out otherwise now.
    apply(operator, namespace, instrumentation("nosuch"))
    done = explain(operator, namespace, "pod", "wrong", "-o", "json")
    (found,) = json.loads(done.stdout)
    assert [one["code"] for one in found["then"] + found["now"]] == ["InstrumentationNotFound", "Injected"]


def test_explain_of_a_pod_that_no_webhook_saw(operator, namespace):
    operator.use()
    apply(operator, namespace, instrumentation())
    known(operator, namespace)
    operator.away()
    apply(operator, namespace, pod("early", {"inject-java": "true"}))
    done = explain(operator, namespace, "pod", "early", "-o", "json")
    (found,) = json.loads(done.stdout)
    assert done.returncode == 1, done
    assert "then" not in found and [one["code"] for one in found["now"]] == ["Injected"]
    assert found["remark"].startswith("the webhook was not asked when this pod was created"), found
    done = explain(operator, namespace, "pod", "early")
    assert done.returncode == 1 and "the webhook was not asked" in done.stdout


def test_excluded_namespaces(operator, namespace):
    operator.use("--webhook-excluded-namespaces", f"{namespace},kube-system")
    apply(operator, namespace, instrumentation(), pod("a", {"inject-java": "true"}))
    found = operator.server.get("v1", "Pod", namespace, "a")
    assert stamp(found) == [] and "initContainers" not in found["spec"]
    done = explain(operator, namespace, "pod", "a")
    assert done.returncode == 1 and "the namespace is excluded" in done.stdout
    # Others come.
    done = operator.server.kubectl(
        "create", "-n", "default", "--dry-run=server", "-f", "-", text=json.dumps(pod("a", {"inject-java": "nosuch"}))
    )
    assert "Warning: java not injected" in done.stderr


CONFIG_FILE = """
enable-instrumentation-crds: false
instrumentations:
  spec:
    exporter: {endpoint: "http://from-the-file:4317"}
    imagepullpolicy: Always
    defaults: {uselabelsforresourceattributes: true}
    resource: {addk8suidattributes: true, resourceattributes: {Environment: e2e}}
    env: [{name: FROM_FILE, value: "yes"}]
    java: {image: "example.com/java:1"}
"""


def test_the_instrumentation_of_the_configuration_file(operator, namespace, tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG_FILE)
    operator.use("--config-file", str(file))
    apply(operator, namespace, pod("good", {"inject-java": "true"}))
    found = operator.server.get("v1", "Pod", namespace, "good")
    (agent,) = found["spec"]["initContainers"]
    assert (agent["image"], agent["imagePullPolicy"]) == ("example.com/java:1", "Always")
    assert [one["code"] for one in stamp(found)] == ["Injected"]
    environment = {one["name"]: one.get("value", "") for one in found["spec"]["containers"][0]["env"]}
    assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://from-the-file:4317"
    assert environment["FROM_FILE"] == "yes"
    # A key that is data keeps its case.
    assert "Environment=e2e" in environment["OTEL_RESOURCE_ATTRIBUTES"]
    assert "OTEL_RESOURCE_ATTRIBUTES_POD_UID" in environment
    # What the file gives no image has none.
    done = apply(operator, namespace, pod("imageless", {"inject-python": "true"}))
    assert "(ImageNotSet)" in done.stderr
    done = apply(operator, namespace, pod("named", {"inject-java": "inst"}))
    assert "Warning: java not injected (InstrumentationNotFound): " in done.stderr
    found = operator.server.get("v1", "Pod", namespace, "named")
    assert [one["code"] for one in stamp(found)] == ["InstrumentationNotFound"]
    assert "initContainers" not in found["spec"]


@pytest.mark.parametrize(
    "text",
    [
        "- a list\n",
        "a: b: c\n",
        "enable-instrumentation-crds: maybe\n",
        "enable-webhooks: [yes]\n",
        "metrics-addr: {a: b}\n",
        "enable-instrumentation-crds: false\ninstrumentations: none\n",
    ],
    ids=["list", "no-yaml", "no-boolean", "list-for-one", "mapping-for-one", "no-instrumentation"],
)
def test_a_configuration_file_that_makes_no_sense_ends_the_operator(operator, text, tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(text)
    command = [plane.BINARY, "operator", "--kubeconfig", operator.server.kubeconfig, "--config-file", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done
    assert done.stderr.startswith("configuration error: "), done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_stored_instrumentations_are_upgraded_at_start(operator, namespace):
    record = PREFIX + "default-auto-instrumentation-java-image"
    old, new = "example.com/java:2.20.0", "example.com/java:2.30.0"

    def stored(name, image, default):
        return instrumentation(name, {record: default}, java={"image": image})

    def read(name):
        return operator.server.get(V1ALPHA1, "Instrumentation", namespace, name)

    # No webhook is there that would default what is written.
    operator.away()
    plane.install_definitions(operator.server)
    apply(
        operator,
        namespace,
        stored("follows", old, old),
        stored("own", "example.com/own:1", old),
        stored("blocked", "example.com/java:1.32.0", "example.com/java:1.32.0"),
    )
    own = read("own")["metadata"]["resourceVersion"]
    flag = f"--auto-instrumentation-java-image={new}"
    operator.use(flag)
    eventually("the image follows", lambda: read("follows")["spec"]["java"]["image"] == new)
    assert read("follows")["metadata"]["annotations"][record] == new
    assert read("own")["metadata"]["resourceVersion"] == own
    blocked = eventually(
        "what is blocked says so", lambda: read("blocked").get("status", {}).get("upgradeBlockedVersions")
    )
    assert list(blocked) == ["java"] and blocked["java"].startswith("Automated upgrade blocked for java: "), blocked
    assert read("blocked")["spec"]["java"]["image"] == "example.com/java:1.32.0"

    def events():
        found = operator.server.list("events.k8s.io/v1", "Event", namespace)
        return [event for event in found if event["reason"] == "UpgradeBlocked"]

    (event,) = eventually("an Event", events)
    assert (event["regarding"]["name"], event["action"], event["type"]) == ("blocked", "Upgrade-java", "Warning")

    # A second start writes nothing: what comes last tells that it is over.
    names = ("follows", "own", "blocked")
    before = {name: read(name)["metadata"]["resourceVersion"] for name in names}
    operator.away()
    apply(operator, namespace, stored("zz-last", old, old))
    operator.use(flag)
    eventually("the last one follows", lambda: read("zz-last")["spec"]["java"]["image"] == new)
    assert {name: read(name)["metadata"]["resourceVersion"] for name in names} == before
