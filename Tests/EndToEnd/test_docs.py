"""The pages of docs/ that a new user follows: their commands, as they stand there, on a cluster without Swiftlet."""

import os
import pathlib
import subprocess

import pytest
from conftest import IMAGES, OPERATOR_NAMESPACE, ROOT, get, install_operator, kubectl, wait

# Kubernetes 1.20 takes its time to remove a namespace.
PATIENCE = 150


@pytest.fixture
def clean_cluster():
    """Without the suite's operator, which comes back afterwards, whatever the page left."""
    remove_operator()
    yield
    kubectl("delete", "namespace", "demo", "--ignore-not-found", "--wait=false", check=False)
    wait_until_gone("demo")
    wait_until_gone(OPERATOR_NAMESPACE)
    install_operator()


def remove_operator():
    for path in ("manifests/operator.yaml", "crds"):
        kubectl("delete", "--ignore-not-found", "-f", str(ROOT / path))
    wait_until_gone(OPERATOR_NAMESPACE)


def wait_until_gone(namespace):
    wait(f"namespace {namespace} is gone or stays", lambda: gone_or_active(namespace), PATIENCE)


def gone_or_active(name):
    found = get("namespace", name)
    return found is None or found["status"]["phase"] == "Active"


@pytest.fixture
def reader(tmp_path):
    """The environment of somebody who did what the page says under "Before you begin" for the local cluster."""
    (tmp_path / "swiftlet").symlink_to(pathlib.Path(os.environ["SWIFTLET_BINARY"]).resolve())
    return os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "SWIFTLET_IMAGE": IMAGES["swiftlet"],
        "COLLECTOR_IMAGE": IMAGES["collector"],
        "PYTHON_AGENT_IMAGE": IMAGES["python"],
        "APP_IMAGE": IMAGES["app"],
    }


def test_getting_started_works_as_written(clean_cluster, reader):
    done = subprocess.run(
        [ROOT / "hack/check-docs", "run", "--timeout", "400", "docs/getting-started.md"],
        cwd=ROOT,
        env=reader,
        capture_output=True,
        text=True,
        timeout=420,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
    assert "service.name: Str(demo-app)" in done.stdout
    assert "k8s.deployment.name: Str(demo-app)" in done.stdout
    # The page cleans up: nothing of Swiftlet is left.
    left = kubectl(
        "get",
        "crd,clusterroles,clusterrolebindings,mutatingwebhookconfigurations,validatingwebhookconfigurations",
        "-o",
        "name",
    ).stdout
    assert not [name for name in left.splitlines() if "opentelemetry" in name]
