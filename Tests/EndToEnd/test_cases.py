"""The cases under cases/, each a test: what a user applies, and what Swiftlet makes of it on a real API server."""

import concurrent.futures
import os

import pytest

import plane
from steps import CASES, Case, differences

pytestmark = pytest.mark.skipif(bool(plane.MISSING), reason=plane.MISSING)
NAMES = sorted(folder.name for folder in CASES.iterdir() if folder.is_dir())
AT_ONCE = int(os.environ.get("E2E_PARALLEL", "6"))


@pytest.fixture(scope="module", autouse=True)
def operator():
    """Swiftlet as a process, in place of the one that conftest.py installs: no pods are needed here."""
    server = plane.Server()
    process = plane.Operator(
        server,
        "cases-operator.log",
        "--labels-filter=.*filtered.out",
        "--annotations-filter=.*filtered.out",
        # What is filtered without the flag.
        r"--annotations-filter=^kubectl\.kubernetes\.io/last-applied-configuration$",
    )
    yield server
    code = process.stop()
    assert code == 0, f"the operator ended with {code}: see {process.log}"


@pytest.fixture(scope="module")
def outcomes(operator, request):
    """What became of each case that was asked for; several run at a time, as they mostly wait."""
    asked = [item.callspec.params["case"] for item in request.session.items if item.name.startswith("test_case[")]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(lambda name=name: Case(CASES / name, operator).run()) for name in asked}


@pytest.mark.parametrize("case", NAMES)
def test_case(outcomes, case):
    error = outcomes[case].exception(timeout=300)
    if isinstance(error, AssertionError):
        pytest.fail(str(error), pytrace=False)
    if error:
        raise error


@pytest.mark.parametrize(
    "wanted, found, lines",
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": {"b": None}}, {"a": {}}, []),
        ({"a": {"b": None}}, {"a": {"b": 1}}, ["a.b: wanted nothing, found 1"]),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 1}, {"b": 3}]}, ["a[1].b: wanted 2, found 3"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a: wanted 1 items [1], found 2: [1, 2]"]),
        ({"a/b": "1"}, {"a/b": 1}, ["['a/b']: wanted '1', found 1"]),
        ({"a": True}, {"a": 1}, ["a: wanted True, found 1"]),
    ],
)
def test_comparison(wanted, found, lines):
    assert differences(wanted, found) == lines
