"""charts/swiftlet on a cluster: install, use, upgrade, rollback, `helm test`, uninstall."""

import pytest
from chart import CHART, NAMESPACE, helm
from conftest import IMAGES, LANGUAGES, a_namespace, get, kubectl, wait
from installing import CONFIGURATIONS, bare_cluster, everything  # noqa: F401

RELEASE = "opentelemetry-operator"
SECRET = f"{RELEASE}-controller-manager-service-cert"
VALUE_NAMES = {"apache-httpd": "apacheHttpd"}
RESOURCES = """
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: gateway}
spec:
  config:
    receivers: {otlp: {protocols: {http: {}}}}
    exporters: {debug: {}}
    service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
---
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {name: instrumentation}
spec:
  exporter: {endpoint: "http://gateway-collector:4318"}
  sampler: {type: always_on}
"""


def image(name):
    repository, _, tag = IMAGES[name].rpartition(":")
    return {"repository": repository, "tag": tag}


def values(**more):
    return {
        "manager": {
            "image": image("swiftlet"),
            "collectorImage": image("collector"),
            "autoInstrumentationImage": {VALUE_NAMES.get(name, name): image(name) for name in LANGUAGES},
            **more,
        }
    }


def pod(name):
    return f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}, annotations: {{instrumentation.opentelemetry.io/inject-python: "true"}}}}
spec: {{containers: [{{name: app, image: "{IMAGES["app"]}"}}]}}
"""


def filled():
    """What the operator filled: both configurations, and the certificates."""
    found = {kind: get(kind, name)["webhooks"] for kind, name in CONFIGURATIONS.items()}
    return found | {"certificate": get("secret", SECRET, NAMESPACE)["data"]["tls.crt"]}


@pytest.fixture
def clean_cluster(bare_cluster):
    """Without the suite's operator and its definitions; both come back afterwards."""
    yield
    helm("uninstall", RELEASE, "-n", NAMESPACE, "--ignore-not-found", check=False)
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--wait=false")


@pytest.fixture
def shop(clean_cluster):
    """A user's namespace, made once the suite's operator is gone and its objects with it."""
    yield from a_namespace("chart")


def test_install_use_upgrade_rollback_test_uninstall(shop):
    kubectl("create", "namespace", NAMESPACE)
    wait("its default account", lambda: get("serviceaccount", "default", NAMESPACE))
    before = everything()

    helm("install", RELEASE, CHART, "-n", NAMESPACE, "--wait", "--timeout", "110s", values=values())
    # The API server refuses a resource while it can't reach the webhooks that it was just told of.
    wait("the resources are taken", lambda: shop.apply(RESOURCES, check=False).returncode == 0, 30)
    shop.ready("deployment", "gateway-collector")
    wait("the Instrumentation is known", lambda: injected(shop, "first"), 30)

    first = filled()
    changed = values(podLabels={"changed": "yes"}, config={"enable-cr-metrics": True})
    helm("upgrade", RELEASE, CHART, "-n", NAMESPACE, "--wait", "--timeout", "110s", values=changed | {"replicaCount": 1})
    assert filled() == first
    deployment = get("deployment", RELEASE, NAMESPACE)
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["template"]["metadata"]["labels"]["changed"] == "yes"
    assert injected(shop, "second")

    helm("rollback", RELEASE, "1", "-n", NAMESPACE, "--wait", "--timeout", "110s")
    assert filled() == first
    assert get("deployment", RELEASE, NAMESPACE)["spec"]["replicas"] == 2
    assert get("configmap", f"{RELEASE}-config", NAMESPACE) is None

    done = helm("test", RELEASE, "-n", NAMESPACE, "--timeout", "60s", check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert get("pod", f"{RELEASE}-test", NAMESPACE) is None

    # And it finds what is wrong: an operator that can't be reached.
    kubectl("scale", f"deployment/{RELEASE}", "--replicas=0", namespace=NAMESPACE)
    wait("no operator", lambda: not get("pods", namespace=NAMESPACE, selector="control-plane=controller-manager"), 60)
    done = helm("test", RELEASE, "-n", NAMESPACE, "--timeout", "60s", check=False)
    assert done.returncode != 0
    said = kubectl("logs", f"{RELEASE}-test", namespace=NAMESPACE).stdout
    assert "OperatorScaledDown" in said and "PodWebhookNotCalled" in said, said
    kubectl("delete", "pod", f"{RELEASE}-test", namespace=NAMESPACE)
    kubectl("scale", f"deployment/{RELEASE}", "--replicas=2", namespace=NAMESPACE)
    kubectl("rollout", "status", f"deployment/{RELEASE}", "--timeout=60s", namespace=NAMESPACE)

    helm("uninstall", RELEASE, "-n", NAMESPACE, "--wait", "--timeout", "60s")
    wait("no operator", lambda: not get("pods", namespace=NAMESPACE), 60)
    left = {object for object in everything() - before if object[1] != shop.name}
    kept = {"opentelemetrycollectors.opentelemetry.io", "instrumentations.opentelemetry.io", "targetallocators.opentelemetry.io"}
    assert {(kind, name) for kind, _, name in left if kind != "APIService"} == {
        ("CustomResourceDefinition", name) for name in kept
    }
    assert get("lease", "9f7554c3.opentelemetry.io", NAMESPACE) is None
    # What the user made is still there, and so is what it runs as.
    assert shop.get("otelcol", "gateway") and shop.get("deployment", "gateway-collector")


def injected(shop, name):
    """Whether a pod that is made now is instrumented."""
    kubectl("delete", "pod", name, "--ignore-not-found", "--wait=false", "--grace-period=1", namespace=shop.name)
    wait(f"no pod {name}", lambda: shop.get("pod", name) is None)
    shop.apply(pod(name))
    containers = shop.get("pod", name)["spec"].get("initContainers", [])
    return [container["image"] for container in containers] == [IMAGES["python"]]
