"""From the start of the process to /readyz, on a cluster that holds nothing of ours."""

from __future__ import annotations

from statistics import median

from machine import cpu_seconds
from report import Report
from world import World, say


def measure(world: World, report: Report, quick: bool) -> None:
    times: list[float] = []
    cpu: list[float] = []
    count = 3 if quick else 9
    say(f"start to ready, {count} times")
    with world.control_plane():
        for _ in range(count + 1):
            with world.operator() as operator:
                times.append(operator.seconds_to_ready)
                cpu.append(cpu_seconds(operator.pid))
    # The first one also reads the program from disk.
    group = "start on an empty cluster"
    report.add(group, "start to ready", median(times[1:]), "s", goal=0.3)
    report.add(group, "slowest of them", max(times[1:]), "s")
    report.add(group, "CPU until ready", median(cpu[1:]), "s")
