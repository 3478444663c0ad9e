"""Injection into real pods: what arrives in a real collector, and what the pods look like."""

import subprocess

import pytest

from conftest import IMAGES, ROOT, kubectl, wait
from test_collector import CONFIG, collector

INSTRUMENTATION = """
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {name: inst}
spec:
  exporter: {endpoint: "http://sink-collector:4318"}
  propagators: [tracecontext, baggage]
  sampler: {type: parentbased_always_on}
  resource: {addK8sUIDAttributes: true, resourceAttributes: {environment: e2e}}
  env:
    - {name: OTEL_BSP_SCHEDULE_DELAY, value: "500"}
    - {name: OTEL_METRIC_EXPORT_INTERVAL, value: "2000"}
  python:
    env:
      - {name: OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED, value: "true"}
"""


def application(name, annotations="", kind_extra=""):
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata:
      labels: {{app: {name}}}
      annotations: {{{annotations}}}
    spec:
      containers:
        - name: app
          image: {IMAGES['app']}
          imagePullPolicy: IfNotPresent
          ports: [{{containerPort: 8080}}]
          readinessProbe: {{httpGet: {{path: /, port: 8080}}, periodSeconds: 1}}
{kind_extra}
"""


def arrived(namespace, *require):
    """True when a span, a metric and a log record with all these resource attributes are in the sink's log."""
    command = [str(ROOT / "hack/demo.d/show-telemetry"), "--quiet"]
    for key in require:
        command += ["--require", key]
    log = namespace.logs("deployment/sink-collector")
    return subprocess.run(command, input=log, text=True, check=False).returncode == 0


def sink(namespace):
    namespace.apply(collector("sink", "deployment"))
    namespace.ready("deployment", "sink-collector")
    namespace.apply(INSTRUMENTATION)


@pytest.mark.parametrize("where", ["pod", "namespace"])
def test_python_telemetry_arrives(namespace, where):
    sink(namespace)
    annotation = 'instrumentation.opentelemetry.io/inject-python: "true"'
    if where == "namespace":
        kubectl("annotate", "namespace", namespace.name, annotation.replace(": ", "=").replace('"', ""))
        namespace.apply(application("shop"))
    else:
        namespace.apply(application("shop", annotation))
    pod = namespace.pod("app=shop")
    names = [container["name"] for container in pod["spec"]["initContainers"]]
    assert names == ["opentelemetry-auto-instrumentation-python"]
    environment = {v["name"]: v.get("value") for v in pod["spec"]["containers"][0]["env"]}
    assert environment["OTEL_SERVICE_NAME"] == "shop"
    assert "k8s.deployment.name=shop" in environment["OTEL_RESOURCE_ATTRIBUTES"]
    keys = ("service.name", "k8s.namespace.name", "k8s.pod.name", "k8s.deployment.name", "k8s.node.name", "environment")
    wait("traces, metrics and logs in the collector", lambda: arrived(namespace, *keys), 90)
    log = namespace.logs("deployment/sink-collector")
    assert f"k8s.pod.name: Str({pod['metadata']['name']})" in log
    assert f"k8s.node.name: Str({pod['spec']['nodeName']})" in log
    assert f"k8s.pod.uid: Str({pod['metadata']['uid']})" in log


def test_a_pod_that_asks_for_nothing_is_as_it_was(namespace):
    sink(namespace)
    namespace.apply(application("plain"))
    pod = namespace.pod("app=plain")
    assert "initContainers" not in pod["spec"] and "env" not in pod["spec"]["containers"][0]


def test_sidecar(namespace):
    """Classic containers below Kubernetes 1.29, native sidecars from there on."""
    minor = int(kubectl("version", "-o", "json").stdout.split('"serverVersion"')[1].split('"minor": "')[1].split('"')[0].rstrip("+"))
    namespace.apply(collector("side", "sidecar", config=CONFIG))
    namespace.apply(application("carried", 'sidecar.opentelemetry.io/inject: "true"'))
    pod = namespace.pod("app=carried")
    containers = [container["name"] for container in pod["spec"]["containers"]]
    initial = [container["name"] for container in pod["spec"].get("initContainers", [])]
    assert (containers, initial) == ((["app"], ["otc-container"]) if minor >= 29 else (["app", "otc-container"], []))
    assert pod["metadata"]["labels"]["sidecar.opentelemetry.io/injected"] == f"{namespace.name}.side"
    assert "Everything is ready" in namespace.logs(f"pod/{pod['metadata']['name']}", "otc-container")
    assert namespace.get("service", "side-collector") is None


def test_missing_instrumentation_never_blocks_a_pod(namespace):
    namespace.apply(application("lonely", 'instrumentation.opentelemetry.io/inject-python: "true"'))
    pod = namespace.pod("app=lonely")
    assert "initContainers" not in pod["spec"]
