"""Which pods the webhook's match condition lets through: the expression that PodSelectionTests pins, evaluated by an
implementation of the Common Expression Language that is not the API server's. API servers before 1.28 know none."""

import pathlib

import celpy
import pytest

EXPRESSION = (pathlib.Path(__file__).parent / "conditions" / "expression.cel").read_text().strip()
INJECT = "instrumentation.opentelemetry.io/inject-java"


@pytest.fixture(scope="module", autouse=True)
def operator():
    """In place of the one that installs Swiftlet into a cluster, which these tests don't need."""


@pytest.fixture(scope="module")
def program():
    environment = celpy.Environment()
    return environment.program(environment.compile(EXPRESSION))


def comes(program, namespace, annotations):
    metadata = {} if annotations is None else {"annotations": annotations}
    pod = {"kind": "Pod", "metadata": metadata, "spec": {}}
    return bool(program.evaluate(celpy.json_to_cel({"object": pod, "request": {"namespace": namespace}})))


@pytest.mark.parametrize(
    ("namespace", "annotations", "wanted"),
    [
        ("calm", None, False),
        ("calm", {}, False),
        ("calm", {"example.com/x": "1"}, False),
        ("kube-system", None, False),
        ("calm", {INJECT: "true"}, True),
        ("calm", {INJECT: "false"}, True),
        ("calm", {"sidecar.opentelemetry.io/inject": "agent"}, True),
        ("calm", {"a": "b", "instrumentation.opentelemetry.io/container-names": "app"}, True),
        # What is new or asks for something comes, whatever its pods say.
        ("new", None, True),
        ("calm-too", None, True),
        ("new", {"example.com/x": "1"}, True),
        # A pod with more annotations than are worth looking at comes unseen.
        ("calm", {f"example.com/{n}": "x" for n in range(256)}, False),
        ("calm", {f"example.com/{n}": "x" for n in range(257)}, True),
    ],
)
def test_condition(program, namespace, annotations, wanted):
    assert comes(program, namespace, annotations) is wanted
