"""The properties of injection into one pod, and into many."""

from __future__ import annotations

import copy
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from admission import Answer, Command, Failure, Webhook
from patching import STAMP, PatchError, applied, problem, text
from pods import with_unknown
from server import Refused, Server
from worlds import LANGUAGES

Object = dict[str, Any]
WORKERS = 4
NATIVE = "1.36"
"""A version of Kubernetes with native sidecars."""
CODES = set(
    "Injected Removed NoAnnotation InstrumentationNotFound AmbiguousInstrumentation CollectorNotFound "
    "AmbiguousCollector "
    "CollectorNotSidecar CollectorInvalid LanguageDisabled AlreadyInstrumented EnvFromConflict EnvironmentConflict "
    "UnsupportedPlatform ContainerNotFound NoContainer InvalidContainerNames DuplicateContainerNames "
    "MissingContainerNames UnsupportedContainer CertificatesNotFound ImageNotSet ProcessNamespaceNotShared "
    "TargetExecutableNotSet NameConflict MountConflict LanguageConflict NamespaceNotFound LookupFailed Discarded LeftOut "
    "PodTooLarge".split()
)
NO_REFUSAL = {"Injected", "Removed", "NoAnnotation", "AlreadyInstrumented", "LeftOut"}
PREFIX = "instrumentation.opentelemetry.io/inject-"
SIDECAR = "sidecar.opentelemetry.io/inject"


class Sample(NamedTuple):
    name: str
    written: Object
    """As somebody creates it."""
    reviewed: Object
    """As a webhook sees it."""
    accepted: bool
    """Whether the API server takes it by itself."""
    same: bool
    """Whether what is reviewed has nothing that the API server would drop."""


class Outcome(NamedTuple):
    answer: Answer
    patched: Object


def reviewed(stored: Object, written: Object) -> Object:
    """The pod of a review, from what the API server made of it without any webhook."""
    result = copy.deepcopy(stored)
    metadata = result["metadata"]
    # These come when webhooks have been asked.
    for key in ("uid", "creationTimestamp", "managedFields", "selfLink", "resourceVersion"):
        metadata.pop(key, None)
    if "name" not in written["metadata"]:
        metadata.pop("name", None)
    result["metadata"] = {"creationTimestamp": None} | metadata
    result["status"] = {}
    return {"kind": "Pod", "apiVersion": "v1"} | result


class Properties:
    def __init__(self, server: Server, webhook: Webhook, command: Command, namespaces: dict[str, Object]) -> None:
        self.server = server
        self.webhook = webhook
        self.command = command
        self.namespaces = namespaces
        self.codes: Counter[str] = Counter()
        self.lock = threading.Lock()

    # What is asked for, read from the annotations anew

    def effective(self, pod: Object, key: str) -> str:
        own = (pod["metadata"].get("annotations") or {}).get(key, "")
        labels = pod["metadata"].get("labels") or {}
        if labels.get("app.kubernetes.io/managed-by") == "opentelemetry-operator":
            return own
        inherited = self.namespaces[pod["metadata"]["namespace"]].get(key, "")
        if not own:
            return inherited
        if own.lower() != "true" or not inherited or inherited.lower() == "false":
            return own
        return inherited

    def wishes(self, pod: Object) -> set[str]:
        languages = {name: self.effective(pod, PREFIX + name) for name in LANGUAGES}
        found = {name for name, value in languages.items() if value and value.lower() != "false"}
        value = self.effective(pod, SIDECAR)
        return found | ({"sidecar"} if value and value.lower() != "false" else set())

    # One pod

    def asked(self, sample: Sample) -> Outcome:
        """The webhook's answer, and what the API server makes of it."""
        pod, namespace = sample.reviewed, sample.reviewed["metadata"]["namespace"]
        answer = self.webhook.ask(pod, namespace)
        patched = pod
        if answer.patch:
            try:
                patched = applied(pod, json.loads(answer.patch))
            except (PatchError, ValueError) as error:
                raise Failure(f"the patch does not apply: {error}: {answer.patch[:400]!r}") from error
            if text(patched) == text(pod):
                raise Failure("the patch changes nothing")
        wishes = self.wishes(pod)
        removes = self.effective(pod, SIDECAR).lower() == "false"
        if found := problem(pod, patched, removes, bool(wishes & {"apache-httpd", "nginx"})):
            raise Failure(f"what may not change: {found}")
        self.decided(sample, answer, patched, wishes)
        again = self.webhook.ask(patched, namespace)
        if again.patch:
            raise Failure(f"a second pass changes the pod: {again.patch.decode()[:1000]}")
        if sample.accepted:
            self.admitted(sample, patched)
        return Outcome(answer, patched)

    def decided(self, sample: Sample, answer: Answer, patched: Object, wishes: set[str]) -> None:
        decisions = stamp(patched)
        with self.lock:
            self.codes.update(one.get("code", "?") for one in decisions)
        if STAMP in (sample.reviewed["metadata"].get("annotations") or {}):
            return
        said = {one["subject"] for one in decisions}
        if unknown := {one["code"] for one in decisions} - CODES:
            raise Failure(f"unknown codes: {unknown}")
        containers = [
            *(sample.reviewed["spec"].get("containers") or []),
            *(sample.reviewed["spec"].get("initContainers") or []),
        ]
        if any(c["name"] == "otc-container" for c in containers):
            wishes = wishes - {"sidecar"}
        if not any(one["code"] == "LeftOut" for one in decisions) and wishes - said:
            raise Failure(f"asked for and not answered: {wishes - said}; the stamp is {decisions}")
        refused = [one for one in decisions if one["code"] not in NO_REFUSAL]
        if bool(refused) != bool(answer.warnings):
            raise Failure(f"refusals {refused}, warnings {answer.warnings}")

    def admitted(self, sample: Sample, patched: Object) -> None:
        """The API server takes the pod, by itself and through the webhook, and makes the same of both."""
        try:
            through = self.server.create(sample.written, dry=True)
        except Refused as refused:
            raise Failure(f"the API server refuses the pod with its webhook: {refused}") from refused
        try:
            given = self.server.create(patched, dry=True)
        except Refused as refused:
            raise Failure(f"the API server refuses the patched pod: {refused}") from refused
        if not sample.same:
            return
        if stamp(given) != stamp(patched):
            raise Failure(f"the stamp of the patched pod became {stamp(given)}")
        through, given = comparable(through), comparable(given)
        if through != given:
            raise Failure(f"what the API server makes by its webhook differs: {difference(through, given)}")

    def compared(self, sample: Sample, outcome: Outcome, patch: bytes, changed: Object, explained: Object) -> None:
        """The commands give what the webhook gives."""
        self.same_patch(outcome, patch)
        self.same_pod(outcome, changed)
        self.same_decisions(sample, outcome, explained)

    @staticmethod
    def same_patch(outcome: Outcome, patch: bytes) -> None:
        if patch != (outcome.answer.patch or b"[]"):
            raise Failure(f"inject -o patch differs: {first_difference(patch, outcome.answer.patch or b'[]')}")

    @staticmethod
    def same_pod(outcome: Outcome, changed: Object) -> None:
        if changed != outcome.patched:
            raise Failure(f"inject -o yaml differs: {difference(outcome.patched, changed)}")

    def same_decisions(self, sample: Sample, outcome: Outcome, explained: Object) -> None:
        if STAMP in (sample.reviewed["metadata"].get("annotations") or {}):
            return
        said = [one for one in explained.get("now", []) if one["code"] != "NoAnnotation"]
        said = [one for one in said if (one["subject"], one["code"]) != ("sidecar", "AlreadyInstrumented")]
        stamped = stamp(outcome.patched)
        if stamped and stamped[-1]["code"] == "LeftOut":
            stamped = stamped[:-1]
            said = said[: len(stamped)]
        if [shortened(one) for one in said] != [shortened(one) for one in stamped]:
            raise Failure(f"explain says {said}, the stamp {stamped}")
        if (
            not self.wishes(sample.reviewed)
            and not said
            and explained.get("now", [{}])[0].get("code") != "NoAnnotation"
        ):
            if self.effective(sample.reviewed, SIDECAR).lower() != "false":
                raise Failure(f"nothing is asked for, and explain says {explained}")

    def one(self, sample: Sample, stages: int | None = None) -> None:
        """Every property of one pod, or the first ones of them; a failure knows at which it was."""
        given = [sample.reviewed]
        stage = 0
        try:
            outcome = self.asked(sample)
            for stage, check in enumerate(
                (
                    lambda: self.same_patch(outcome, *self.command.patches(given)),
                    lambda: self.same_pod(outcome, *self.command.changed(given)),
                    lambda: self.same_decisions(sample, outcome, *self.command.explained(given)),
                    lambda: self.one_modern(sample),
                ),
                start=1,
            ):
                if stages is not None and stage > stages:
                    return
                check()
        except Failure as failure:
            failure.stage = stage
            raise

    def one_modern(self, sample: Sample) -> None:
        for reason in self.all_modern([sample]).values():
            raise Failure(reason)

    # One pod of a cluster with native sidecars, which the one at hand may not be

    def modern(self, pod: Object, patch: bytes, changed: Object) -> Object:
        try:
            patched = applied(pod, json.loads(patch))
        except (PatchError, ValueError) as error:
            raise Failure(f"the patch does not apply: {error}: {patch[:400]!r}") from error
        if changed != patched:
            raise Failure(f"inject -o yaml differs: {difference(patched, changed)}")
        removes = self.effective(pod, SIDECAR).lower() == "false"
        if found := problem(pod, patched, removes, bool(self.wishes(pod) & {"apache-httpd", "nginx"})):
            raise Failure(f"what may not change: {found}")
        if found := ambiguous(patched):
            raise Failure(f"the API server would refuse the patched pod: {found}")
        return patched

    def all_modern(self, samples: list[Sample]) -> dict[str, str]:
        failures: dict[str, str] = {}
        command = self.command.of(NATIVE)
        for some in batches(samples, 200):
            given = [sample.reviewed for sample in some]
            patched = []
            for sample, patch, changed in zip(some, command.patches(given), command.changed(given)):
                try:
                    patched.append((sample.name, self.modern(sample.reviewed, patch, changed)))
                except Failure as failure:
                    failures[sample.name] = f"for Kubernetes {NATIVE}: {failure}"
            for (name, _), again in zip(patched, command.patches([pod for _, pod in patched])):
                if again != b"[]":
                    failures[name] = f"for Kubernetes {NATIVE}: a second pass changes the pod: {again[:1000]!r}"
        return failures

    # Many

    def all(self, samples: list[Sample]) -> dict[str, str]:
        failures: dict[str, str] = {}

        def guarded(name: str, step: Callable[[], Any]) -> Any:
            try:
                return step()
            except Failure as failure:
                failures.setdefault(name, str(failure))

        with ThreadPoolExecutor(WORKERS) as pool:
            outcomes = list(pool.map(lambda sample: guarded(sample.name, lambda: self.asked(sample)), samples))
            answered = [(s, o) for s, o in zip(samples, outcomes) if o is not None]
            for some in batches(answered, 200):
                given = [s.reviewed for s, _ in some]
                commands = (self.command.patches, self.command.changed, self.command.explained)
                patches, changed, explained = pool.map(lambda command: command(given), commands)
                for (sample, outcome), *rest in zip(some, patches, changed, explained):
                    guarded(sample.name, lambda: self.compared(sample, outcome, *rest))
        return self.all_modern(samples) | failures


def ambiguous(pod: Object) -> str | None:
    """What there is twice in a pod and may not."""
    spec = pod["spec"]
    containers = [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]
    volumes = [volume["name"] for volume in spec.get("volumes") or []]
    lists = [("containers", [c["name"] for c in containers]), ("volumes", volumes)]
    lists += [(f"mounts of {c['name']}", [m.get("mountPath") for m in c.get("volumeMounts") or []]) for c in containers]
    for what, names in lists:
        if twice := {str(name) for name in names if names.count(name) > 1}:
            return f"{what} twice: {twice}"
    for one in containers:
        if missing := {m["name"] for m in one.get("volumeMounts") or []} - set(volumes):
            return f"{one['name']} mounts volumes that are not there: {missing}"
    return None


def batches(values: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def comparable(pod: Object) -> Any:
    """Without what the API server makes up anew for each."""
    for key in ("name", "uid", "creationTimestamp", "managedFields"):
        pod["metadata"].pop(key, None)
    return json.loads(re.sub(r'"(kube-api-access|default-token)-[a-z0-9]{5}"', r'"\1"', json.dumps(pod)))


def stamp(pod: Object) -> list[Object]:
    value = (pod["metadata"].get("annotations") or {}).get(STAMP, "")
    try:
        read = json.loads(value)
    except ValueError:
        return []
    return [one for one in read if isinstance(one, dict)] if isinstance(read, list) else []


def shortened(decision: Object) -> Object:
    """A decision with as much of its message as a stamp has room for."""
    message = decision.get("message", "")
    return decision | ({"message": message[:100].rstrip("…")} if message else {})


def first_difference(left: bytes, right: bytes) -> str:
    place = next((i for i, (a, b) in enumerate(zip(left, right)) if a != b), min(len(left), len(right)))
    start = max(0, place - 80)
    return f"at {place}: {left[start : place + 80]!r} instead of {right[start : place + 80]!r}"


def difference(left: Any, right: Any, path: str = "") -> str:
    """The first place where two values differ."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in [*left, *right]:
            if left.get(key, "absent") != right.get(key, "absent"):
                return difference(left.get(key, "absent"), right.get(key, "absent"), f"{path}.{key}")
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for place, (one, other) in enumerate(zip(left, right)):
            if one != other:
                return difference(one, other, f"{path}[{place}]")
    return f"{path}: {json.dumps(left)[:400]} and {json.dumps(right)[:400]}"


def prepared(server: Server, name: str, seed: str, written: Object) -> tuple[Sample, str]:
    """The pod as a webhook will see it; and why the API server refuses it."""
    try:
        pod = reviewed(server.create(written, dry=True), written)
    except Refused as refused:
        if refused.code >= 500:
            raise
        pod = {key: written[key] for key in ("kind", "apiVersion", "metadata", "spec")}
        return Sample(name, written, with_unknown(seed, copy.deepcopy(pod)), False, False), str(refused)
    plain = text(pod)
    pod = with_unknown(seed, pod)
    return Sample(name, written, pod, True, text(pod) == plain), ""
