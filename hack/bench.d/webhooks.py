"""Admission reviews over keep-alive TLS beside a bare TLS echo of the same bytes, one process after the other."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from machine import Disturbance, cpu_seconds
from report import Report
from reviews import JAVA, review
from world import HACK, Failure, Process, World, run, say

PATH = "/mutate-v1-pod"
# The API server's own address of the webhook.
QUERY = "?timeout=10s"
CONNECTIONS = [1, 8, 64]
# Above this share of a CPU for other processes a sample is taken anew.
NOISE = 0.10
SERVER_CPU, CLIENT_CPU = 0, 1

INSTRUMENTATION = """
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {name: bench, namespace: bench}
spec:
  exporter: {endpoint: "http://collector.bench:4318"}
  propagators: [tracecontext, baggage]
  sampler: {type: parentbased_traceidratio, argument: "0.25"}
  java: {image: "ghcr.io/open-telemetry/opentelemetry-operator/autoinstrumentation-java:2.29.0"}
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
class Sample:
    rate: float
    cpu: float  # microseconds a request
    p50: float  # microseconds
    p99: float
    noise: float


def measure(world: World, report: Report, quick: bool) -> None:
    seconds, rounds = (2, 1) if quick else (5, 3)
    with world.control_plane():
        world.apply(INSTRUMENTATION)
        world.apply(DEPLOYMENT)
        replica_set = owner(world)
        cases = {"plain": (review(replica_set, {}), 1.2), "Java": (review(replica_set, JAVA), 1.5)}
        with world.operator(SERVER_CPU) as operator, world.echo(SERVER_CPU) as echo:
            check(world, cases["plain"][0], cases["Java"][0])
            share_client_cpu(world)
            for name, (body, goal) in cases.items():
                file = world.file(f"{name}.json", body)
                for connections in CONNECTIONS:
                    say(f"{name} pod, {connections} connections, {rounds} x 2 x {seconds} s")
                    pair = [(echo, world.echo_port), (operator, world.webhook)]
                    seen: dict[int, list[Sample]] = {echo.pid: [], operator.pid: []}
                    for _, port in pair:
                        load(world, port, file, connections, 1)
                    for _ in range(rounds):
                        for process, port in pair:
                            seen[process.pid].append(sample(world, process, port, file, connections, seconds))
                    add(report, name, connections, len(body), seen[operator.pid], seen[echo.pid], goal)
    report.note(
        f"webhooks: {rounds} x {seconds} s each, alternating with the echo, medians; server on one core, wrk on the "
        "other; both servers with one event loop, as in a container with a limit of one CPU"
    )


def add(
    report: Report, name: str, connections: int, size: int, ours: list[Sample], echo: list[Sample], goal: float
) -> None:
    group = f"{name} pod ({size} bytes), {connections} connection{'s' if connections > 1 else ''}"

    def middle(samples: list[Sample], what: str) -> float:
        return median(getattr(sample, what) for sample in samples)

    report.add(group, "reviews a second and core", middle(ours, "rate"), yardstick=middle(echo, "rate"))
    report.add(group, "CPU a review", middle(ours, "cpu"), "µs", yardstick=middle(echo, "cpu"), goal_ratio=goal)
    report.add(group, "p50", middle(ours, "p50") / 1000, "ms", yardstick=middle(echo, "p50") / 1000)
    report.add(group, "p99", middle(ours, "p99") / 1000, "ms", yardstick=middle(echo, "p99") / 1000, goal_ratio=2)
    noise = max(sample.noise for sample in ours + echo)
    if noise > NOISE:
        report.note(f"{name} pod, {connections} connections: other processes took {noise:.0%} of a CPU meanwhile")


def owner(world: World) -> dict:
    path = "/apis/apps/v1/namespaces/bench/replicasets"
    end = time.monotonic() + 30
    while time.monotonic() < end:
        items = world.get(path)["items"]
        if items:
            return items[0]
        time.sleep(0.2)
    raise Failure("the Deployment got no ReplicaSet within 30 s")


def check(world: World, plain: bytes, java: bytes) -> None:
    """The right answers, else there is nothing to measure."""
    answer = json.loads(world.post(world.webhook, PATH + QUERY, plain))["response"]
    if not answer["allowed"] or answer.get("patch"):
        raise Failure(f"a plain pod is not simply allowed: {answer}")
    # The stores may lag a moment.
    for _ in range(50):
        answer = json.loads(world.post(world.webhook, PATH + QUERY, java))["response"]
        if answer.get("patch"):
            return
        time.sleep(0.1)
    raise Failure(f"a Java pod is not injected: {answer}")


def share_client_cpu(world: World) -> None:
    """The control plane has nothing to do; what it does nevertheless must not disturb the server."""
    for pid in world.plane_pids():
        subprocess.run(["taskset", "-a", "-c", "-p", str(CLIENT_CPU), str(pid)], capture_output=True, check=False)


def load(world: World, port: int, body: Path, connections: int, seconds: int) -> dict:
    command = ["nice", "-n", "-5", "taskset", "-c", str(CLIENT_CPU), "wrk", "-t1", "-c", str(connections)]
    command += ["-d", f"{seconds}s", "--timeout", "10s", "--latency", "-s", str(HACK / "bench.d" / "wrk.lua")]
    output = run(*command, f"https://127.0.0.1:{port}{PATH}{QUERY}", "--", body, timeout=seconds + 30).decode()
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
        result = load(world, port, body, connections, seconds)
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
