"""Many collectors: the time to converge, a restart among them, memory with them and with what is none of ours."""

from __future__ import annotations

import time
from statistics import median

from audit import Audit, Write, summary
from machine import Disturbance, cpu_seconds, memory, wait_for_quiet_cpu
from report import Report, Row
from world import Failure, Process, World, run, say

MB = 1e6
COLLECTORS = "/apis/opentelemetry.io/v1beta1/namespaces/bench/opentelemetrycollectors"

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


def measure(world: World, report: Report, quick: bool, converge: bool, loaded: bool) -> None:
    count, foreign, rounds = (200, 1000, 1) if quick else (1000, 10_000, 2 if converge else 1)
    steps = files(world)
    bare: list[float] = []
    ours: list[float] = []
    row: Row | None = None
    for number in range(rounds):
        if converge:
            with world.control_plane():
                bare.append(bare_client(world, steps, count, report, number))
        with world.control_plane():
            with world.operator() as operator:
                if loaded and number == 0:
                    add_memory(report, "memory, idle", operator, 32, 8)
                if converge and number == 0:
                    row = report.add(converging(count), "first create to last status", 0, "s", goal_ratio=1.3)
                ours.append(operators_time(world, steps, count, operator, report if converge and number == 0 else None))
                if loaded and number == 0:
                    add_memory(report, f"memory, {count} collectors just made", operator, 64)
            if number == 0:
                restarted(world, report, count, foreign, converge, loaded)
    if row is not None:
        row.seen, row.yardstick = median(ours), median(bare)
        report.note(
            f"converge: {rounds} x, each on a fresh control plane; seconds "
            f"{', '.join(f'{value:.1f}' for value in ours)}, bare client {', '.join(f'{value:.1f}' for value in bare)}"
        )


def converging(count: int) -> str:
    return f"{count} collectors to converge"


def files(world: World) -> dict[str, str]:
    collector = world.file("collector.yaml", COLLECTOR)
    rendered = run(world.programs["swiftlet"], "render", "-f", collector, "--kubernetes-version", "1.20", timeout=30)
    return {
        "create": f"create:{collector}",
        "apply": f"apply:{world.file('rendered.yaml', rendered)}",
        "status": f"status:{world.file('status.yaml', STATUS)}",
        "event": f"create:{world.file('event.yaml', EVENT)}",
    }


def bare_client(world: World, steps: dict[str, str], count: int, report: Report, number: int) -> float:
    say(f"bare client: {count} collectors and what belongs to them")
    audit = Audit(world.audit)
    disturbance = Disturbance(world.plane_pids())
    world.bare_client(list(steps.values()), count)
    say(f"bare client: done; other processes took {disturbance.share():.0%} of a CPU")
    writes = audit.by("bare-client")
    if number == 0:
        report.note(f"bare client's writes: {summary(writes)}")
    return writes[-1].answered - writes[0].received


def operators_time(world: World, steps: dict[str, str], count: int, operator: Process, report: Report | None) -> float:
    """Seconds from the first collector's creation until each has its first status."""
    say(f"operator: {count} collectors")
    audit = Audit(world.audit)
    disturbance = Disturbance([operator.pid, *world.plane_pids()])
    cpu = cpu_seconds(operator.pid)
    world.bare_client([steps["create"]], count)
    end = time.monotonic() + 600
    reported: dict[str, Write] = {}
    while len(reported) < count:
        if time.monotonic() > end:
            raise Failure(f"only {len(reported)} of {count} collectors have a status after 600 s")
        operator.check()
        time.sleep(0.25)
        reported = {}
        for write in audit.by("swiftlet"):
            if (write.resource, write.subresource) == ("opentelemetrycollectors", "status") and write.code < 300:
                reported.setdefault(write.name, write)
    cpu_then = cpu_seconds(operator.pid) - cpu
    say(f"operator: all have a status; other processes took {disturbance.share():.0%} of a CPU")
    audit.wait_for_silence(3, 300)
    created = [write for write in audit.by("bare-client") if write.resource == "opentelemetrycollectors"]
    last = max(write.answered for write in reported.values())
    ready = [
        item
        for item in world.get(COLLECTORS)["items"]
        if any(c["type"] == "Ready" and c["status"] == "True" for c in item.get("status", {}).get("conditions", []))
    ]
    if len(ready) != count:
        raise Failure(f"only {len(ready)} of {count} collectors are Ready in the end")
    writes = audit.by("swiftlet")
    if report is not None:
        group = converging(count)
        report.add(group, "operator's CPU until then", cpu_then, "s")
        report.add(group, "operator's CPU until quiet", cpu_seconds(operator.pid) - cpu, "s")
        report.note(f"operator's writes until quiet: {summary(writes)}")
        failed = [write for write in writes if write.code >= 300]
        if failed:
            report.note(f"of these failed: {summary(failed)}, code {failed[0].code} and others")
    return last - created[0].received


def restarted(world: World, report: Report, count: int, foreign: int, converge: bool, loaded: bool) -> None:
    """A restart among the collectors, then 10,000 objects of others."""
    audit = Audit(world.audit)
    if not audit.wait_for_silence(5, 300):
        report.note("the control plane did not get quiet before the restart")
    say("operator: restart")
    with world.operator() as operator:
        ready = operator.seconds_to_ready
        cpu, quiet = wait_for_quiet_cpu(operator.pid, 60)
        # Reviews are questions in the form of a write.
        writes = [w for w in audit.by("swiftlet") if w.resource != "leases" and not w.resource.endswith("reviews")]
        if converge:
            group = f"restart among {count} collectors"
            report.add(group, "start to ready", ready, "s", goal=0.3)
            report.add(group, "CPU until quiet", cpu, "s", goal=1)
            report.add(group, "writes for collectors", len([w for w in writes if not _ours(w)]), goal=0)
            if not quiet:
                report.note("restart: the operator did not get quiet within 60 s")
            if writes:
                report.note(f"writes after the restart: {summary(writes)}")
        if not loaded:
            return
        add_memory(report, f"memory, {count} collectors, restarted", operator, 64)
        world.kubectl("create", "namespace", "foreign")
        world.wait_for("/api/v1/namespaces/foreign/serviceaccounts/default")
        before = cpu_seconds(operator.pid)
        say(f"{foreign} foreign ConfigMaps")
        world.bare_client([f"create:{world.file('foreign-map.yaml', FOREIGN_CONFIG_MAP)}"], foreign, "foreign-00000")
        between = cpu_seconds(operator.pid)
        say(f"{foreign} foreign pods")
        world.bare_client([f"create:{world.file('foreign-pod.yaml', FOREIGN_POD)}"], foreign, "foreign-00000")
        after, _ = wait_for_quiet_cpu(operator.pid, 60)
        group = f"memory, and {foreign} foreign ConfigMaps and pods"
        add_memory(report, group, operator, 64)
        report.add(group, "CPU a foreign ConfigMap", (between - before) / foreign * 1000, "ms")
        report.add(group, "CPU a foreign pod", (after - between) / foreign * 1000, "ms", goal=0.15)
    with world.operator() as operator:
        wait_for_quiet_cpu(operator.pid, 60)
        add_memory(report, "memory, all that, restarted", operator, 64)


def _ours(write: Write) -> bool:
    # A plain process outside the cluster has a new authority after each start, which its webhooks have to name.
    return write.resource in ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")


def add_memory(report: Report, group: str, operator: Process, goal: float, anonymous_goal: float | None = None) -> None:
    wait_for_quiet_cpu(operator.pid, 60)
    seen = memory(operator.pid)
    report.add(group, "resident", seen.resident / MB, "MB", goal=goal)
    report.add(group, "anonymous", seen.anonymous / MB, "MB", goal=anonymous_goal)
    report.add(group, "peak resident", seen.peak / MB, "MB")
