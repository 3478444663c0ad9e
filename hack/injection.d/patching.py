"""JSON Patch (RFC 6902), read by its text, and what a patch of ours may change in a pod."""

from __future__ import annotations

import copy
import json
from typing import Any

Object = dict[str, Any]
STAMP = "swiftlet.opentelemetry.io/injection"
LABEL = "sidecar.opentelemetry.io/injected"
SIDECAR = "otc-container"
INIT_CONTAINERS = {
    *(f"opentelemetry-auto-instrumentation-{language}" for language in ("java", "nodejs", "python", "dotnet")),
    "otel-agent-source-container-clone",
    "otel-agent-attach-apache",
    "otel-agent-attach-nginx",
}
GO_AGENT = "opentelemetry-auto-instrumentation"
JOINED = {
    "JAVA_TOOL_OPTIONS",
    "NODE_OPTIONS",
    "PYTHONPATH",
    "DOTNET_STARTUP_HOOKS",
    "DOTNET_ADDITIONAL_DEPS",
    "DOTNET_SHARED_STORE",
    "LD_LIBRARY_PATH",
    "OTEL_RESOURCE_ATTRIBUTES",
}
"""Variables whose value may change; the old value has to stay within the new one."""
MOVED = "OTEL_RESOURCE_ATTRIBUTES"
REPEATED = {f"OTEL_RESOURCE_ATTRIBUTES_{name}" for name in ("POD_NAME", "POD_UID", "NODE_NAME")}
"""Variables that are added although the container has one of that name, when that one says something else."""


class PatchError(Exception):
    """A patch that does not apply."""


def applied(document: Any, patch: Any) -> Any:
    """The document after the patch; neither is changed."""
    document = copy.deepcopy(document)
    if not isinstance(patch, list):
        raise PatchError(f"a patch is an array, not {patch!r:.80}")
    for operation in patch:
        document = one(document, operation)
    return document


def one(document: Any, operation: Object) -> Any:
    kind, path = operation["op"], steps(operation["path"])
    if kind in ("add", "replace", "test") and "value" not in operation:
        raise PatchError(f"{kind} {operation['path']} has no value")
    if kind == "move" or kind == "copy":
        source = steps(operation["from"])
        value = copy.deepcopy(found(document, source))
        if kind == "move":
            if path[: len(source)] == source and path != source:
                raise PatchError("a move into itself")
            document = removed(document, source)
        return added(document, path, value)
    if kind == "add":
        return added(document, path, copy.deepcopy(operation["value"]))
    if kind == "remove":
        return removed(document, path)
    if kind == "replace":
        found(document, path)
        return replaced(document, path, copy.deepcopy(operation["value"]))
    if kind == "test":
        if canonical(found(document, path)) != canonical(operation["value"]):
            raise PatchError(f"test {operation['path']} fails")
        return document
    raise PatchError(f"there is no operation {kind!r}")


def steps(pointer: str) -> list[str]:
    if pointer == "":
        return []
    if pointer[0] != "/":
        raise PatchError(f"{pointer!r} is no pointer")
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/")]


def index(step: str, most: int) -> int:
    if not step.isascii() or not step.isdigit() or (step[0] == "0" and step != "0") or int(step) > most:
        raise PatchError(f"index {step!r} is not between 0 and {most}")
    return int(step)


def found(document: Any, path: list[str]) -> Any:
    for step in path:
        if isinstance(document, list):
            document = document[index(step, len(document) - 1)]
        elif isinstance(document, dict) and step in document:
            document = document[step]
        else:
            raise PatchError(f"there is nothing at /{'/'.join(path)}")
    return document


def added(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    place, last = found(document, path[:-1]), path[-1]
    if isinstance(place, list):
        place.insert(len(place) if last == "-" else index(last, len(place)), value)
    elif isinstance(place, dict):
        place[last] = value
    else:
        raise PatchError(f"nothing can be added at /{'/'.join(path)}")
    return document


def replaced(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    place = found(document, path[:-1])
    place[index(path[-1], len(place) - 1) if isinstance(place, list) else path[-1]] = value
    return document


def removed(document: Any, path: list[str]) -> Any:
    found(document, path)
    if not path:
        raise PatchError("the document itself is removed")
    place = found(document, path[:-1])
    del place[index(path[-1], len(place) - 1) if isinstance(place, list) else path[-1]]
    return document


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


# What may change


def text(value: Any) -> str:
    """With the order of members: what is kept is kept as it was."""
    return json.dumps(value, ensure_ascii=False)


def without(value: Object, *keys: str) -> Object:
    return {key: inner for key, inner in value.items() if key not in keys}


def problem(before: Object, after: Object, removes_sidecar: bool, web_server: bool) -> str | None:
    """What changed and may not; `None` for nothing.

    `removes_sidecar`: the pod asks for no sidecar. `web_server`: it asks for the agent of one, so that mounts give way.
    """
    if text(without(before, "metadata", "spec")) != text(without(after, "metadata", "spec")):
        return "a member beside metadata and spec changed"
    old, new = before.get("metadata") or {}, after.get("metadata") or {}
    for key, mark in (("annotations", STAMP), ("labels", LABEL)):
        if text(without(old.get(key) or {}, mark)) != text(without(new.get(key) or {}, mark)):
            return f"{key} besides {mark} changed"
    if text(without(old, "annotations", "labels")) != text(without(new, "annotations", "labels")):
        return "metadata changed"
    old, new = before.get("spec") or {}, after.get("spec") or {}
    lists = ("containers", "initContainers", "volumes")
    if text(without(old, *lists, "shareProcessNamespace")) != text(without(new, *lists, "shareProcessNamespace")):
        return "a member of spec changed"
    if old.get("shareProcessNamespace") != new.get("shareProcessNamespace"):
        if new.get("shareProcessNamespace") is not True or old.get("shareProcessNamespace") is False:
            return "shareProcessNamespace changed"
    volumes, now = old.get("volumes") or [], new.get("volumes") or []
    if text(now[: len(volumes)]) != text(volumes):
        return "volumes changed, or not at their end"
    for key in ("containers", "initContainers"):
        found = containers(old.get(key) or [], new.get(key) or [], key, removes_sidecar, web_server)
        if found:
            return found
    return None


def containers(old: list[Object], new: list[Object], key: str, removes: bool, web_server: bool) -> str | None:
    names = [c["name"] for c in old]
    kept = [c["name"] for c in new if c["name"] in names]
    gone = [name for name in names if name not in kept]
    if kept != [name for name in names if name in kept]:
        return f"{key} were put into another order: {names} {kept}"
    if gone and (not removes or gone != [SIDECAR]):
        return f"{key} are gone: {gone}"
    by_name = {c["name"]: c for c in new}
    for container in old:
        if (after := by_name.get(container["name"])) is None:
            continue
        name = f"{key} {container['name']}"
        if text(without(container, "env", "volumeMounts")) != text(without(after, "env", "volumeMounts")):
            return f"{name}: a member besides env and volumeMounts changed"
        found = environment(container.get("env") or [], after.get("env") or [])
        found = found or mounts(container.get("volumeMounts") or [], after.get("volumeMounts") or [], web_server)
        if found:
            return f"{name}: {found}"
    return None


def environment(old: list[Object], new: list[Object]) -> str | None:
    fixed = [entry for entry in old if entry["name"] != MOVED]
    rest = iter([entry for entry in new if entry["name"] != MOVED])
    added = []
    for entry in fixed:
        for candidate in rest:
            if text(candidate) == text(entry) or is_joined(entry, candidate):
                break
            added.append(candidate["name"])
        else:
            return f"variable {entry['name']} is gone, changed or moved"
    added += [entry["name"] for entry in rest]
    before, after = [e for e in old if e["name"] == MOVED], [e for e in new if e["name"] == MOVED]
    if before:
        changed = [e for e in after if text(e) not in map(text, before)]
        if len(after) != len(before) or len(changed) > 1:
            return f"{MOVED}: {before} became {after}"
        if changed and not any(is_joined(entry, changed[0]) for entry in before):
            return f"{MOVED}: {before} became {after}"
    elif len(after) > 1:
        return f"{MOVED} was added twice"
    known = {entry["name"] for entry in old}
    for name in added:
        if name in known - REPEATED or added.count(name) > 1:
            return f"variable {name} was added though it is there"
    return None


def is_joined(entry: Object, candidate: Object) -> bool:
    return (
        entry["name"] in JOINED
        and "valueFrom" not in entry
        and text(without(entry, "value")) == text(without(candidate, "value"))
        and entry.get("value", "") in candidate.get("value", "")
    )


def mounts(old: list[Object], new: list[Object], web_server: bool) -> str | None:
    if is_within(old, new):
        return None
    # The copied configuration takes the place of one mount.
    if web_server and any(is_within(old[:place] + old[place + 1 :], new) for place in range(len(old))):
        return None
    return f"mounts are gone, changed or moved: {old} became {new}"


def is_within(old: list[Object], new: list[Object]) -> bool:
    """Whether all of one list is in the other, in its order."""
    rest = iter(map(text, new))
    return all(any(candidate == text(entry) for candidate in rest) for entry in old)
