"""Makes a sample that fails smaller while it fails."""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from check import Check, Failure, Object


SIMPLE = {
    "receivers": {"nop": {}},
    "exporters": {"nop": {}},
    "service": {"pipelines": {"traces": {"receivers": ["nop"], "exporters": ["nop"]}}},
}


def smaller(check: Check, collector: Object, seconds: float = 15) -> tuple[Object, str]:
    """A collector with as few fields as may be that still fails, and how."""
    deadline = time.monotonic() + seconds

    def failure(candidate: Object) -> str | None:
        try:
            check.one(candidate)
        except Failure as found:
            return str(found)
        return None

    reason = failure(collector)
    if reason is None:
        return collector, "fails only together with others"
    simple = collector | {"spec": collector["spec"] | {"config": SIMPLE}}
    if (simply := failure(simple)) and shape(simply) == shape(reason):
        collector, reason = simple, simply
    return shrunk(collector, reason, failure, deadline - time.monotonic())


def shrunk(
    value: Object, reason: str, failure: Callable[[Object], str | None], seconds: float = 15
) -> tuple[Object, str]:
    """As few members as may be with which it still fails in the same way."""
    deadline = time.monotonic() + seconds
    progress = True
    while progress and time.monotonic() < deadline:
        progress = False
        for place in list(places(value)):
            if time.monotonic() > deadline:
                break
            candidate = without(value, place)
            found = candidate and failure(candidate)
            # Another way to fail would lead away from the defect.
            if candidate and found and shape(found) == shape(reason):
                value, reason, progress = candidate, found, True
    return value, reason


def shape(reason: str) -> str:
    """A reason without what differs from case to case."""
    return re.sub(r'"[^"]*"|[a-z0-9-]*\d[a-z0-9-]*|\[\d+\]', "_", reason)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all members, the outer ones first."""
    items = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for key, _ in items:
        yield (*path, key)
    for key, inner in items:
        yield from places(inner, (*path, key))


def without(value: Object, path: tuple[Any, ...]) -> Object | None:
    if path[0] in ("apiVersion", "kind") or path in (
        ("metadata",),
        ("spec",),
        ("metadata", "name"),
        ("metadata", "namespace"),
        ("spec", "config"),
    ):
        return None
    result = copy.deepcopy(value)
    place: Any = result
    try:
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]
    except (KeyError, IndexError):
        return None
    return result
