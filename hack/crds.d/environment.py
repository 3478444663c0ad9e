"""Where the scripts of hack/ find their Python packages, and the YAML dialect they read and write."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("SWIFTLET_CACHE") or Path.home() / ".cache" / "swiftlet").absolute()


def use_venv() -> None:
    """Goes on with the interpreter of the virtual environment that hack/setup makes from hack/requirements.txt."""
    venv = CACHE / "venv"
    python = venv / "bin" / "python"
    if not python.exists():
        sys.exit(f"{python} is not there: run hack/setup first (it installs hack/requirements.txt)")
    if os.path.samefile(sys.prefix, venv):
        return
    os.execv(python, [str(python), *sys.argv])


def schema_folder(version: str) -> Path:
    """The folder with the JSON schemas of a Kubernetes version such as "1.36", found without importing the package."""
    from importlib.util import find_spec

    spec = find_spec("kubernetes_validate")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("kubernetes-validate is not installed: run hack/setup first")
    return Path(spec.submodule_search_locations[0]) / "kubernetes-json-schema" / f"v{version}.0-local-strict"


class YAMLError(Exception):
    pass


def load_yaml(text: str, *, where: str) -> Iterator[Any]:
    """Reads a YAML stream as Kubernetes does: no dates, no `=` type, and a key given twice is an error."""
    import yaml

    try:
        yield from yaml.load_all(text, Loader=_loader())
    except yaml.YAMLError as error:
        raise YAMLError(f"{where}: {error}") from error


def dump_yaml(value: Any) -> str:
    """Block style, two spaces, one line for each string, keys in the order they have."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(
        value, Dumper=dumper, default_flow_style=False, sort_keys=False, width=1_000_000, allow_unicode=True
    )
    return text


def _loader() -> type:
    import yaml

    global _LOADER
    if _LOADER is not None:
        return _LOADER

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        pass

    unwanted = {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value"}
    Loader.yaml_implicit_resolvers = {
        first: [(tag, expression) for tag, expression in resolvers if tag not in unwanted]
        for first, resolvers in Loader.yaml_implicit_resolvers.items()
    }

    def mapping(loader: Any, node: Any) -> dict[Any, Any]:
        loader.flatten_mapping(node)
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node, deep=True)
            if key in result:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} given twice", key_node.start_mark)
            result[key] = loader.construct_object(value_node, deep=True)
        return result

    Loader.add_constructor("tag:yaml.org,2002:map", mapping)
    _LOADER = Loader
    return Loader


_LOADER: type | None = None
