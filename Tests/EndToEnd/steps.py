"""Cases written in YAML (cases/README.md says how): their steps, and how what is wanted is compared with what is found."""

import json
import pathlib
import re
import time

import yaml

VERBS = ("apply", "assert", "absent", "patch", "delete")
CASES = pathlib.Path(__file__).parent / "cases"


class Tagged:
    """A value of an assertion that is not compared as it is: `!contains text`, `!same name`..."""

    def __init__(self, tag, value):
        self.tag, self.value = tag, value

    def __repr__(self):
        return f"!{self.tag} {self.value}".strip()

    def differs(self, path, found, known):
        value = self.value
        if self.tag == "remember":
            known[value] = found
            return []
        text = found if isinstance(found, str) else json.dumps(found)
        good = {
            "any": lambda: True,
            "contains": lambda: value in text,
            "lacks": lambda: value not in text,
            "matches": lambda: re.search(value, text),
            "same": lambda: value in known and found == known[value],
            "other": lambda: value in known and found != known[value],
            "has": lambda: isinstance(found, list)
            and all(any(not differences(one, item, path, {**known}) for item in found) for one in value),
        }[self.tag]()
        told = f" ({known.get(value)!r})" if self.tag in ("same", "other") else ""
        return [] if good else [f"{path}: wanted {self!r}{told}, found {found!r}"]


class Loader(yaml.SafeLoader):
    """YAML of a case: `yes` and dates stay text as kubectl has them, and the tags of ``Tagged`` are known."""


def tagged(loader, suffix, node):
    if suffix not in ("any", "contains", "lacks", "matches", "same", "other", "remember", "has"):
        raise yaml.constructor.ConstructorError(None, None, f"unknown tag !{suffix}", node.start_mark)
    if isinstance(node, yaml.SequenceNode):
        return Tagged(suffix, loader.construct_sequence(node, deep=True))
    return Tagged(suffix, loader.construct_scalar(node))


Loader.add_multi_constructor("!", tagged)
Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def differences(wanted, found, path="", known=None):
    """One line for each way in which `found` is not what is wanted: maps may have more members, lists may not."""
    known = {} if known is None else known
    if isinstance(wanted, Tagged):
        return wanted.differs(path, found, known)
    if isinstance(wanted, dict) and isinstance(found, dict):
        lines = []
        for key, value in wanted.items():
            inner = f"{path}.{key}" if re.fullmatch(r"[\w-]+", str(key)) else f"{path}['{key}']"
            inner = inner.removeprefix(".")
            if value is None:
                if found.get(key) is not None:
                    lines.append(f"{inner}: wanted nothing, found {found[key]!r}")
            elif key not in found:
                lines.append(f"{inner}: wanted {value!r}, found nothing")
            else:
                lines += differences(value, found[key], inner, known)
        return lines
    if isinstance(wanted, list) and isinstance(found, list):
        if len(wanted) != len(found):
            return [f"{path}: wanted {len(wanted)} items {wanted!r}, found {len(found)}: {found!r}"]
        return [line for i, one in enumerate(wanted) for line in differences(one, found[i], f"{path}[{i}]", known)]
    equal = wanted == found and isinstance(wanted, bool) == isinstance(found, bool)
    return [] if equal else [f"{path}: wanted {wanted!r}, found {found!r}"]


class Step:
    """One file of a case: its verb and its documents."""

    def __init__(self, file, namespace):
        match = re.fullmatch(r"(\d\d)-([a-z]+)(-[a-z0-9-]+)?\.yaml", file.name)
        assert match and match[2] in VERBS, f"{file}: a step's name is NN-VERB[-WORDS].yaml, VERB one of {VERBS}"
        self.name, self.verb = file.name.removesuffix(".yaml"), match[2]
        self.text = file.read_text().replace("$NAMESPACE", namespace)
        documents = [one for one in yaml.load_all(self.text, Loader) if one is not None]
        self.options = next((one for one in documents if "kind" not in one), {})
        self.objects = [one for one in documents if "kind" in one]
        unknown = set(self.options) - {"refused", "warns", "options", "within"}
        assert not unknown, f"{file}: unknown options {sorted(unknown)}"
        assert self.objects, f"{file}: no objects"

    def manifests(self):
        """Its objects as kubectl takes them."""
        return "\n---\n".join(json.dumps(one) for one in self.objects)


class Case:
    """A folder of steps, run one after the other in a namespace of its own."""

    def __init__(self, folder, server):
        self.name = folder.name
        self.namespace = f"case-{folder.name}"
        self.steps = [Step(file, self.namespace) for file in sorted(folder.glob("*.yaml"))]
        self.server = server
        self.known = {}

    def run(self):
        server = self.server
        server.kubectl("create", "namespace", self.namespace)
        try:
            for step in self.steps:
                try:
                    getattr(self, f"do_{step.verb}")(step)
                except AssertionError as error:
                    raise AssertionError(f"{self.name}, step {step.name}: {error}") from None
        finally:
            server.kubectl("delete", "namespace", self.namespace, "--wait=false", check=False)

    def do_apply(self, step):
        done = self.server.kubectl(
            "apply", "-n", self.namespace, *step.options.get("options", []), "-f", "-", text=step.manifests(), check=False
        )
        refused = step.options.get("refused", [])
        assert bool(refused) == (done.returncode != 0), f"kubectl apply: {done.stderr or done.stdout}"
        for text in refused:
            assert text in done.stderr, f"wanted in kubectl's words: {text!r}, found {done.stderr!r}"
        for text in step.options.get("warns", []):
            assert f"Warning: {text}" in done.stderr, f"wanted as a warning: {text!r}, found {done.stderr!r}"
        if "warns" in step.options and not step.options["warns"]:
            assert "Warning" not in done.stderr, f"wanted no warning, found {done.stderr!r}"

    def do_patch(self, step):
        for one in step.objects:
            name, spec = one["metadata"].pop("name"), {k: v for k, v in one.items() if k not in ("apiVersion", "kind")}
            if not spec["metadata"]:
                del spec["metadata"]
            done = self.server.kubectl(
                "patch", "-n", self.namespace, "--type=merge", *step.options.get("options", []), resource(one), name,
                "-p", json.dumps(spec), check=False,
            )
            refused = step.options.get("refused", [])
            assert bool(refused) == (done.returncode != 0), f"kubectl patch: {done.stderr or done.stdout}"
            for text in refused:
                assert text in done.stderr, f"wanted in kubectl's words: {text!r}, found {done.stderr!r}"

    def do_delete(self, step):
        for one in step.objects:
            self.server.kubectl(
                "delete", "-n", self.namespace, "--wait=false", *step.options.get("options", []), resource(one),
                one["metadata"]["name"],
            )

    def do_assert(self, step):
        for one in step.objects:
            self.until(step, lambda one=one: self.missing(one))

    def do_absent(self, step):
        for one in step.objects:
            self.until(step, lambda one=one: self.present(one))

    def until(self, step, test):
        """Waits until `test` finds nothing to complain of."""
        end = time.monotonic() + step.options.get("within", 30)
        while True:
            complaint = test()
            if not complaint:
                return
            assert time.monotonic() < end, complaint
            time.sleep(0.15)

    def missing(self, wanted):
        """Why no object is as wanted."""
        version, kind = wanted["apiVersion"], wanted["kind"]
        if kind.endswith("List"):
            found = self.server.list(version, kind.removesuffix("List"), self.namespace, wanted.get("selector", ""))
            known = dict(self.known)
            lines = differences(wanted["items"], found, "items", known)
            if len(found) != len(wanted["items"]):
                names = [item["metadata"]["name"] for item in found]
                lines = [f"wanted {len(wanted['items'])} items, found {len(found)}: {names}"]
        else:
            candidates = self.candidates(wanted)
            tries = []
            for one in candidates:
                known = dict(self.known)
                tries.append((differences(wanted, one, "", known), known, one))
            if not tries:
                return f"{kind} {wanted.get('metadata', {}).get('name', '')} is not there"
            lines, known, one = min(tries, key=lambda one: len(one[0]))
            kind = f"{kind} {one['metadata']['name']}"
        if not lines:
            self.known = known
            return ""
        return f"{kind} is not as wanted:\n" + "\n".join(f"    {line}" for line in lines)

    def present(self, wanted):
        """Which object is there that must not be."""
        for one in self.candidates(wanted):
            if not differences(wanted, one, "", dict(self.known)):
                return f"{wanted['kind']} {one['metadata']['name']} must not be there (or not like this)"
        return ""

    def candidates(self, wanted):
        name = wanted.get("metadata", {}).get("name")
        if isinstance(name, str):
            found = self.server.get(wanted["apiVersion"], wanted["kind"], self.namespace, name)
            return [found] if found else []
        listed = self.server.list(wanted["apiVersion"], wanted["kind"], self.namespace)
        # The items of a list don't repeat what they are.
        return [{"apiVersion": wanted["apiVersion"], "kind": wanted["kind"], **one} for one in listed]


def resource(one):
    """`kind.version.group` as kubectl takes it."""
    group, _, version = one["apiVersion"].rpartition("/")
    return f"{one['kind']}.{version}.{group}" if group else one["kind"]
