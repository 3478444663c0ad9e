"""From the tables in this folder and the definitions of Kubernetes to structural schemas.

A table file holds `types`. A type is either a scalar (`type`, and constraints) or an object (`fields`). A field is

    name: { type: T, required: true, default: VALUE, doc: "What it is for.", CONSTRAINTS }

where T is one of

    string bool int int32 int64 quantity intOrString time    scalars
    object                                                  an object whose members are kept whatever they are
    emptyObject                                             an object without any member
    list(T)  map(T)                                         lists, and maps from strings
    Name                                                    a type of this table or of an included one
    core/v1.Affinity                                        a type of Kubernetes, expanded, without descriptions

and the constraints are enum, format, pattern, min, max, minLength, maxLength, minItems, listType, listMapKeys and
nullable.

An object type may also have `extends` (types whose fields it gets too), `without` (those of them that it does not get),
`preserveUnknown` (members without a field are kept), `rules` (x-kubernetes-validations) and `count` (how many fields it
must have, as a guard against slips).
"""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

from environment import load_yaml, schema_folder

Schema = dict[str, Any]

QUANTITY = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)
INT_OR_STRING: Schema = {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}

SCALARS: dict[str, Schema] = {
    "string": {"type": "string"},
    "bool": {"type": "boolean"},
    "int": {"type": "integer"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "time": {"type": "string", "format": "date-time"},
    "intOrString": INT_OR_STRING,
    "quantity": INT_OR_STRING | {"pattern": QUANTITY},
    "object": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "emptyObject": {"type": "object"},
}

# How the constraints of a table are called in a schema.
CONSTRAINTS = {
    "enum": "enum",
    "format": "format",
    "pattern": "pattern",
    "min": "minimum",
    "max": "maximum",
    "minLength": "minLength",
    "maxLength": "maxLength",
    "minItems": "minItems",
    "nullable": "nullable",
    "listType": "x-kubernetes-list-type",
    "listMapKeys": "x-kubernetes-list-map-keys",
}

API = "io.k8s.api."
META = "io.k8s.apimachinery.pkg.apis.meta."

# Defaults that the types of Kubernetes have as markers in their source, which the published definitions leave out and
# CRDs made from the source carry. Without those of list map keys a CRD is refused.
KUBERNETES_DEFAULTS: dict[tuple[str, str], Any] = {
    ("core.v1.AzureDiskVolumeSource", "fsType"): "ext4",
    ("core.v1.AzureDiskVolumeSource", "readOnly"): False,
    ("core.v1.ConfigMapEnvSource", "name"): "",
    ("core.v1.ConfigMapKeySelector", "name"): "",
    ("core.v1.ConfigMapProjection", "name"): "",
    ("core.v1.ConfigMapVolumeSource", "name"): "",
    ("core.v1.ContainerPort", "protocol"): "TCP",
    ("core.v1.FileKeySelector", "optional"): False,
    ("core.v1.GRPCAction", "service"): "",
    ("core.v1.ISCSIVolumeSource", "iscsiInterface"): "default",
    ("core.v1.LocalObjectReference", "name"): "",
    ("core.v1.RBDVolumeSource", "keyring"): "/etc/ceph/keyring",
    ("core.v1.RBDVolumeSource", "pool"): "rbd",
    ("core.v1.RBDVolumeSource", "user"): "admin",
    ("core.v1.ScaleIOVolumeSource", "fsType"): "xfs",
    ("core.v1.ScaleIOVolumeSource", "storageMode"): "ThinProvisioned",
    ("core.v1.SecretEnvSource", "name"): "",
    ("core.v1.SecretKeySelector", "name"): "",
    ("core.v1.SecretProjection", "name"): "",
    ("core.v1.ServicePort", "protocol"): "TCP",
}

# Metadata inside a resource (of a volume claim template) keeps only what a user sets there.
EMBEDDED_METADATA: Schema = {
    "type": "object",
    "properties": {
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
        "finalizers": {"type": "array", "items": {"type": "string"}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "name": {"type": "string"},
        "namespace": {"type": "string"},
    },
}

KUBERNETES_SPECIAL: dict[str, Schema] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": SCALARS["quantity"],
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": SCALARS["intOrString"],
    META + "v1.Time": SCALARS["time"],
    META + "v1.MicroTime": SCALARS["time"],
    META + "v1.ObjectMeta": EMBEDDED_METADATA,
}


class TableError(Exception):
    pass


class Kubernetes:
    """Types of one Kubernetes version as structural schemas."""

    def __init__(self, version: str) -> None:
        self.definitions: dict[str, Schema] = json.loads((schema_folder(version) / "_definitions.json").read_text())[
            "$defs"
        ]
        self._expanded: dict[str, Schema] = {}
        for type_name, field in KUBERNETES_DEFAULTS:
            if field not in self.definitions[API + type_name]["properties"]:
                raise TableError(f"Kubernetes {version} has no {type_name}.{field}, which should get a default")

    def schema(self, name: str) -> Schema:
        """The schema of a type such as `core/v1.Affinity`."""
        group, _, rest = name.partition("/")
        return self._definition((META if group == "meta" else f"{API}{group}.") + rest)

    def _definition(self, name: str) -> Schema:
        if name in KUBERNETES_SPECIAL:
            return copy.deepcopy(KUBERNETES_SPECIAL[name])
        if name not in self._expanded:
            if name not in self.definitions:
                raise TableError(f"Kubernetes has no type {name}")
            schema = self._structural(self.definitions[name], name)
            for field, property_schema in schema.get("properties", {}).items():
                key = (name.removeprefix(API), field)
                if key in KUBERNETES_DEFAULTS:
                    property_schema["default"] = KUBERNETES_DEFAULTS[key]
            self._expanded[name] = schema
        return copy.deepcopy(self._expanded[name])

    def _structural(self, definition: Schema, where: str) -> Schema:
        if "$ref" in definition:
            return self._definition(definition["$ref"].rpartition("/")[2])
        kind = definition.get("type")
        if isinstance(kind, list):  # published as ["string", "null"] where a field is optional
            (kind,) = [k for k in kind if k != "null"]
        if not isinstance(kind, str) or "oneOf" in definition:
            raise TableError(f"{where}: a shape that this generator does not know")
        schema: Schema = {"type": kind}
        for keyword, value in definition.items():
            match keyword:
                case "properties":
                    schema[keyword] = {k: self._structural(v, f"{where}.{k}") for k, v in value.items()}
                case "items" | "additionalProperties":
                    if value is not False:  # strict definitions close their objects; structural ones are closed anyway
                        schema[keyword] = self._structural(value, f"{where}.{keyword}")
                case "required" | "format" | "enum":
                    schema[keyword] = value
                case "x-kubernetes-list-type" | "x-kubernetes-list-map-keys" | "x-kubernetes-map-type":
                    schema[keyword] = value
                case "type" | "description":
                    pass
                case _ if keyword.startswith("x-kubernetes-"):
                    pass  # patch strategies, unions and group-version-kinds have no place in a CRD
                case _:
                    raise TableError(f"{where}: keyword {keyword} is unknown")
        return schema


class Table:
    """The types of one version of one custom resource."""

    def __init__(self, folder: Path, name: str, kubernetes: Kubernetes) -> None:
        self.name = name
        self.kubernetes = kubernetes
        self.types: dict[str, Any] = {}
        self._read(folder, name)

    def _read(self, folder: Path, name: str) -> None:
        path = folder / f"{name}.yaml"
        content: dict[str, Any]
        (content,) = load_yaml(path.read_text(), where=str(path))
        for included in content.get("include", []):
            self._read(folder, included)
        for type_name, definition in content["types"].items():
            if type_name in self.types:
                raise TableError(f"{path}: type {type_name} exists already")
            self.types[type_name] = definition

    def schema(self, type_name: str) -> Schema:
        return self._type(type_name, ())

    def fields(self, type_name: str) -> dict[str, Any]:
        """The fields of an object type with those of the types it extends."""
        definition: dict[str, Any] = self.types[type_name]
        result: dict[str, Any] = {}
        for base in definition.get("extends", []):
            result |= self.fields(base)
        for name in definition.get("without", []):
            del result[name]
        result |= definition.get("fields", {})
        return result

    def _type(self, name: str, outer: tuple[str, ...]) -> Schema:
        if name in outer:
            raise TableError(f"{self.name}: type {name} contains itself")
        definition = self.types[name]
        where = f"{self.name}: {name}"
        if "type" in definition:
            return self._field(definition, where, outer)
        if unknown := set(definition) - {"fields", "extends", "without", "count", "preserveUnknown", "rules"}:
            raise TableError(f"{where}: unknown {', '.join(sorted(unknown))}")
        fields = self.fields(name)
        if len(fields) != definition.get("count", len(fields)):
            raise TableError(f"{where}: has {len(fields)} fields, should have {definition['count']}")
        schema: Schema = {"type": "object", "properties": {}}
        for field_name, field in fields.items():
            place = f"{where}.{field_name}"
            field_schema = self._field(field, place, (*outer, name))
            doc = field.get("doc", "")
            if not doc.endswith(".") or len(doc) > 80:
                raise TableError(f"{place}: doc must be one sentence of up to 80 characters")
            schema["properties"][field_name] = field_schema | {"description": doc}
        if required := sorted(n for n, f in fields.items() if f.get("required")):
            schema["required"] = required
        if definition.get("preserveUnknown"):
            schema["x-kubernetes-preserve-unknown-fields"] = True
        if rules := definition.get("rules"):
            schema["x-kubernetes-validations"] = [{"message": r["message"], "rule": r["rule"]} for r in rules]
        return schema

    def _field(self, field: dict[str, Any], where: str, outer: tuple[str, ...]) -> Schema:
        schema = self._reference(field["type"], where, outer)
        for key, value in field.items():
            if key in CONSTRAINTS:
                schema[CONSTRAINTS[key]] = value
            elif key == "default":
                schema["default"] = value
            elif key not in ("type", "doc", "required"):
                raise TableError(f"{where}: unknown {key}")
        return schema

    def _reference(self, text: str, where: str, outer: tuple[str, ...]) -> Schema:
        if text in SCALARS:
            return copy.deepcopy(SCALARS[text])
        if match := re.fullmatch(r"(list|map)\((.+)\)", text):
            inner = self._reference(match[2], where, outer)
            return (
                {"type": "array", "items": inner}
                if match[1] == "list"
                else {"type": "object", "additionalProperties": inner}
            )
        if "/" in text:
            return self.kubernetes.schema(text)
        if text in self.types:
            return self._type(text, outer)
        raise TableError(f"{where}: type {text} is unknown")


def check_structural(schema: Schema, where: str = "") -> None:
    """What an API server refuses in a schema, as far as a slip in a table could cause it."""
    if schema.get("x-kubernetes-list-type") == "map":
        keys, items = schema.get("x-kubernetes-list-map-keys"), schema["items"]
        if not keys:
            raise TableError(f"{where}: a list of type map needs keys")
        for key in keys:
            if key not in items.get("required", []) and "default" not in items["properties"][key]:
                raise TableError(f"{where}: list map key {key} must be required or have a default")
    elif "x-kubernetes-list-map-keys" in schema:
        raise TableError(f"{where}: keys of a list that is not a map")
    if "properties" in schema and "additionalProperties" in schema:
        raise TableError(f"{where}: properties and additionalProperties exclude each other")
    if unknown := set(schema.get("required", [])) - set(schema.get("properties", {})):
        raise TableError(f"{where}: required but not there: {', '.join(sorted(unknown))}")
    for name, inner in schema.get("properties", {}).items():
        check_structural(inner, f"{where}.{name}")
    if "items" in schema:
        check_structural(schema["items"], f"{where}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        check_structural(schema["additionalProperties"], f"{where}{{}}")


def ordered(value: Any) -> Any:
    """The same with all keys sorted, so that output does not depend on the order of tables and definitions."""
    if isinstance(value, dict):
        return {k: ordered(value[k]) for k in sorted(value)}
    return [ordered(v) for v in value] if isinstance(value, list) else value
