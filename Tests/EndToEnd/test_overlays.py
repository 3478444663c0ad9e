"""manifests/overlays on a cluster: installed, used, and taken away without a trace."""

import json
import os
import subprocess

import pytest
import yaml
from conftest import IMAGES, OPERATOR, OPERATOR_NAMESPACE, ROOT, Namespace, get, kubectl, wait
from installing import PATIENCE, bare_cluster, everything  # noqa: F401

COLLECTOR = """
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: gateway}
spec:
  config:
    receivers: {otlp: {protocols: {http: {}}}}
    exporters: {debug: {}}
    service: {pipelines: {traces: {receivers: [otlp], exporters: [debug]}}}
"""
INSTRUMENTATION = """
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {name: instrumentation}
spec: {exporter: {endpoint: "http://gateway-collector:4318"}}
"""
POD = f"""
apiVersion: v1
kind: Pod
metadata: {{name: app, annotations: {{instrumentation.opentelemetry.io/inject-python: "true"}}}}
spec: {{containers: [{{name: app, image: "{IMAGES["app"]}"}}]}}
"""
TEAMS = ("team-a", "team-c")
# What each is for, in the namespaces team-a (which the overlays with roles watch) and team-c (which they don't).
USES = {
    "operator": {"collectors": TEAMS, "injection": TEAMS},
    "namespaced": {"collectors": ("team-a",), "injection": ("team-a",)},
    "roles-only": {"collectors": ("team-a",), "injection": ()},
    "no-crds": {"collectors": (), "injection": TEAMS},
}


def objects(overlay):
    """The overlay with the images of this cluster, and without definitions: this server may need other ones."""
    text = kubectl("kustomize", str(ROOT / "manifests/overlays" / overlay)).stdout
    found = [o for o in yaml.safe_load_all(text) if o and o["kind"] != "CustomResourceDefinition"]
    for deployment in (o for o in found if o["kind"] == "Deployment"):
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        container["image"] = IMAGES["swiftlet"]
        container["args"] = container.get("args", []) + [
            f"--collector-image={IMAGES['collector']}",
            f"--auto-instrumentation-python-image={IMAGES['python']}",
        ]
    for config in (o["data"] for o in found if o["kind"] == "ConfigMap"):
        file = yaml.safe_load(config["config.yaml"])
        file["instrumentations"]["spec"]["python"]["image"] = IMAGES["python"]
        config["config.yaml"] = yaml.safe_dump(file)
    return yaml.safe_dump_all(found)


@pytest.fixture
def teams(bare_cluster):  # noqa: F811
    # team-b is the other one that the overlays with roles name.
    for name in (*TEAMS, "team-b"):
        wait(f"no namespace {name}", lambda name=name: get("namespace", name) is None, PATIENCE)
        kubectl("create", "namespace", name)
        wait("its default account", lambda name=name: get("serviceaccount", "default", name))
    yield [Namespace(name) for name in TEAMS]
    kubectl("delete", "namespace", OPERATOR_NAMESPACE, "--ignore-not-found", "--wait=false")
    for name in (*TEAMS, "team-b"):
        kubectl("delete", "namespace", name, "--wait=false")
    wait("no operator", lambda: get("namespace", OPERATOR_NAMESPACE) is None, PATIENCE)


@pytest.mark.parametrize("overlay", list(USES))
def test_installed_used_and_taken_away(teams, overlay):
    uses = USES[overlay]
    if overlay != "no-crds":
        definitions = [os.environ["SWIFTLET_BINARY"], "crds", "--server-version", "cluster"]
        text = subprocess.run(definitions, capture_output=True, text=True, check=True).stdout
        kubectl("apply", "--server-side", "-f", "-", text=text)
    before = everything()
    kubectl("apply", "-f", "-", text=objects(overlay))
    kubectl("rollout", "status", f"deployment/{OPERATOR}", "--timeout=110s", namespace=OPERATOR_NAMESPACE)

    for team in teams if overlay != "no-crds" else []:
        # The API server refuses a resource while it can't reach the webhooks that it was just told of.
        wait("a collector is taken", lambda team=team: team.apply(COLLECTOR, check=False).returncode == 0, 30)
        wait("an Instrumentation is taken", lambda team=team: team.apply(INSTRUMENTATION, check=False).returncode == 0, 30)
    for team in teams:
        if team.name in uses["collectors"]:
            team.ready("deployment", "gateway-collector")
    for team in teams:
        if team.name in uses["injection"]:
            wait(f"a pod of {team.name} would be instrumented", lambda team=team: injected(team), 60)
            team.apply(POD)
            wait("and it runs so", lambda team=team: running(team), 90)
    # What is not watched was left alone all the while.
    for team in teams:
        if team.name not in uses["injection"]:
            assert not injected(team)
        if team.name not in uses["collectors"]:
            assert team.get("deployment", "gateway-collector") is None

    for team in teams:
        kubectl("delete", "pod", "app", "--ignore-not-found", "--wait=false", "--grace-period=1", namespace=team.name)
        if overlay != "no-crds":
            kubectl("delete", "otelcol,otelinst", "--all", namespace=team.name)
    wait("no collector", lambda: not any(team.get("deployment", "gateway-collector") for team in teams), 60)
    kubectl("delete", "--wait=false", "-f", "-", text=objects(overlay))
    wait("nothing is left", lambda: everything() <= before, PATIENCE)


def running(team):
    pod = team.get("pod", "app")
    return pod["status"]["phase"] == "Running" and [c["image"] for c in pod["spec"]["initContainers"]] == [IMAGES["python"]]


def injected(team):
    """Whether a pod that were made now would be instrumented. It is not stored: pods take their time to leave."""
    made = kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", text=POD, namespace=team.name).stdout
    containers = json.loads(made)["spec"].get("initContainers", [])
    return [container["image"] for container in containers] == [IMAGES["python"]]
