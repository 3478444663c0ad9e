"""What is written again and again: a collector, what the operator reports of it, and objects of others."""

from __future__ import annotations

COLLECTOR = """
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: bench-00000, namespace: bench}
spec:
  mode: deployment
  config:
    receivers:
      otlp: {protocols: {grpc: {}, http: {}}}
    processors:
      memory_limiter: {check_interval: 1s, limit_percentage: 75, spike_limit_percentage: 15}
      batch: {send_batch_size: 10000, timeout: 10s}
    exporters:
      otlp_http: {endpoint: "https://telemetry.example.com:4318"}
    service:
      pipelines:
        traces: {receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlp_http]}
        metrics: {receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlp_http]}
"""
# What the operator reports of such a collector.
STATUS = """
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: bench-00000, namespace: bench}
status:
  observedGeneration: 1
  version: 0.158.0
  image: ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector:0.158.0
  scale:
    selector: >-
      app.kubernetes.io/component=opentelemetry-collector,app.kubernetes.io/instance=bench.bench-00000,app.kubernetes.io/managed-by=opentelemetry-operator,app.kubernetes.io/part-of=opentelemetry
    replicas: 1
    statusReplicas: 0/1
  conditions:
  - {type: Ready, status: "True", reason: Reconciled, message: Successfully reconciled, observedGeneration: 1,
     lastTransitionTime: "2026-01-01T00:00:00Z"}
"""
EVENT = """
apiVersion: events.k8s.io/v1
kind: Event
metadata: {name: bench-00000.1, namespace: bench}
type: Normal
reason: Info
action: Reconcile
note: applied status changes
eventTime: "2026-01-01T00:00:00.000000Z"
reportingController: opentelemetry-operator
reportingInstance: bench
regarding: {apiVersion: opentelemetry.io/v1beta1, kind: OpenTelemetryCollector, namespace: bench, name: bench-00000}
"""
# What somebody changes of all of them.
CHANGE = """
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: bench-00000, namespace: bench}
spec:
  env: [{name: LOG_LEVEL, value: debug}]
"""
FOREIGN_CONFIG_MAP = """
apiVersion: v1
kind: ConfigMap
metadata: {name: foreign-00000, namespace: foreign, labels: {app: foreign, team: payments}}
data:
  application.properties: |
""" + "".join(f"    some.setting.number.{number}=a value of some length\n" for number in range(20))
# No scheduler of this name is there, so nobody looks at them.
FOREIGN_POD = """
apiVersion: v1
kind: Pod
metadata: {name: foreign-00000, namespace: foreign, labels: {app: foreign, team: payments}}
spec:
  schedulerName: none
  containers:
  - name: app
    image: registry.example.com/app:1.0
    env: [{name: LOG_LEVEL, value: info}, {name: REGION, value: eu-1}]
    resources: {requests: {cpu: 100m, memory: 128Mi}}
"""
