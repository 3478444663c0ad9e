"""Many collectors: the time to converge and to follow a change of all, rest, a restart, memory."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from statistics import median

from audit import Audit, Write, summary
from machine import Disturbance, cpu_seconds, memory, thread_seconds, wait_for_quiet_cpu
from objects import CHANGE, COLLECTOR, EVENT, FOREIGN_CONFIG_MAP, FOREIGN_POD, STATUS
from report import Report, Row
from world import Failure, Process, World, run, say

MB = 1e6
COLLECTORS = "/apis/opentelemetry.io/v1beta1/namespaces/bench/opentelemetrycollectors"
# The goals for memory and for the restart are meant for so many.
USUAL = 1000


@dataclass
class Times:
    """Seconds, one for each time that it was done."""

    converge: list[float] = field(default_factory=list)
    change: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        return " and ".join(
            f"{name} {', '.join(f'{value:.1f}' for value in values)}"
            for name, values in [("converge", self.converge), ("change", self.change)]
            if values
        )


def measure(
    world: World, report: Report, quick: bool, count: int, rounds: int | None, converge: bool, loaded: bool
) -> None:
    # Above the usual number one round takes minutes, and the share of chance in it is small.
    rounds = (rounds or (1 if quick or count > USUAL else 2)) if converge else 1
    steps = files(world)
    bare, ours = Times(), Times()
    rows: dict[str, Row] = {}
    for number in range(rounds):
        first = report if number == 0 else None
        if converge:
            with world.control_plane():
                bare_client(world, steps, count, bare, first)
        with world.control_plane():
            with world.operator(leads=True) as operator:
                if loaded and first:
                    add_memory(report, "memory, idle", operator, 32, 8)
                if converge and first:
                    rows["converge"] = compared(first, created(count), "first create to last status")
                operators_time(world, steps, count, operator, ours, first if converge else None)
                if loaded and first:
                    add_memory(report, f"memory, {count} collectors just made", operator, memory_goal(count))
                if converge:
                    if first:
                        rows["change"] = compared(first, changed(count), "first change to last status")
                    operators_change(world, steps, count, operator, ours, first)
                    if first:
                        at_rest(world, report, count, operator, 10 if quick else 60)
            if first:
                restarted(world, report, count, 1000 if quick else 10_000, converge, loaded)
    for what, row in rows.items():
        row.seen, row.yardstick = median(getattr(ours, what)), median(getattr(bare, what))
    if rows:
        report.note(
            f"{count} collectors, {rounds} x, each on a fresh control plane, seconds: {ours}; bare client: {bare}"
        )


def compared(report: Report, group: str, what: str) -> Row:
    """A row at its place in the table, to be filled when both have been seen."""
    return report.add(group, what, 0, "s", goal_ratio=1.3)


def created(count: int) -> str:
    return f"{count} collectors to converge"


def changed(count: int) -> str:
    return f"one change to each of {count} collectors"


def files(world: World) -> dict[str, str]:
    def rendered(name: str, manifest: str) -> list[str]:
        file = world.file(name, manifest)
        output = run(world.programs["swiftlet"], "render", "-f", file, "--kubernetes-version", "1.20", timeout=30)
        return output.decode().split("---\n")[1:]

    collector = rendered("collector.yaml", COLLECTOR)
    env = CHANGE[CHANGE.index("  env:") :]
    with_change = rendered("changed-collector.yaml", COLLECTOR.rstrip() + "\n" + env)
    steps = {
        "create": ("create", COLLECTOR),
        "apply": ("apply", "---\n".join(collector)),
        "status": ("status", STATUS),
        "event": ("create", EVENT),
        "change": ("apply", CHANGE),
        "apply changed": ("apply", "---\n".join(object for object in with_change if object not in collector)),
        "event changed": ("create", EVENT.replace("bench-00000.1", "bench-00000.2")),
        "status changed": ("status", STATUS.replace("eneration: 1", "eneration: 2")),
    }
    return {
        name: f"{verb}:{world.file(f'{name}.yaml'.replace(' ', '-'), text)}" for name, (verb, text) in steps.items()
    }


def limit(count: int) -> float:
    return max(600.0, 0.6 * count)


def bare_client(world: World, steps: dict[str, str], count: int, times: Times, report: Report | None) -> None:
    def measured(what: str, *names: str) -> float:
        say(f"bare client: {what}")
        audit = Audit(world.audit)
        disturbance = Disturbance(world.plane_pids())
        world.bare_client([steps[name] for name in names], count, limit=limit(count))
        say(f"bare client: done; other processes took {disturbance.share():.0%} of a CPU")
        writes = audit.by("bare-client")
        if report:
            report.note(f"bare client's writes, {what}: {summary(writes)}")
        return writes[-1].answered - writes[0].received

    create = measured(f"{count} collectors and what belongs to them", "create", "apply", "status", "event")
    times.converge.append(create)
    Audit(world.audit).wait_for_silence(3, limit(count))
    steps_of_change = ["change", "apply changed", "status changed", "event changed"]
    change = measured(f"a change to each of {count} collectors", *steps_of_change)
    times.change.append(change)


def operators_time(
    world: World, steps: dict[str, str], count: int, operator: Process, times: Times, report: Report | None
) -> None:
    """From the first collector's creation until each has its first status."""
    say(f"operator: {count} collectors")
    seconds = until_reported(world, steps["create"], count, operator, created(count), report)
    ready = [item for item in collectors(world) if is_ready(item)]
    if len(ready) != count:
        raise Failure(f"only {len(ready)} of {count} collectors are Ready in the end")
    times.converge.append(seconds)


def operators_change(
    world: World, steps: dict[str, str], count: int, operator: Process, times: Times, report: Report | None
) -> None:
    """From the first collector's change until the status of each is of the new generation."""
    say(f"operator: a change to each of {count} collectors")
    seconds = until_reported(world, steps["change"], count, operator, changed(count), report)
    done = [item for item in collectors(world) if is_ready(item) and item["metadata"]["generation"] == 2]
    if len(done) != count:
        raise Failure(f"only {len(done)} of {count} collectors are Ready in generation 2 in the end")
    times.change.append(seconds)


def until_reported(
    world: World, step: str, count: int, operator: Process, group: str, report: Report | None
) -> float:
    """Does something to each collector. Seconds from the first write until each has a status that was written later."""
    audit = Audit(world.audit)
    disturbance = Disturbance([operator.pid, *world.plane_pids()])
    cpu = cpu_seconds(operator.pid)
    world.bare_client([step], count, limit=limit(count))
    done = {write.name: write for write in audit.by("bare-client") if write.resource == "opentelemetrycollectors"}
    reported: dict[str, Write] = {}
    for writes in audit.follow("swiftlet", limit(count)):
        for write in writes:
            if write.is_status_of_collector and write.name in done and write.received >= done[write.name].received:
                reported.setdefault(write.name, write)
        if len(reported) == count:
            break
        operator.check()
    else:
        raise Failure(f"only {len(reported)} of {count} collectors have a status after {limit(count):.0f} s")
    cpu_then = cpu_seconds(operator.pid) - cpu
    say(f"operator: all have a status; other processes took {disturbance.share():.0%} of a CPU")
    audit.wait_for_silence(3, limit(count))
    if report:
        report.add(group, "operator's CPU until then", cpu_then, "s")
        report.add(group, "operator's CPU until quiet", cpu_seconds(operator.pid) - cpu, "s")
        writes = [write for write in audit.by("swiftlet") if write.changes_something]
        report.note(f"operator's writes until quiet, {group}: {summary(writes)}")
        failed = [write for write in writes if write.code >= 300]
        if failed:
            report.note(f"of these failed: {summary(failed)}, code {failed[0].code} and others")
    return max(write.answered for write in reported.values()) - min(write.received for write in done.values())


def collectors(world: World) -> list[dict]:
    return world.get(COLLECTORS)["items"]


def is_ready(item: dict) -> bool:
    status = item.get("status", {})
    return status.get("observedGeneration") == item["metadata"]["generation"] and any(
        condition["type"] == "Ready" and condition["status"] == "True" for condition in status.get("conditions", [])
    )


def at_rest(world: World, report: Report, count: int, operator: Process, seconds: float) -> None:
    """Nothing happens, and nothing should be done about it."""
    if not Audit(world.audit).wait_for_silence(5, limit(count)):
        report.note(f"the control plane did not get quiet with {count} collectors")
    wait_for_quiet_cpu(operator.pid, 60)
    say(f"operator: at rest for {seconds:.0f} s")
    audit = Audit(world.audit)
    start, cpu = time.monotonic(), thread_seconds(operator.pid)
    time.sleep(seconds)
    cpu, passed = thread_seconds(operator.pid) - cpu, time.monotonic() - start
    all_writes = audit.by("swiftlet")
    writes = [write for write in all_writes if write.changes_something]
    group = f"{count} collectors at rest, {passed:.0f} s"
    report.add(group, "writes (lease aside)", len(writes), goal=0)
    report.add(group, "CPU, % of a core", cpu / passed * 100, goal=0.1)
    add_memory(report, group, operator, memory_goal(count))
    report.note(f"at rest: the lease was renewed {len(all_writes) - len(writes)} times")
    if writes:
        report.note(f"writes at rest: {summary(writes)}")


def memory_goal(count: int) -> float | None:
    """Of resident memory, in MB."""
    return 64 if count <= USUAL else None


def restarted(world: World, report: Report, count: int, foreign: int, converge: bool, loaded: bool) -> None:
    """A restart among the collectors, then 10,000 objects of others."""
    audit = Audit(world.audit)
    if not audit.wait_for_silence(5, limit(count)):
        report.note("the control plane did not get quiet before the restart")
    say("operator: restart")
    with world.operator() as operator:
        ready = operator.seconds_to_ready
        cpu, quiet = wait_for_quiet_cpu(operator.pid, 60)
        writes = [write for write in audit.by("swiftlet") if write.changes_something]
        if converge:
            group = f"restart among {count} collectors"
            usual = count <= USUAL
            report.add(group, "start to ready", ready, "s", goal=0.3 if usual else None)
            report.add(group, "CPU until quiet", cpu, "s", goal=1 if usual else None)
            report.add(group, "writes for collectors", len([w for w in writes if not _ours(w)]), goal=0)
            if not quiet:
                report.note("restart: the operator did not get quiet within 60 s")
            if writes:
                report.note(f"writes after the restart: {summary(writes)}")
        if not loaded:
            return
        add_memory(report, f"memory, {count} collectors, restarted", operator, memory_goal(count))
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
    # A plain process outside the cluster has a new authority after each start, which its webhooks have to name, and so
    # has the CRD for its conversion.
    webhooks = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations", "customresourcedefinitions")
    return write.resource in webhooks


def add_memory(
    report: Report, group: str, operator: Process, goal: float | None, anonymous_goal: float | None = None
) -> None:
    wait_for_quiet_cpu(operator.pid, 60)
    seen = memory(operator.pid)
    report.add(group, "resident", seen.resident / MB, "MB", goal=goal)
    report.add(group, "anonymous", seen.anonymous / MB, "MB", goal=anonymous_goal)
    report.add(group, "peak resident", seen.peak / MB, "MB")
