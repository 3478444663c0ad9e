"""Collectors in each mode, changed and deleted, with real pods that really receive. What needs no pods is in cases/."""

import pytest

from conftest import wait

CONFIG = """
  config:
    receivers:
      otlp: {protocols: {grpc: {}, http: {}}}
    exporters:
      debug: {verbosity: detailed}
    service:
      pipelines:
        traces: {receivers: [otlp], exporters: [debug]}
        metrics: {receivers: [otlp], exporters: [debug]}
        logs: {receivers: [otlp], exporters: [debug]}
"""


def collector(name, mode, extra="", config=CONFIG):
    return f"""
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {{name: {name}}}
spec:
  mode: {mode}
{extra}{config}
"""


@pytest.mark.parametrize("mode", ["deployment", "statefulset", "daemonset"])
def test_mode(namespace, mode):
    namespace.apply(collector(f"my-{mode}", mode))
    workload = namespace.ready(mode, f"my-{mode}-collector")
    assert workload["metadata"]["ownerReferences"][0]["kind"] == "OpenTelemetryCollector"
    ports = {port["name"]: port["port"] for port in namespace.get("service", f"my-{mode}-collector")["spec"]["ports"]}
    assert ports == {"otlp-grpc": 4317, "otlp-http": 4318}
    assert namespace.get("service", f"my-{mode}-collector-headless")["spec"]["clusterIP"] == "None"
    monitoring = namespace.get("service", f"my-{mode}-collector-monitoring")
    assert [(port["name"], port["port"]) for port in monitoring["spec"]["ports"]] == [("monitoring", 8888)]
    pod = namespace.pod(f"app.kubernetes.io/instance={namespace.name}.my-{mode}")
    assert "Everything is ready" in namespace.logs(f"pod/{pod['metadata']['name']}")
    status = wait(
        "the collector's status says that it is ready",
        lambda: namespace.get("otelcol", f"my-{mode}")["status"]["scale"]["statusReplicas"] == "1/1"
        and namespace.get("otelcol", f"my-{mode}")["status"],
    )
    assert status["image"] == "registry.local/otelcol:0.152.0"
    assert [c["status"] for c in status["conditions"] if c["type"] == "Ready"] == ["True"]


def test_update_rolls_out_and_delete_leaves_nothing(namespace):
    namespace.apply(collector("changing", "deployment"))
    before = namespace.ready("deployment", "changing-collector")
    maps = {m["metadata"]["name"] for m in namespace.get("configmaps", selector="app.kubernetes.io/component=opentelemetry-collector")}
    assert len(maps) == 1
    namespace.apply(collector("changing", "deployment", extra="  replicas: 2\n", config=CONFIG.replace("detailed", "basic")))
    wait(
        "another configuration is mounted",
        lambda: namespace.get("deployment", "changing-collector")["spec"]["template"] != before["spec"]["template"],
    )
    after = namespace.ready("deployment", "changing-collector")
    assert after["spec"]["replicas"] == 2
    mounted = after["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"]
    assert mounted not in maps and "verbosity: basic" in namespace.get("configmap", mounted)["data"]["collector.yaml"]

    namespace.delete("otelcol", "changing")
    selector = "app.kubernetes.io/managed-by=opentelemetry-operator"
    for kind in ("deployments", "services", "configmaps", "serviceaccounts", "pods", "poddisruptionbudgets"):
        wait(f"no {kind} are left", lambda kind=kind: namespace.get(kind, selector=selector) == [], 90)
