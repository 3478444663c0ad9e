"""The allocator's process as its collectors see it: lists of 2,000 targets each, fetched by 50 pollers."""

from __future__ import annotations

import gzip
import json
import time
from http.client import HTTPConnection
from pathlib import Path
from statistics import median

from machine import Disturbance, cpu_seconds, memory
from report import Report
from webhooks import NOISE, SERVER_CPU, share_all_cpus, share_client_cpu, wrk
from world import Failure, Process, World, say

COLLECTORS = 50
# The job's name is like one that is made of a ServiceMonitor; in a path its slashes are escaped.
JOB, PATH = "serviceMonitor/shop/app/0", "serviceMonitor%2Fshop%2Fapp%2F0"
GOAL = 5000.0
MB = 1e6
SETTINGS = """
allocation_strategy: consistent-hashing
collector_selector: {{matchLabels: {{app: collector}}}}
collector_namespace: bench
# The pods have no kubelet that makes them ready.
collector_not_ready_grace_period: 0s
config:
  scrape_configs:
  - job_name: {job}
    file_sd_configs: [{{files: ["{files}/*.json"], refresh_interval: 1h}}]
"""


def measure(world: World, report: Report, quick: bool) -> None:
    each = 200 if quick else 2000
    count = each * COLLECTORS
    files = world.folder / "targets"
    write_targets(files, count)
    settings = world.file("targetallocator.yaml", SETTINGS.format(job=JOB, files=files))
    with world.control_plane():
        world.apply(collectors())
        port = world.metrics
        command: list[str | Path] = [world.programs["swiftlet"], "target-allocator", "--config-file", settings]
        command += ["--listen-addr", f"127.0.0.1:{port}", "--kubeconfig-path", world.kubeconfig]
        process = Process(command, world.folder / "allocator.log", SERVER_CPU)
        try:
            say(f"{count:,} targets into an allocator's process")
            ready = process.wait_until(lambda: total(port) == count, 300)
            share_client_cpu(world)
            without_lists = memory(process.pid)
            tags, sizes = fetch_all(port)
            group = f"{COLLECTORS} pollers, lists of {each:,} targets"
            poll(world, report, process, f"{group}, gzip", port, quick)
            resident = memory(process.pid)
            poll(world, report, process, f"{group}, not changed", port, quick, world.file("etags", "\n".join(tags) + "\n"))
            process.check()
        finally:
            process.stop()
            share_all_cpus(world)
    report.add(f"process with {count:,} targets", "resident, no list fetched", without_lists.resident / MB, "MB")
    report.add(f"process with {count:,} targets", "resident, all lists", resident.resident / MB, "MB", goal=300.0)
    report.add(f"process with {count:,} targets", "start to all targets given out", ready, "s")
    report.note(
        f"lists: {sum(sizes) / len(sizes) / 1000:,.0f} kB each as sent (gzip), over plain HTTP; the allocator on one core "
        "with one event loop, wrk on the other"
    )


def poll(
    world: World, report: Report, process: Process, group: str, port: int, quick: bool, tags: Path | None = None
) -> None:
    """The least disturbed rounds of some; an answer that is no success ends it."""
    seconds, rounds = (2, 1) if quick else (5, 3)
    say(f"{group}: {rounds} x {seconds} s")
    load(port, 1, tags)
    seen = []
    for _ in range(rounds):
        disturbance = Disturbance([process.pid, *world.plane_pids()])
        before, begun = cpu_seconds(process.pid), time.monotonic()
        result = load(port, seconds, tags)
        used = cpu_seconds(process.pid) - before
        if tags is not None and result["bytes"] / result["requests"] > 1000:
            raise Failure("whoever has a list already is sent it again")
        seen.append(result | {"cpu": used, "share": used / (time.monotonic() - begun), "noise": disturbance.share()})

    def middle(of: str) -> float:
        return median(result[of] for result in seen)

    rate = median(result["requests"] / result["microseconds"] * 1e6 for result in seen)
    report.add(group, "answers a second", rate, least=GOAL)
    report.add(group, "CPU an answer", median(result["cpu"] / result["requests"] * 1e6 for result in seen), "µs")
    report.add(group, "p50", middle("p50") / 1000, "ms")
    report.add(group, "p99", middle("p99") / 1000, "ms")
    moved = median(result["bytes"] / result["microseconds"] for result in seen)
    note = f"{group}: {moved:,.0f} MB/s; the allocator used {middle('share'):.0%} of its core"
    noise = max(result["noise"] for result in seen)
    report.note(note + (f"; other processes took {noise:.0%} of a CPU meanwhile" if noise > NOISE else ""))


def load(port: int, seconds: int, tags: Path | None) -> dict:
    words = [PATH, COLLECTORS, *([tags] if tags else [])]
    return wrk("wrk-lists.lua", f"http://127.0.0.1:{port}", words, COLLECTORS, seconds)


def fetch(port: int, collector: int) -> tuple[str, int, list]:
    """A list's tag, how many bytes were sent, and the list."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        path = f"/jobs/{PATH}/targets?collector_id=collector-{collector}"
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200 or answer.headers["Content-Encoding"] != "gzip":
            raise Failure(f"GET {path}: {answer.status} {content[:300]!r}")
        return answer.headers["ETag"], len(content), json.loads(gzip.decompress(content))
    finally:
        connection.close()


def fetch_all(port: int) -> tuple[list[str], list[int]]:
    """All lists once: together they must hold each target, once."""
    tags, sizes, seen = [], [], set()
    told = 0
    for number in range(COLLECTORS):
        tag, size, groups = fetch(port, number)
        tags.append(tag)
        sizes.append(size)
        for group in groups:
            told += len(group["targets"])
            seen.update(group["targets"])
    if told != len(seen) or told != total(port):
        raise Failure(f"the lists name {told} targets, {len(seen)} different ones, of {total(port)}")
    return tags, sizes


def total(port: int) -> int:
    """How many targets have a collector by the allocator's own account."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
    except OSError:
        return 0
    finally:
        connection.close()
    prefix = "opentelemetry_allocator_targets_per_collector{"
    return sum(int(float(line.split()[-1])) for line in lines if line.startswith(prefix))


def collectors() -> bytes:
    """Pods that the API server takes for bound, on nodes of which nobody hears."""
    items: list[dict] = []
    for number in range(COLLECTORS):
        node = f"node-{number}"
        items.append({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}})
        items.append(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": f"collector-{number}", "namespace": "bench", "labels": {"app": "collector"}},
                "spec": {"nodeName": node, "containers": [{"name": "collector", "image": "registry.example.com/c:1"}]},
            }
        )
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}).encode()


def write_targets(folder: Path, count: int) -> None:
    """What endpointslice discovery tells of pods, as files, one group a target, 10,000 in a file."""
    folder.mkdir()
    for start in range(0, count, 10_000):
        groups = [group(number) for number in range(start, min(start + 10_000, count))]
        (folder / f"{start:07}.json").write_text(json.dumps(groups))


def group(number: int) -> dict:
    service = f"app-{number % 10}"
    pod = f"{service}-7d9f8b6c5d-{number * 48_271 % 0xFFFFFFF:x}"
    address, port = f"10.{100 + (number >> 16)}.{number >> 8 & 255}.{number & 255}", 8080
    labels = {
        "namespace": f"shop-{number % 40}",
        "service_name": service,
        "service_label_app_kubernetes_io_name": service,
        "service_labelpresent_app_kubernetes_io_name": "true",
        "endpointslice_name": f"{service}-x7k2p",
        "endpointslice_address_type": "IPv4",
        "endpointslice_port": str(port),
        "endpointslice_port_name": "metrics",
        "endpointslice_port_protocol": "TCP",
        "endpointslice_endpoint_conditions_ready": "true",
        "endpointslice_address_target_kind": "Pod",
        "endpointslice_address_target_name": pod,
        "pod_name": pod,
        "pod_ip": address,
        "pod_ready": "true",
        "pod_phase": "Running",
        "pod_node_name": f"node-{number % COLLECTORS}",
        "pod_host_ip": f"192.168.0.{number % COLLECTORS}",
        "pod_uid": f"3f2c9a1e-{number & 0xFFFF:04x}-4e1b-9c0d-07a4{number:08x}",
        "pod_controller_kind": "ReplicaSet",
        "pod_controller_name": f"{service}-7d9f8b6c5d",
        "pod_container_name": "server",
        "pod_container_image": f"registry.example.com/shop/{service}:1.42.0",
        "pod_container_port_name": "metrics",
        "pod_container_port_number": str(port),
        "pod_label_app_kubernetes_io_name": service,
        "pod_labelpresent_app_kubernetes_io_name": "true",
    }
    named = {"__meta_kubernetes_" + name: value for name, value in labels.items()}
    return {"targets": [f"{address}:{port}"], "labels": named}
