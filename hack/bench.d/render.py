"""The code alone that renders a collector, beside the least that can be done with its objects: write and parse them."""

from __future__ import annotations

import json

from objects import COLLECTOR
from report import Report
from world import World, run, say

SMALL = """
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: small, namespace: bench}
spec:
  config:
    receivers: {otlp: {protocols: {grpc: {}}}}
    exporters: {debug: {}}
    service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
"""
# What a team that runs it in earnest adds.
USUAL = COLLECTOR.rstrip() + """
  replicas: 3
  autoscaler: {minReplicas: 3, maxReplicas: 10, targetCPUUtilization: 70}
  podDisruptionBudget: {maxUnavailable: 1}
  resources: {requests: {cpu: 500m, memory: 1Gi}, limits: {memory: 2Gi}}
  env: [{name: REGION, value: eu-1}, {name: TOKEN, valueFrom: {secretKeyRef: {name: backend, key: token}}}]
  ingress:
    type: ingress
    hostname: telemetry.example.com
    annotations: {cert-manager.io/cluster-issuer: letsencrypt}
    tls: [{hosts: [telemetry.example.com], secretName: telemetry-tls}]
  tolerations: [{key: dedicated, operator: Equal, value: telemetry, effect: NoSchedule}]
  podAnnotations: {example.com/team: observability}
"""


def large(count: int) -> str:
    """So many receivers with a port each, half as many scrape jobs with rules, a pipeline for every ten receivers."""
    names = [f"otlp/tenant-{number}" for number in range(count)]
    job = {
        "scrape_interval": "30s",
        "kubernetes_sd_configs": [{"role": "pod"}],
        "relabel_configs": [
            {"source_labels": ["__meta_kubernetes_pod_label_app"], "regex": "shop-.*", "action": "keep"},
            {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
            {"regex": "__meta_kubernetes_pod_label_(.+)", "action": "labelmap", "replacement": "$$1"},
        ],
    }
    receivers: dict = {
        name: {"protocols": {"grpc": {"endpoint": f"0.0.0.0:{10_000 + number}", "max_recv_msg_size_mib": 16}}}
        for number, name in enumerate(names)
    }
    jobs = [{"job_name": f"job-{number}"} | job for number in range(count // 2)]
    receivers["prometheus"] = {"config": {"scrape_configs": jobs}}
    pipelines: dict = {
        f"traces/{start}": {
            "receivers": names[start : start + 10],
            "processors": ["memory_limiter", f"resource/{start}", "batch"],
            "exporters": ["otlp_http"],
        }
        for start in range(0, count, 10)
    }
    pipelines["metrics"] = {"receivers": ["prometheus"], "processors": ["batch"], "exporters": ["otlp_http"]}
    labels = [{"key": f"label-{number}", "value": f"value {number}", "action": "upsert"} for number in range(10)]
    collector = {
        "apiVersion": "opentelemetry.io/v1beta1",
        "kind": "OpenTelemetryCollector",
        "metadata": {"name": "large", "namespace": "bench"},
        "spec": {
            "mode": "statefulset",
            "config": {
                "receivers": receivers,
                "processors": {
                    "batch": {},
                    "memory_limiter": {"check_interval": "1s", "limit_percentage": 75},
                }
                | {f"resource/{start}": {"attributes": labels} for start in range(0, count, 10)},
                "exporters": {"otlp_http": {"endpoint": "https://telemetry.example.com:4318"}},
                "service": {"pipelines": pipelines},
            },
        },
    }
    return json.dumps(collector)


def measure(world: World, report: Report, quick: bool) -> None:
    receivers = 60
    cases = {"a small": SMALL, "a usual": USUAL, f"a large (with {receivers + 1} receivers)": large(receivers)}
    paths = [world.file(f"render-{number}.yaml", text) for number, text in enumerate(cases.values())]
    say("rendering")
    command = [world.programs["RenderTime"], "--seconds", "0.2" if quick else "2"]
    output = run(*command, *paths, timeout=120).decode()
    for name, path, line in zip(cases, paths, output.splitlines(), strict=True):
        seen = json.loads(line)
        group = f"rendering {name} collector"
        report.add(group, "plan of its objects", seen["plan"], "µs", yardstick=seen["copy"])
        report.add(group, "review: defaults, validation", seen["admission"], "µs", yardstick=seen["copy"])
        size = path.stat().st_size
        report.note(f"{name} collector: {size:,} bytes become {seen['objects']} objects of {seen['bytes']:,} bytes")
    report.note("rendering: CPU time of one thread; the yardstick writes the rendered objects as JSON and parses them")
