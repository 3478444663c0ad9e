"""What the kernel tells: CPU time and memory of processes, and what else keeps the machine busy."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def thread_seconds(pid: int) -> float:
    """As ``cpu_seconds``, to the nanosecond, of the threads that are there: for a process that does next to nothing."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


@dataclass
class Memory:
    """Of a process, in bytes."""

    resident: int
    anonymous: int
    peak: int


def memory(pid: int) -> Memory:
    def kilobytes(file: str, *names: str) -> list[int]:
        found = {
            line.split(":")[0]: int(line.split()[1]) * 1024
            for line in Path(f"/proc/{pid}/{file}").read_text().splitlines()
            if line.endswith(" kB")
        }
        return [found[name] for name in names]

    resident, anonymous = kilobytes("smaps_rollup", "Rss", "Anonymous")
    (peak,) = kilobytes("status", "VmHWM")
    return Memory(resident, anonymous, peak)


class Disturbance:
    """How much of a CPU went to what is none of ours, from here to ``share()``."""

    def __init__(self, ours: Iterable[int]) -> None:
        self.ours = list(ours)
        self.begun = time.monotonic()
        self.busy = self._busy()
        self.own = self._own()

    def share(self) -> float:
        busy = self._busy() - self.busy
        own = self._own() - self.own
        return max(0.0, busy - own) / max(0.001, time.monotonic() - self.begun)

    @staticmethod
    def _busy() -> float:
        # Interrupts are left out: they belong to nobody, and with loopback traffic to us. Stolen time is not ours.
        user, nice, system, _, _, _, _, steal = map(int, Path("/proc/stat").read_text().split(maxsplit=9)[1:9])
        return (user + nice + system + steal) / TICKS

    def _own(self) -> float:
        def used(who: int) -> float:
            usage = resource.getrusage(who)
            return usage.ru_utime + usage.ru_stime

        return sum(cpu_seconds(pid) for pid in self.ours) + used(resource.RUSAGE_SELF) + used(resource.RUSAGE_CHILDREN)


def wait_for_quiet_cpu(pid: int, limit: float) -> tuple[float, bool]:
    """Waits until a process uses next to no CPU for two seconds. Gives its CPU time, and whether it came to that."""
    end = time.monotonic() + limit
    seen = [cpu_seconds(pid)]
    while time.monotonic() < end:
        time.sleep(0.25)
        seen.append(cpu_seconds(pid))
        if len(seen) > 8 and seen[-1] - seen[-9] <= 0.02:
            return seen[-1], True
    return seen[-1], False


def load() -> float:
    return os.getloadavg()[0]


def wait_for_quiet_machine(limit: float, below: float, say: Callable[[str], None]) -> None:
    """Waits until the load is below a number, for at most ``limit`` seconds."""
    end = time.monotonic() + limit
    said = False
    while load() > below and time.monotonic() < end:
        if not said:
            say(f"the load is {load():.1f}: waiting until it is below {below}")
            said = True
        time.sleep(5)
    if load() > below:
        say(f"the machine is busy (load {load():.1f}): the figures are worth less")
