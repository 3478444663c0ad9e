"""Reads the API server's audit log, which holds every write: who wrote what, when, with what answer."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass
class Write:
    agent: str
    verb: str
    resource: str
    subresource: str
    name: str
    code: int
    received: float
    answered: float

    @property
    def is_status_of_collector(self) -> bool:
        return (self.resource, self.subresource) == ("opentelemetrycollectors", "status") and self.code < 300

    @property
    def changes_something(self) -> bool:
        """Reviews are questions in the form of a write, and a lease is renewed for as long as somebody leads."""
        return self.resource != "leases" and not self.resource.endswith("reviews")


class Audit:
    """What was written since it was made."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.offset = log.stat().st_size if log.exists() else 0
        self.file = log.stat().st_ino if log.exists() else 0
        self.writes: list[Write] = []

    def read(self) -> list[Write]:
        """All writes so far; what came since the last call is read."""
        if self.log.stat().st_ino != self.file:
            # Rotated: the server gave the file that was read so far another name.
            for old in self.log.parent.glob(f"{self.log.stem}-*{self.log.suffix}"):
                if old.stat().st_ino == self.file:
                    self._read(old)
            self.offset, self.file = 0, self.log.stat().st_ino
        self._read(self.log)
        return self.writes

    def _read(self, log: Path) -> None:
        with log.open("rb") as file:
            file.seek(self.offset)
            data = file.read()
        end = data.rfind(b"\n") + 1
        self.offset += end
        for line in data[:end].splitlines():
            event = json.loads(line)
            reference = event.get("objectRef", {})
            self.writes.append(
                Write(
                    event.get("userAgent", ""),
                    event["verb"],
                    reference.get("resource", ""),
                    reference.get("subresource", ""),
                    reference.get("name", ""),
                    event.get("responseStatus", {}).get("code", 0),
                    seconds(event["requestReceivedTimestamp"]),
                    seconds(event["stageTimestamp"]),
                )
            )

    def by(self, agent: str) -> list[Write]:
        return [write for write in self.read() if write.agent.startswith(agent)]

    def follow(self, agent: str, limit: float) -> Iterator[list[Write]]:
        """An agent's new writes, four times a second, until the limit has passed; each write once."""
        end = time.monotonic() + limit
        seen = 0
        while time.monotonic() < end:
            new = self.read()[seen:]
            seen += len(new)
            yield [write for write in new if write.agent.startswith(agent)]
            time.sleep(0.25)

    def wait_for_silence(self, pause: float, limit: float) -> bool:
        """Waits until nobody has changed anything for ``pause`` seconds.

        Without nodes the scheduler tries pods again for minutes, and says so; nobody here looks at that.
        """
        since = time.monotonic()
        for new in self.follow("", limit):
            if any(write.changes_something and write.resource not in ("events", "pods") for write in new):
                since = time.monotonic()
            elif time.monotonic() - since >= pause:
                return True
        return False


def seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def summary(writes: list[Write]) -> str:
    """Such as `1000 configmaps, 1000 opentelemetrycollectors/status`."""
    counts = Counter(f"{write.resource}{'/' + write.subresource if write.subresource else ''}" for write in writes)
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())
