"""The allocator's state alone: passes, changes, memory and lists, beside JSONTree writing the same lists."""

from __future__ import annotations

import json

from report import Report
from world import World, run, say

STRATEGIES = ["consistent-hashing", "least-weighted", "per-node"]
# Milliseconds for a full pass.
GOALS = {100_000: 40.0, 800_000: 400.0}


def measure(world: World, report: Report, quick: bool) -> None:
    counts = [1_000, 10_000] if quick else [1_000, 10_000, 100_000, 800_000]
    for count in counts:
        plain = seen(world, count)
        ruled = seen(world, count, "--relabelling")
        for strategy in STRATEGIES:
            line, other = plain[strategy], ruled[strategy]
            group = f"{count:,} targets, {strategy}"
            goal = GOALS.get(count)
            report.add(group, "all given away", line["pass"], "ms", yardstick=line["copy"], goal=goal)
            report.add(group, "again, with one more collector", line["scaled"], "ms", yardstick=line["copy"], goal=goal)
            change = 1000.0 if count == 100_000 else None
            report.add(group, "one pod replaced", line["change_us"], "µs", goal=change)
            report.add(group, "the slowest of 1,000", line["change_worst_us"], "µs", goal=change)
            report.add(group, "one pod replaced, 20 rules", other["change_us"], "µs", goal=change)
        line, other = plain[STRATEGIES[0]], ruled[STRATEGIES[0]]
        group = f"{count:,} targets"
        report.add(group, "discovered, no rules", line["discovered"], "ms", yardstick=line["copy"])
        report.add(group, "discovered, 20 rules", other["discovered"], "ms", yardstick=line["copy"])
        report.add(group, "new rules, all again", other["filtered"], "ms", yardstick=line["copy"])
        report.add(group, "all lists written", line["lists"], "ms", yardstick=line["copy"])
        size = line["bytes"] / line["targets"]
        report.note(f"{count:,} targets: {line['labels']} labels and {size:,.0f} bytes of JSON each")
    count = counts[-1] if quick else 100_000
    for strategy in STRATEGIES:
        line = seen(world, count, "--memory", "--strategies", strategy, "--relabelling")[strategy]
        group = f"resident with {count:,} targets, {strategy}"
        report.add(group, "targets and assignment", line["allocated_mb"], "MB", goal=300.0)
        report.add(group, "and all lists, compressed", line["compressed_mb"], "MB", goal=300.0)
        report.add(group, "and all lists as they are", line["all_mb"], "MB", goal=300.0)
        report.note(f"memory, {strategy}: {line['empty_mb']} MB before; kept lists are {line['kept_mb']} MB")
    report.note("targets: 50 collectors, 10 jobs, CPU time of one thread; the yardstick is JSONTree writing the same lists")


def seen(world: World, count: int, *options: str) -> dict[str, dict]:
    say(f"{count:,} targets {' '.join(options)}".rstrip())
    output = run(world.programs["TargetTime"], "--targets", str(count), *options, timeout=900).decode()
    return {line["strategy"]: line for line in map(json.loads, output.splitlines())}
