"""Strict checks of Kubernetes objects against schemas: the published ones of Kubernetes and those of our CRDs.

Strict means that a member without a field is an error, where an API server would drop it.
"""

from __future__ import annotations

import base64
import binascii
import copy
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from environment import schema_folder
from tables import QUANTITY, Schema

OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
QUANTITY_TYPE = "io.k8s.apimachinery.pkg.api.resource.Quantity"
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
DURATION = re.compile(r"[+-]?(0|((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)")

ANY_OBJECT: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}

TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


class Problem(NamedTuple):
    path: str
    message: str


class Kind(NamedTuple):
    group: str
    version: str
    kind: str


def kind_of(value: Any) -> Kind | None:
    """What an object says it is; None if it is no Kubernetes object."""
    if not isinstance(value, dict):
        return None
    api_version, kind = value.get("apiVersion"), value.get("kind")
    if not isinstance(api_version, str) or not isinstance(kind, str):
        return None
    group, _, version = api_version.rpartition("/")
    return Kind(group, version, kind)


class Validator:
    """Finds what is wrong with a value.

    - Parameter definitions: what `$ref` refers to.
    - Parameter structural: The schemas are those of CRDs, where an object without `additionalProperties` and
      `x-kubernetes-preserve-unknown-fields` has only the members of its `properties`, and null needs `nullable`.
    """

    def __init__(self, definitions: dict[str, Schema] | None = None, *, structural: bool = False) -> None:
        self.definitions = definitions or {}
        self.structural = structural
        self.unique_keys = True

    def problems(self, schema: Schema, value: Any, path: str = "") -> Iterator[Problem]:
        if reference := schema.get("$ref"):
            name = reference.rpartition("/")[2]
            if name == QUANTITY_TYPE:
                yield from self._quantity(value, path)
                return
            schema = self.definitions[name]
        if value is None and (schema.get("nullable") if self.structural else "null" in self._types(schema)):
            return
        if not self._has_type(schema, value):
            yield Problem(path, f"must be {self._wanted(schema)}, is {_shown(value)}")
            return
        if "enum" in schema and value not in schema["enum"]:
            yield Problem(path, f"must be one of {', '.join(map(str, schema['enum']))}, is {_shown(value)}")
        if isinstance(value, dict):
            yield from self._object(schema, value, path)
        elif isinstance(value, list):
            yield from self._array(schema, value, path)
        elif isinstance(value, str):
            yield from self._string(schema, value, path)
        elif not isinstance(value, bool):
            yield from self._number(schema, value, path)

    def _types(self, schema: Schema) -> list[str]:
        if schema.get("x-kubernetes-int-or-string"):
            return ["integer", "string"]
        if "oneOf" in schema:
            return [t for alternative in schema["oneOf"] for t in self._types(alternative)]
        types = schema.get("type", [*TYPES, "null"])
        return [types] if isinstance(types, str) else types

    def _has_type(self, schema: Schema, value: Any) -> bool:
        for name in self._types(schema):
            if name == "null":
                if value is None:
                    return True
            elif isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool)):
                return True
        return False

    def _wanted(self, schema: Schema) -> str:
        return " or ".join(dict.fromkeys(t for t in self._types(schema) if t != "null"))

    def _object(self, schema: Schema, value: dict[Any, Any], path: str) -> Iterator[Problem]:
        properties = schema.get("properties", {})
        additional = schema.get("additionalProperties")
        for name in schema.get("required", []):
            if name not in value:
                yield Problem(f"{path}.{name}", "is required")
        closed = additional is False
        if self.structural and additional is None:
            closed = not schema.get("x-kubernetes-preserve-unknown-fields")
        for key, member in value.items():
            place = f"{path}.{key}" if isinstance(key, str) and re.fullmatch(r"[\w-]+", key) else f"{path}[{key!r}]"
            if not isinstance(key, str):
                yield Problem(place, "key must be a string")
            elif key in properties:
                yield from self.problems(properties[key], member, place)
            elif isinstance(additional, dict):
                yield from self.problems(additional, member, place)
            elif closed:
                yield Problem(place, "unknown field")

    def _array(self, schema: Schema, value: list[Any], path: str) -> Iterator[Problem]:
        if len(value) < schema.get("minItems", 0):
            yield Problem(path, f"must have {schema['minItems']} items or more")
        for index, item in enumerate(value):
            yield from self.problems(schema.get("items", {}), item, f"{path}[{index}]")
        # Two items with one key break server-side apply, even where an API server stores them.
        list_type, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys", [])
        if not self.unique_keys or list_type not in ("set", "map"):
            return
        seen: dict[str, int] = {}
        for index, item in enumerate(value):
            if list_type == "map":
                if not isinstance(item, dict):
                    continue
                item = [item.get(key, "TCP" if key == "protocol" else None) for key in keys]
            identity = json.dumps(item, sort_keys=True)
            if identity in seen:
                yield Problem(f"{path}[{index}]", f"has the same {', '.join(keys) or 'value'} as item {seen[identity]}")
            seen.setdefault(identity, index)

    def _string(self, schema: Schema, value: str, path: str) -> Iterator[Problem]:
        if (pattern := schema.get("pattern")) and not re.search(pattern, value):
            yield Problem(path, f"must match {pattern}, is {_shown(value)}")
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            yield Problem(path, f"has {len(value)} characters, which is too few or too many")
        match schema.get("format"):
            case "date-time" if not DATE_TIME.fullmatch(value):
                yield Problem(path, f"must be a time such as 2006-01-02T15:04:05Z, is {_shown(value)}")
            case "duration" if not DURATION.fullmatch(value):
                yield Problem(path, f"must be a duration such as 30s, is {_shown(value)}")
            case "byte":
                try:
                    base64.b64decode(value, validate=True)
                except binascii.Error:
                    yield Problem(path, "must be base64")

    def _number(self, schema: Schema, value: float, path: str) -> Iterator[Problem]:
        lowest, highest = schema.get("minimum", value), schema.get("maximum", value)
        if bits := {"int32": 31, "int64": 63}.get(schema.get("format", "")):
            lowest, highest = max(lowest, -(2**bits)), min(highest, 2**bits - 1)
        if not lowest <= value <= highest:
            yield Problem(path, f"must be between {lowest} and {highest}, is {value}")

    def _quantity(self, value: Any, path: str) -> Iterator[Problem]:
        if isinstance(value, str):
            if not re.search(QUANTITY, value):
                yield Problem(path, f"must be a quantity such as 64Mi, is {_shown(value)}")
        elif value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            yield Problem(path, f"must be a quantity such as 64Mi, is {_shown(value)}")


class BuiltInKinds:
    """The kinds of one Kubernetes version."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.definitions: dict[str, Schema] = json.loads((schema_folder(version) / "_definitions.json").read_text())[
            "$defs"
        ]
        self.validator = Validator(self.definitions)
        self.kinds: dict[Kind, str] = {}
        for name, definition in self.definitions.items():
            for kind in definition.get("x-kubernetes-group-version-kind", []):
                self.kinds[Kind(kind["group"], kind["version"], kind["kind"])] = name
        self.groups = {kind.group for kind in self.kinds}

    def problems(self, kind: Kind, value: dict[str, Any]) -> Iterator[Problem]:
        # Two environment variables of one name are legal in a pod: a user need not use server-side apply.
        self.validator.unique_keys = kind.kind != "Pod"
        yield from self.validator.problems(self.definitions[self.kinds[kind]], value)

    def metadata_problems(self, metadata: Any) -> Iterator[Problem]:
        yield from self.validator.problems(self.definitions[OBJECT_META], metadata, ".metadata")


class CustomKinds:
    """The kinds of CustomResourceDefinitions."""

    def __init__(self, crds: list[dict[str, Any]]) -> None:
        self.validator = Validator(structural=True)
        self.schemas: dict[Kind, Schema] = {}
        for crd in crds:
            spec = crd["spec"]
            for version in spec["versions"]:
                root = copy.copy(version["schema"]["openAPIV3Schema"])
                # An API server knows metadata without the schema; here the definition of Kubernetes is asked for it.
                root["properties"] = root["properties"] | {"metadata": ANY_OBJECT}
                self.schemas[Kind(spec["group"], version["name"], spec["names"]["kind"])] = root
        self.groups = {kind.group for kind in self.schemas}

    def problems(self, kind: Kind, value: dict[str, Any], built_in: BuiltInKinds) -> Iterator[Problem]:
        yield from self.validator.problems(self.schemas[kind], value)
        yield from built_in.metadata_problems(value.get("metadata"))


def with_defaults(schema: Schema, value: Any) -> Any:
    """The value as an API server stores it: with defaults where the object around a field is there, without nulls."""
    if isinstance(value, dict):
        properties, additional = schema.get("properties", {}), schema.get("additionalProperties")
        result = dict(value)
        for name, inner in properties.items():
            if result.get(name) is None and not inner.get("nullable"):
                result.pop(name, None)
                if "default" in inner:
                    result[name] = copy.deepcopy(inner["default"])
        for name, member in result.items():
            if name in properties:
                result[name] = with_defaults(properties[name], member)
            elif isinstance(additional, dict):
                result[name] = with_defaults(additional, member)
        return result
    if isinstance(value, list) and "items" in schema:
        return [with_defaults(schema["items"], item) for item in value]
    return value


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
