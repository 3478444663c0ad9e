"""Admission reviews over keep-alive TLS beside a bare TLS echo of the same bytes, one process after the other."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pods
from machine import Disturbance, cpu_seconds, memory, wait_for_quiet_cpu
from report import Report
from reviews import JAVA, LANGUAGES, MISSING, MULTI, PREFIX, SIDECAR, review
from world import HACK, Failure, Process, World, run, say

PATH = "/mutate-v1-pod"
# The API server's own address of the webhook.
QUERY = "?timeout=10s"
CONNECTIONS = [1, 8, 64]
# Above this share of a CPU for other processes a sample is taken anew.
NOISE = 0.10
SERVER_CPU, CLIENT_CPU = 0, 1
MB = 1e6

INSTRUMENTATIONS = """
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {name: bench, namespace: bench}
spec:
  exporter: {endpoint: "http://collector.bench:4318"}
  propagators: [tracecontext, baggage]
  sampler: {type: parentbased_traceidratio, argument: "0.25"}
  java: {image: "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-java:2.29.0"}
---
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {name: realistic, namespace: agents}
spec:
  exporter: {endpoint: "http://collector.observability.svc.cluster.local:4318"}
  propagators: [tracecontext, baggage, b3]
  sampler: {type: parentbased_traceidratio, argument: "0.25"}
  resource:
    addK8sUIDAttributes: true
    resourceAttributes: {deployment.environment.name: production, service.namespace: shop, team: payments}
  env:
  - {name: OTEL_EXPORTER_OTLP_TIMEOUT, value: "20000"}
  - {name: OTEL_METRIC_EXPORT_INTERVAL, value: "30000"}
  - {name: OTEL_BSP_MAX_QUEUE_SIZE, value: "4096"}
  - {name: OTEL_LOGS_EXPORTER, value: otlp}
  java:
    image: "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-java:2.29.0"
    env:
    - {name: OTEL_INSTRUMENTATION_MICROMETER_ENABLED, value: "true"}
    - {name: OTEL_INSTRUMENTATION_KAFKA_EXPERIMENTAL_SPAN_ATTRIBUTES, value: "true"}
    resources: {requests: {cpu: 50m, memory: 64Mi}, limits: {cpu: 500m, memory: 128Mi}}
  nodejs:
    image: "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-nodejs:0.79.0"
    env: [{name: OTEL_NODE_DISABLED_INSTRUMENTATIONS, value: "fs,dns"}]
    resourceRequirements: {requests: {cpu: 50m, memory: 128Mi}, limits: {cpu: 500m, memory: 256Mi}}
  python:
    image: "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-python:0.65b0"
    env:
    - {name: OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED, value: "true"}
    - {name: OTEL_PYTHON_EXCLUDED_URLS, value: healthz}
    resourceRequirements: {requests: {cpu: 50m, memory: 64Mi}, limits: {cpu: 500m, memory: 128Mi}}
  dotnet:
    image: "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-dotnet:1.16.0"
    env: [{name: OTEL_DOTNET_AUTO_TRACES_ADDITIONAL_SOURCES, value: "Shop.*"}]
    resourceRequirements: {requests: {cpu: 50m, memory: 128Mi}, limits: {cpu: 500m, memory: 256Mi}}
"""
SIDECAR_COLLECTOR = """
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: side, namespace: bench}
spec:
  mode: sidecar
  resources: {requests: {cpu: 50m, memory: 64Mi}, limits: {memory: 128Mi}}
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
# Without pods; its ReplicaSet is what the pods of the reviews belong to.
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: bench}
spec:
  replicas: 0
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: "registry.example.com/shop:1.4.2"}]}
"""


@dataclass
class Case:
    """A review, and the containers that its answer must add to the pod; none: it may only say why not."""

    name: str
    body: bytes
    adds: tuple[str, ...] | None = None  # nothing is asked for, so nothing is changed
    # At most so many times the echo's CPU; what has such a goal is measured longer.
    goal: float | None = None


@dataclass
class Sample:
    rate: float
    cpu: float  # microseconds a request
    p50: float  # microseconds
    p99: float
    noise: float


def measure(world: World, report: Report, quick: bool) -> None:
    with world.control_plane():
        world.kubectl("create", "namespace", "agents")
        world.apply(INSTRUMENTATIONS)
        world.apply(SIDECAR_COLLECTOR)
        world.apply(DEPLOYMENT)
        replica_set = owner(world)
        java = (f"{PREFIX}java",)
        # The SDK is configured only, so it has no container.
        agents = tuple(PREFIX + language for language in LANGUAGES if language != "sdk")
        plain = Case("plain", review(replica_set, {}), goal=1.2)
        with_java = Case("Java", review(replica_set, JAVA), java, goal=1.5)
        sidecar = Case("sidecar", review(replica_set, SIDECAR), ("otc-container",))
        missing = Case("failing", review(replica_set, MISSING), ())
        cases = [
            plain,
            with_java,
            Case("five-container", review(replica_set, MULTI, tuple(LANGUAGES.values())), agents),
            sidecar,
            Case("large plain", review(replica_set, {}, size=100_000)),
            Case("large Java", review(replica_set, JAVA, size=100_000), java),
        ]
        with world.operator(SERVER_CPU) as operator, world.echo(SERVER_CPU) as echo:
            share_client_cpu(world)
            for case in cases:
                check(world, case)
                beside_echo(world, report, case, operator, echo, quick)
        memory_stays(world, report, [plain] * 9 + [with_java] * 6 + [sidecar] * 4 + [missing], quick)
        share_all_cpus(world)
        pods.measure(world, report, quick)
    report.note(
        "webhooks: samples alternate with the echo's, medians; server on one core, wrk on the other; both servers with "
        "one event loop, as in a container with a limit of one CPU"
    )


def beside_echo(
    world: World, report: Report, case: Case, operator: Process, echo: Process, quick: bool
) -> None:
    seconds, rounds = (2, 1) if quick else (5, 3) if case.goal else (3, 2)
    file = world.file(f"{case.name}.json", case.body)
    pair = [(echo, world.echo_port), (operator, world.webhook)]
    for connections in CONNECTIONS:
        say(f"{case.name} pod, {connections} connections, {rounds} x 2 x {seconds} s")
        seen: dict[int, list[Sample]] = {echo.pid: [], operator.pid: []}
        for _, port in pair:
            load(port, [file], connections, 1)
        for _ in range(rounds):
            for process, port in pair:
                seen[process.pid].append(sample(world, process, port, file, connections, seconds))
        add(report, case, connections, seen[operator.pid], seen[echo.pid])


def add(report: Report, case: Case, connections: int, ours: list[Sample], echo: list[Sample]) -> None:
    group = f"{case.name} pod ({len(case.body)} bytes), {connections} connection{'s' if connections > 1 else ''}"

    def middle(samples: list[Sample], what: str) -> float:
        return median(getattr(sample, what) for sample in samples)

    report.add(group, "reviews a second and core", middle(ours, "rate"), yardstick=middle(echo, "rate"))
    report.add(group, "CPU a review", middle(ours, "cpu"), "µs", yardstick=middle(echo, "cpu"), goal_ratio=case.goal)
    report.add(group, "p50", middle(ours, "p50") / 1000, "ms", yardstick=middle(echo, "p50") / 1000)
    p99 = middle(ours, "p99") / 1000
    report.add(
        group, "p99", p99, "ms", yardstick=middle(echo, "p99") / 1000, goal_ratio=2 if case.goal else None
    )
    noise = max(sample.noise for sample in ours + echo)
    if noise > NOISE:
        report.note(f"{case.name} pod, {connections} connections: other processes took {noise:.0%} of a CPU meanwhile")


def memory_stays(world: World, report: Report, rotation: list[Case], quick: bool) -> None:
    """A review leaves nothing behind: after a million of all kinds the memory is what it was after ten thousand."""
    few, many = (5_000, 50_000) if quick else (10_000, 1_000_000)
    files = [world.file(f"{case.name}.json", case.body) for case in rotation]
    with world.operator(SERVER_CPU) as operator:
        for case in {case.name: case for case in rotation}.values():
            check(world, case)

        def until(count: int, seconds: int, done: int) -> tuple[int, int]:
            """Reviews so far, and the resident memory then."""
            while done < count:
                done += load(world.webhook, files, 8, seconds)["requests"]
                operator.check()
            wait_for_quiet_cpu(operator.pid, 30)
            return done, memory(operator.pid).resident

        say(f"memory after {few} reviews")
        first, before = until(few, 1, 0)
        say(f"memory after {many} reviews")
        last, after = until(many, 10, first)
    report.add(
        f"memory after {many} reviews beside {few}",
        "resident",
        after / MB,
        "MB",
        yardstick=before / MB,
        goal_ratio=1.05,
    )
    kinds = {case.name: rotation.count(case) for case in rotation}
    mix = ", ".join(f"{count} {name}" for name, count in kinds.items())
    report.note(f"memory after {last} reviews beside {first}, of {len(rotation)}: {mix} (no such Instrumentation)")


def owner(world: World) -> dict:
    path = "/apis/apps/v1/namespaces/bench/replicasets"
    end = time.monotonic() + 30
    while time.monotonic() < end:
        items = world.get(path)["items"]
        if items:
            return items[0]
        time.sleep(0.2)
    raise Failure("the Deployment got no ReplicaSet within 30 s")


def check(world: World, case: Case) -> None:
    """The right answer, else there is nothing to measure."""
    answer: dict = {}
    # The stores may lag a moment.
    for _ in range(50):
        answer = json.loads(world.post(world.webhook, PATH + QUERY, case.body))["response"]
        patch = base64.b64decode(answer.get("patch", "")).decode()
        if case.adds:
            is_right = all(f'"name":"{name}"' in patch for name in case.adds)
        else:
            is_right = "/spec/" not in patch if case.adds is not None else not patch
        if answer["allowed"] and is_right:
            return
        time.sleep(0.1)
    raise Failure(f"{case.name} pod: the answer should add {case.adds}: {patch[:500] or answer}")


def share_client_cpu(world: World) -> None:
    """The control plane has nothing to do; what it does nevertheless must not disturb the server."""
    for pid in world.plane_pids():
        subprocess.run(["taskset", "-a", "-c", "-p", str(CLIENT_CPU), str(pid)], capture_output=True, check=False)


def share_all_cpus(world: World) -> None:
    for pid in world.plane_pids():
        subprocess.run(["taskset", "-a", "-p", "ffffffff", str(pid)], capture_output=True, check=False)


def load(port: int, bodies: Sequence[Path], connections: int, seconds: int) -> dict:
    """wrk's figures; of several bodies each request has the next one."""
    return wrk("wrk.lua", f"https://127.0.0.1:{port}{PATH}{QUERY}", bodies, connections, seconds)


def wrk(script: str, url: str, words: Sequence[object], connections: int, seconds: int) -> dict:
    """What a script for wrk tells, on the client's CPU; a request that fails ends it."""
    command = ["nice", "-n", "-5", "taskset", "-c", str(CLIENT_CPU), "wrk", "-t1", "-c", str(connections)]
    command += ["-d", f"{seconds}s", "--timeout", "10s", "--latency", "-s", str(HACK / "bench.d" / script)]
    output = run(*command, url, "--", *(str(word) for word in words), timeout=seconds + 30).decode()
    line = next((line for line in output.splitlines() if line.startswith("RESULT ")), None)
    if line is None:
        raise Failure(f"wrk said nothing of use:\n{output}")
    result = json.loads(line.removeprefix("RESULT "))
    if result["errors"] or not result["requests"]:
        raise Failure(f"requests failed: {line}")
    return result


def sample(world: World, process: Process, port: int, body: Path, connections: int, seconds: int) -> Sample:
    """The least disturbed of up to three."""
    best: Sample | None = None
    for _ in range(3):
        disturbance = Disturbance([process.pid, *world.plane_pids()])
        before = cpu_seconds(process.pid)
        result = load(port, [body], connections, seconds)
        used = cpu_seconds(process.pid) - before
        noise = disturbance.share()
        process.check()
        rate = result["requests"] / result["microseconds"] * 1e6
        taken = Sample(rate, used / result["requests"] * 1e6, result["p50"], result["p99"], noise)
        if best is None or taken.noise < best.noise:
            best = taken
        if noise <= NOISE:
            break
        time.sleep(2)
    assert best is not None
    return best
