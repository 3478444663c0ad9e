"""The properties of a rendered collector, checked on a real API server."""

from __future__ import annotations

import copy
import json
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from environment import load_yaml
from server import Refused, Server

Object = dict[str, Any]
WORKERS = 4
WILL_REFUSE = "the API server will refuse"


class Renderer:
    """`swiftlet render`, many collectors at a time."""

    def __init__(self, command: str, version: str, namespace: str) -> None:
        self.command = [*shlex.split(command), "--kubernetes-version", version, "--namespace", namespace]
        self.namespace = namespace

    def run(self, collectors: list[Object]) -> tuple[str, str]:
        """What it writes to its output, and what it says."""
        sent = "".join(f"---\n{json.dumps(collector)}\n" for collector in collectors)
        done = subprocess.run([*self.command, "-f", "-"], input=sent, capture_output=True, text=True)
        if done.returncode not in (0, 1):
            raise Failure(f"swiftlet render ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
        return done.stdout, done.stderr

    def said(self, stderr: str) -> Iterator[tuple[str, str, str]]:
        """Of each line: error or warning, the collector's name, what it says."""
        pattern = re.compile(rf"(error|warning): OpenTelemetryCollector {self.namespace}/([^:]+): (.*)")
        for line in stderr.splitlines():
            if match := pattern.fullmatch(line):
                yield match[1], match[2], match[3]
            elif line and not line.startswith("warning: there is no"):
                raise Failure(f"swiftlet render says: {line}")


class Failure(Exception):
    """A property does not hold."""


def owner(value: Object) -> str:
    """The name of the collector an object was rendered for. Its target allocator, which owns some, is its namesake."""
    references = value["metadata"].get("ownerReferences", [])
    if references:
        return str(references[0]["name"])
    annotation: str = value["metadata"]["annotations"]["operator.opentelemetry.io/collector"]
    return annotation.partition("/")[2]


def objects_of(text: str) -> dict[str, list[Object]]:
    result: dict[str, list[Object]] = {}
    for value in load_yaml(text, where="swiftlet render"):
        if value:
            result.setdefault(owner(value), []).append(value)
    return result


def split(text: str) -> dict[str, str]:
    """The output by collector, without reading it as YAML."""
    result: dict[str, str] = {}
    for document in re.split(r"^---\n", text, flags=re.MULTILINE):
        if not document:
            continue
        match = re.search(
            r"^    kind: (?:OpenTelemetryCollector|TargetAllocator)\n    name: (.*)\n|^    operator.opentelemetry.io/collector: [^/\n]*/(.*)\n",
            document,
            re.MULTILINE,
        )
        if match is None:
            raise Failure(f"an object names no collector:\n{document[:400]}")
        name = (match[1] or match[2]).strip("\"'")
        result[name] = result.get(name, "") + "---\n" + document
    return result


class Check:
    def __init__(self, server: Server, renderer: Renderer) -> None:
        self.server = server
        self.renderer = renderer
        self.namespace = renderer.namespace

    def stored(self, collector: Object) -> Object:
        """As the server stores it: with the defaults of the schema, and with a uid. Objects whose owner is not there
        would be taken away by the garbage collector."""
        sent = copy.deepcopy(collector)
        sent["metadata"]["namespace"] = self.namespace
        try:
            answer = self.server.apply(sent)
        except Refused as refused:
            raise Failure(f"the API server refuses the collector itself: {refused}") from refused
        metadata = collector["metadata"] | {"uid": answer["metadata"]["uid"]}
        return {key: answer[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": metadata}

    def accepted(self, value: Object, dry: bool) -> Object:
        try:
            return self.server.apply(value, dry)
        except Refused as refused:
            raise Failure(f"the API server refuses {value['kind']} {value['metadata']['name']}: {refused}") from refused

    def applied(self, value: Object) -> None:
        """Written, and written again without a change."""
        before = self.accepted(value, dry=False)
        for _ in range(20):
            after = self.accepted(value, dry=False)
            # Controllers write status and annotations of their own at any time; a change of ours would come each time.
            if before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]:
                return
            before = after
            time.sleep(0.1)
        raise Failure(f"{value['kind']} {value['metadata']['name']}: applied again and again, it changes each time")

    def one(self, collector: Object, dry: bool = False) -> None:
        """Every property of one collector."""
        stored = self.stored(collector)
        collector = collector | {"metadata": stored["metadata"]}
        name = collector["metadata"]["name"]
        text, errors = self.renderer.run([collector])
        for kind, _, message in self.renderer.said(errors):
            self.no_objection(kind, message)
        if self.renderer.run([collector])[0] != text:
            raise Failure("a second rendering is another")
        # The server sorts the members of what it stores.
        if objects_of(self.renderer.run([stored])[0]) != objects_of(text):
            raise Failure("the stored resource is rendered differently from the written one")
        for value in objects_of(text).get(name, []):
            self.accepted(value, dry=True)
            if not dry:
                self.applied(value)

    @staticmethod
    def objects(text: str, name: str) -> list[Object]:
        return objects_of(text).get(name, [])

    @staticmethod
    def no_objection(kind: str, message: str) -> None:
        if kind == "error":
            raise Failure(f"refused: {message}")
        if WILL_REFUSE in message:
            raise Failure(f"warns without need: {message}")

    def all(self, collectors: list[Object]) -> dict[str, str]:
        """Every property of all collectors, the slow steps together: what does not hold, by name."""
        failures: dict[str, str] = {}

        def guarded(name: str, step: Callable[[], Any]) -> Any:
            if name in failures:
                return None
            try:
                return step()
            except Failure as failure:
                failures.setdefault(name, str(failure))

        with ThreadPoolExecutor(WORKERS) as pool:
            named = {c["metadata"]["name"]: c for c in collectors}
            stored = dict(
                zip(named, pool.map(lambda item: guarded(item[0], lambda: self.stored(item[1])), named.items()))
            )
            good = [c | {"metadata": stored[n]["metadata"]} for n, c in named.items() if n not in failures]
            text, errors = self.renderer.run(good)
            for kind, name, message in self.renderer.said(errors):
                guarded(name, lambda: self.no_objection(kind, message))
            by_name = split(text)
            again = split(self.renderer.run(good)[0])
            for name in by_name.keys() | again.keys():
                if by_name.get(name) != again.get(name):
                    failures.setdefault(name, "a second rendering is another")
            objects = objects_of(text)
            of_stored = objects_of(self.renderer.run([stored[c["metadata"]["name"]] for c in good])[0])
            for name in objects.keys() | of_stored.keys():
                if objects.get(name) != of_stored.get(name):
                    failures.setdefault(name, "the stored resource is rendered differently from the written one")
            rendered = [(name, value) for name, values in objects.items() for value in values]
            list(pool.map(lambda item: guarded(item[0], lambda: self.accepted(item[1], dry=True)), rendered))
            list(pool.map(lambda item: guarded(item[0], lambda: self.applied(item[1])), rendered))
        self.written = len(rendered)
        return failures
