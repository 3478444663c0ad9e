"""Draws random values that a schema of a CRD and Kubernetes itself take."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from tables import Schema

ABSENT: Any = object()
"""What a field is that is not drawn."""

Maker = Callable[["Drawing", Any], Any]


class Tables:
    """What the schema does not say, by the end of a path such as `env[].name`; the longest end wins."""

    def __init__(
        self,
        makers: dict[str, Maker],
        menders: dict[str, Maker],
        one_of: dict[str, tuple[str, ...]],
        skipped: dict[str, str],
        always: set[str],
    ) -> None:
        self.makers = makers
        self.menders = menders
        self.one_of = one_of
        self.skipped = skipped
        self.always = always

    @staticmethod
    def ends(path: str) -> Iterator[str]:
        while True:
            yield path
            _, dot, path = path.partition(".")
            if not dot:
                return


class Drawing:
    """The draw of one object: its random source, and what fields have to agree on."""

    def __init__(self, seed: str, tables: Tables) -> None:
        self.random = random.Random(seed)
        self.tables = tables
        self.counters: dict[str, int] = {}

    def unique(self, prefix: str) -> str:
        """A name that was not drawn before."""
        self.counters[prefix] = self.counters.get(prefix, 0) + 1
        return f"{prefix}-{self.counters[prefix]}"

    def maybe(self, probability: float) -> bool:
        return self.random.random() < probability

    def some(self, values: list[Any] | tuple[Any, ...], least: int = 0, most: int = 3) -> list[Any]:
        """Some of the values, each once."""
        count = min(self.random.randint(least, most), len(values))
        return self.random.sample(list(values), count)

    def value(self, schema: Schema, path: str) -> Any:
        tables = self.tables
        found: Any = ABSENT
        for end in Tables.ends(path):
            if end in tables.skipped:
                return ABSENT
            if found is ABSENT and end in tables.makers:
                found = tables.makers[end](self, schema)
                break
        else:
            found = self.generic(schema, path)
        for end in Tables.ends(path):
            if end in tables.menders and found is not ABSENT:
                found = tables.menders[end](self, found)
                break
        return found

    def generic(self, schema: Schema, path: str) -> Any:
        if "enum" in schema:
            return self.random.choice([v for v in schema["enum"] if v != ""])
        kind = schema.get("type")
        if kind == "boolean":
            return self.maybe(0.5)
        if kind == "integer" and "minimum" in schema:
            return self.random.randint(schema["minimum"], schema.get("maximum", schema["minimum"] + 100))
        if kind == "array":
            count = self.random.choice((1, 1, 1, 2, 3)) if "minItems" in schema else self.random.choice((0, 1, 1, 1, 2))
            items = [self.value(schema["items"], f"{path}[]") for _ in range(count)]
            return self.distinct([item for item in items if item is not ABSENT], schema)
        if kind == "object" and "properties" in schema:
            return self.object(schema, path)
        if kind == "object" and isinstance(inner := schema.get("additionalProperties"), dict):
            return {self.key(): self.value(inner, f"{path}{{}}") for _ in range(self.random.randint(0, 2))}
        raise LookupError(f"{path}: the schema says no more than {kind}; add a maker to hack/properties.d/makers.py")

    def key(self) -> str:
        prefix = self.random.choice(("", "", "example.com/", "sub.example.com/"))
        return prefix + self.random.choice(("app", "Tier", "a.b", "x_y", "some-long-key-" + "k" * 40, "0"))

    def object(self, schema: Schema, path: str) -> dict[str, Any]:
        names = [n for n in schema["properties"]]
        required = set(schema.get("required", []))
        for end in Tables.ends(path):
            if end in self.tables.one_of:
                names = [self.random.choice(self.tables.one_of[end])]
                required = set(names)
                break
        depth = path.count(".") + path.count("[") + path.count("{")
        likely = {0: 0.22, 1: 0.4}.get(depth, 0.3)
        result = {}
        for name in names:
            inner = f"{path}.{name}"
            wanted = name in required or any(end in self.tables.always for end in Tables.ends(inner))
            if not wanted and not self.maybe(likely):
                continue
            value = self.value(schema["properties"][name], inner)
            if value is not ABSENT:
                result[name] = value
        return result

    @staticmethod
    def distinct(items: list[Any], schema: Schema) -> list[Any]:
        """Without a second item of the same key, as the schema wants it."""
        keys = schema.get("x-kubernetes-list-map-keys")
        seen = []
        result = []
        for item in items:
            mark = [item.get(key) for key in keys] if keys and isinstance(item, dict) else item
            if mark not in seen:
                seen.append(mark)
                result.append(item)
        return result
