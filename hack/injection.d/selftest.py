"""What judges has to be judged: the patches of another implementation, and changes that have to be found."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from environment import REPOSITORY
from patching import PatchError, applied, canonical, problem

Object = dict[str, Any]
POD: Object = {
    "kind": "Pod",
    "metadata": {"labels": {"a": "b"}, "annotations": {"x": "y"}},
    "spec": {
        "containers": [
            {
                "name": "a",
                "env": [
                    {"name": "ONE", "value": "1"},
                    {"name": "NODE_OPTIONS", "value": "-x"},
                    {"name": "OTEL_RESOURCE_ATTRIBUTES", "value": "a=b"},
                    {"name": "TWO", "valueFrom": {"fieldRef": {"fieldPath": "x"}}},
                ],
                "volumeMounts": [{"name": "v", "mountPath": "/v"}, {"name": "v", "mountPath": "/w"}],
                "unknown": {"k": 1, "l": 2},
            },
            {"name": "otc-container"},
        ],
        "initContainers": [{"name": "i"}],
        "volumes": [{"name": "v"}],
    },
}
ALLOWED: list[Callable[[Object], Any]] = [
    lambda p: p["metadata"]["annotations"].update({"swiftlet.opentelemetry.io/injection": "[]"}),
    lambda p: p["metadata"]["labels"].update({"sidecar.opentelemetry.io/injected": "a.b"}),
    lambda p: p["spec"]["volumes"].append({"name": "w"}),
    lambda p: p["spec"]["initContainers"].insert(0, {"name": "new"}),
    lambda p: env(p).insert(0, {"name": "NEW", "value": ""}),
    lambda p: env(p)[1].update(value="-x --require y"),
    lambda p: env(p).append(env(p).pop(2) | {"value": "a=b,c=d"}),
    lambda p: p["spec"]["containers"][0]["volumeMounts"].append({"name": "w", "mountPath": "/x"}),
]
FORBIDDEN: list[Callable[[Object], Any]] = [
    lambda p: p.update(kind="pod"),
    lambda p: p["metadata"]["annotations"].update(x="z"),
    lambda p: p["metadata"]["labels"].update(new=""),
    lambda p: p["metadata"].update(name="a"),
    lambda p: p["spec"].update(hostPID=True),
    lambda p: p["spec"]["volumes"].insert(0, {"name": "w"}),
    lambda p: p["spec"]["volumes"].clear(),
    lambda p: p["spec"]["initContainers"].clear(),
    lambda p: p["spec"]["containers"].reverse(),
    lambda p: p["spec"]["containers"].pop(0),
    lambda p: p["spec"]["containers"][0].update(unknown={"l": 2, "k": 1}),
    lambda p: p["spec"]["containers"][0].pop("unknown"),
    lambda p: p["spec"]["containers"][0]["volumeMounts"].reverse(),
    lambda p: p["spec"]["containers"][0]["volumeMounts"].pop(),
    lambda p: env(p).reverse(),
    lambda p: env(p).pop(0),
    lambda p: env(p)[0].update(value="2"),
    lambda p: env(p)[1].update(value="lost"),
    lambda p: env(p)[2].update(value="c=d"),
    lambda p: env(p)[3].update(value="both"),
    lambda p: env(p).append({"name": "ONE", "value": "1"}),
    lambda p: env(p).extend([{"name": "NEW"}, {"name": "NEW"}]),
]


def env(pod: Object) -> list[Object]:
    result: list[Object] = pod["spec"]["containers"][0]["env"]
    return result


def self_test() -> list[str]:
    """What went wrong, a line each."""
    wrong = []
    cases = json.loads((REPOSITORY / "Tests/JSONTreeTests/Fixtures/patch-cases.json").read_text())
    for number, case in enumerate(cases):
        try:
            found = canonical(applied(case["document"], case["patch"]))
        except PatchError:
            found = None
        wanted = canonical(case["result"]) if "result" in case else None
        if found != wanted:
            wrong.append(f"patch {number}: {found} instead of {wanted}: {case}")
    for changes, is_allowed in ((ALLOWED, True), (FORBIDDEN, False)):
        for number, change in enumerate(changes):
            after = copy.deepcopy(POD)
            change(after)
            found = problem(POD, after, removes_sidecar=False, web_server=False)
            if (found is None) != is_allowed:
                wrong.append(f"{'allowed' if is_allowed else 'forbidden'} change {number}: {found}")
    without_sidecar = copy.deepcopy(POD)
    without_sidecar["spec"]["containers"].pop()
    without_mount = copy.deepcopy(POD)
    without_mount["spec"]["containers"][0]["volumeMounts"].pop(0)
    if problem(POD, without_sidecar, False, False) is None or problem(POD, without_sidecar, True, False) is not None:
        wrong.append("a sidecar that goes away")
    if problem(POD, without_mount, False, True) is not None:
        wrong.append("a mount that gives way")
    return wrong
