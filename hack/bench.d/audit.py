"""Reads the API server's audit log, which holds every write: who wrote what, when, with what answer."""

from __future__ import annotations

import json
import time
from collections import Counter
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


class Audit:
    """What was written since it was made."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.offset = log.stat().st_size if log.exists() else 0
        self.writes: list[Write] = []

    def read(self) -> list[Write]:
        """All writes so far; what came since the last call is read."""
        with self.log.open("rb") as file:
            if file.seek(0, 2) < self.offset:
                self.offset = 0  # rotated
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
        return self.writes

    def by(self, agent: str) -> list[Write]:
        return [write for write in self.read() if write.agent.startswith(agent)]

    def wait_for_silence(self, pause: float, limit: float) -> bool:
        """Waits until nobody has written for ``pause`` seconds."""
        end = time.monotonic() + limit
        last, since = len(self.read()), time.monotonic()
        while time.monotonic() < end:
            time.sleep(0.25)
            count = len(self.read())
            if count != last:
                last, since = count, time.monotonic()
            elif time.monotonic() - since >= pause:
                return True
        return False


def seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def summary(writes: list[Write]) -> str:
    """Such as `1000 configmaps, 1000 opentelemetrycollectors/status`."""
    counts = Counter(f"{write.resource}{'/' + write.subresource if write.subresource else ''}" for write in writes)
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())
