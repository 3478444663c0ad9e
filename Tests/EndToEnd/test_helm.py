"""The Helm chart: what it renders, what it refuses, and a release's life on an API server without nodes."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "swiftlet"
CACHE = pathlib.Path(os.environ.get("SWIFTLET_CACHE", pathlib.Path.home() / ".cache" / "swiftlet"))
TOOLS = {**os.environ, "PATH": f"{CACHE / 'bin'}:{os.environ['PATH']}"}
KUBECONFIG = os.environ.get("SWIFTLET_TEST_KUBECONFIG", "")
BINARY = os.environ.get("SWIFTLET_BINARY", "")

pytestmark = pytest.mark.skipif(not shutil.which("helm", path=TOOLS["PATH"]), reason="no helm: hack/setup cluster")
needs_server = pytest.mark.skipif(not KUBECONFIG, reason="no API server: SWIFTLET_TEST_KUBECONFIG")

UPSTREAM = """
replicaCount: 3
manager:
  image: {repository: example.com/manager, tag: "1.2"}
  config: {enable-cr-metrics: true}
  createRbacPermissions: true
  featureGatesMap: {operand.networkpolicy: true}
  collectorImage: {repository: example.com/collector, tag: ""}
  autoInstrumentationImage: {apacheHttpd: {repository: r/a, tag: "1"}, nodejs: {repository: r/n, tag: ""}}
  autoInstrumentation: {go: {enabled: true}}
  podLabels: {squad: blue}
  serviceAccount: {name: acc, annotations: {a: b}}
admissionWebhooks:
  failurePolicy: Ignore
  pods: {failurePolicy: Fail}
  timeoutSeconds: 5
  namespaceSelector: {matchLabels: {team: a}}
  certManager: {enabled: false}
  autoGenerateCert: {enabled: true, recreate: false}
additionalLabels: {rel: "{{ .Release.Name }}"}
"""


@pytest.fixture(scope="module", autouse=True)
def operator():
    """In place of the one that installs Swiftlet into a cluster, which these tests don't need."""


def helm(*arguments, values="", check=True):
    done = subprocess.run(
        ["helm", *arguments, *(["-f", "-"] if values else [])],
        input=values,
        capture_output=True,
        text=True,
        env={**TOOLS, "KUBECONFIG": KUBECONFIG or "/nonexistent"},
        timeout=120,
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def render(values="", *arguments, hooks=False):
    """What the chart makes; hooks make objects of their own, for a moment."""
    arguments += () if hooks else ("--no-hooks",)
    done = helm("template", "otel", str(CHART), "-n", "tele", *arguments, values=values)
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def one(objects, kind, name=None):
    found = [o for o in objects if o["kind"] == kind and name in (None, o["metadata"]["name"])]
    assert len(found) == 1, [(o["kind"], o["metadata"]["name"]) for o in objects]
    return found[0]


def container(objects):
    return one(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0]


def environment(objects):
    return {variable["name"]: variable.get("value") for variable in container(objects)["env"]}


def test_the_made_parts_are_fresh():
    done = subprocess.run([ROOT / "hack" / "generate-chart", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("values", ["", UPSTREAM])
def test_lint(values):
    helm("lint", "--strict", str(CHART), values=values)


def test_names_are_the_upstream_charts():
    objects = render()
    for kind, name in [
        ("Deployment", "otel-opentelemetry-operator"),
        ("Service", "otel-opentelemetry-operator-webhook"),
        ("Secret", "otel-opentelemetry-operator-controller-manager-service-cert"),
        ("ClusterRole", "otel-opentelemetry-operator-manager"),
        ("ServiceAccount", "opentelemetry-operator"),
    ]:
        one(objects, kind, name)
    assert environment(objects)["WEBHOOK_SERVICE"] == "otel-opentelemetry-operator-webhook"


def test_values_of_the_upstream_chart():
    objects = render(UPSTREAM)
    args, variables = container(objects)["args"], environment(objects)
    assert "--config-file=/etc/opentelemetry-operator/config.yaml" in args
    assert "--auto-instrumentation-apache-httpd-image=r/a:1" in args
    assert "--enable-go-instrumentation=true" in args
    assert "--feature-gates=operand.networkpolicy,-operator.networkpolicy" in args
    # An image without a tag is none.
    assert not [a for a in args if a.endswith(":")]
    assert (variables["WEBHOOK_FAILURE_POLICY"], variables["WEBHOOK_POD_FAILURE_POLICY"]) == ("Ignore", "Fail")
    assert json.loads(variables["WEBHOOK_NAMESPACE_SELECTOR"]) == {"matchLabels": {"team": "a"}}
    template = one(objects, "Deployment")["spec"]["template"]
    assert template["metadata"]["labels"]["squad"] == "blue"
    assert "checksum/config" in template["metadata"]["annotations"]
    assert template["spec"]["serviceAccountName"] == one(objects, "ServiceAccount")["metadata"]["name"] == "acc"
    assert all(o["metadata"]["labels"]["rel"] == "otel" for o in objects if o["kind"] != "Pod")
    rules = one(objects, "ClusterRole")["rules"]
    assert any("clusterrolebindings" in rule["resources"] for rule in rules)


def test_the_operator_loses_its_permissions_before_it_is_uninstalled():
    """Otherwise it makes the webhook configurations again between their deletion and its own."""
    bindings = [o for o in render(hooks=True) if o["kind"] == "ClusterRoleBinding" and not o["metadata"]["name"].endswith("-test")]
    (hook,) = [o for o in bindings if "annotations" in o["metadata"]]
    (binding,) = [o for o in bindings if o is not hook]
    assert hook["metadata"]["annotations"]["helm.sh/hook"] == "pre-delete"
    # Helm deletes what has the hook's name before it makes the hook.
    assert "before-hook-creation" in hook["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
    assert hook["metadata"]["name"] == binding["metadata"]["name"] and hook["roleRef"] == binding["roleRef"]
    assert binding["subjects"] and not hook["subjects"]


@pytest.mark.parametrize("version, has_rules", [("1.20.2", False), ("1.28.0", True)])
def test_definitions_fit_the_server(version, has_rules):
    definitions = [o for o in render("", "--kube-version", version) if o["kind"] == "CustomResourceDefinition"]
    assert len(definitions) == len(list((ROOT / "crds").glob("*.yaml")))
    assert ("x-kubernetes-validations" in json.dumps(definitions)) == has_rules
    assert all(d["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for d in definitions)


def test_alerts_have_their_runbooks():
    values = """
manager:
  prometheusRule: {enabled: true, runbookUrl: "https://example.com/runbooks/", defaultRules: {enabled: true}}
nameOverride: otel
"""
    groups = one(render(values), "PrometheusRule")["spec"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) > 10
    for rule in rules:
        base, _, page = rule["annotations"]["runbook_url"].rpartition("/")
        assert base == "https://example.com/runbooks" and (ROOT / "docs" / "runbooks" / page).exists(), rule
        # The job is the label of the release's own Services.
        assert 'job="opentelemetry-operator"' not in rule["expr"], rule


def test_roles_alone():
    objects = render("{clusterRole: {create: false}, manager: {watchNamespaces: [a, b]}}")
    assert not [o for o in objects if o["kind"].startswith("ClusterRole")]
    assert {o["metadata"]["namespace"] for o in objects if o["kind"] == "Role"} == {"a", "b", "tele"}
    assert environment(objects)["WATCH_NAMESPACE"] == "a,b"


def test_without_webhooks():
    objects = render("admissionWebhooks: {create: false}")
    assert not [o for o in objects if "Webhook" in o["kind"] or o["kind"] == "Secret"]
    assert environment(objects)["ENABLE_WEBHOOKS"] == "false"
    for definition in (o for o in objects if o["kind"] == "CustomResourceDefinition"):
        assert definition["spec"].get("conversion", {}).get("strategy", "None") == "None"


@pytest.mark.parametrize(
    "values, message",
    [
        ("manager: {imag: {}}", "additional properties 'imag' not allowed"),
        ("replicaCount: two", "got string, want integer"),
        ("admissionWebhooks: {failurePolicy: Maybe}", "value must be one of 'Fail', 'Ignore'"),
        ("admissionWebhooks: {timeoutSeconds: 31}", "maximum: got 31, want 30"),
        ("admissionWebhooks: {certFile: a.pem}", "certificates of your own are not supported"),
        ("clusterRole: {create: false}", "name the namespaces to watch in manager.watchNamespaces"),
        ("manager: {leaderElection: {enabled: false}}", "set replicaCount to 1"),
    ],
)
def test_refused(values, message):
    done = helm("template", "otel", str(CHART), values=values, check=False)
    assert done.returncode != 0
    assert message in done.stderr


def kubectl(*arguments):
    done = subprocess.run(
        ["kubectl", "--kubeconfig", KUBECONFIG, *arguments], capture_output=True, text=True, env=TOOLS, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def everything():
    kinds = [k for k in kubectl("api-resources", "--verbs=list", "-o", "name").split() if not k.startswith(
        ("events", "componentstatuses", "leases.coordination", "endpoint"))]
    return set(kubectl("get", ",".join(kinds), "-A", "-o", "name", "--ignore-not-found").split())


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@needs_server
@pytest.mark.skipif(not BINARY, reason="SWIFTLET_BINARY names no binary to test")
def test_life_of_a_release(tmp_path):
    namespace, release = "helm-life", ["otel", str(CHART), "-n", "helm-life", "--take-ownership"]
    # An operator of an earlier test served at an address of its own, which may still stand in them.
    kubectl("delete", "crd", "--ignore-not-found", "opentelemetrycollectors.opentelemetry.io", "instrumentations.opentelemetry.io", "targetallocators.opentelemetry.io")
    kubectl("create", "namespace", namespace)
    time.sleep(1)  # its default account and token
    before = everything()
    try:
        helm("install", *release)
        first = json.loads(kubectl("-n", namespace, "get", "deployment", "-o", "json"))["items"][0]
        helm("upgrade", *release, values=UPSTREAM)
        deployment = json.loads(kubectl("-n", namespace, "get", "deployment", "-o", "json"))["items"][0]
        assert deployment["spec"]["replicas"] == 3
        # No kubelet here: the program runs beside the cluster, with what the Deployment gives it about webhooks.
        given = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
        process = subprocess.Popen(
            [BINARY, "operator", "--kubeconfig", KUBECONFIG, "--namespace", namespace, "--metrics-addr=0",
             f"--health-probe-addr=127.0.0.1:{free_port()}", f"--webhook-port={free_port()}"],
            env={**os.environ, **{v["name"]: v["value"] for v in given if v["name"].startswith("WEBHOOK_")}},
            stdout=(tmp_path / "log").open("w"), stderr=subprocess.STDOUT,
        )
        try:
            hooks, deadline = [], time.monotonic() + 40
            while not hooks and time.monotonic() < deadline:
                time.sleep(0.5)
                hooks = json.loads(kubectl("get", "mutatingwebhookconfigurations",
                    "opentelemetry-operator-mutating-webhook-configuration", "-o", "json")).get("webhooks", [])
            assert hooks, (tmp_path / "log").read_text()[-3000:]
        finally:
            process.terminate()
            process.wait(20)
        assert {h["clientConfig"]["service"]["name"] for h in hooks} == {"otel-opentelemetry-operator-webhook"}
        assert {h["timeoutSeconds"] for h in hooks} == {5}
        assert all(h["namespaceSelector"]["matchLabels"] == {"team": "a"} for h in hooks)
        assert {h["name"]: h["failurePolicy"] for h in hooks}["mpod.kb.io"] == "Fail"
        assert {h["failurePolicy"] for h in hooks if h["name"] != "mpod.kb.io"} == {"Ignore"}
        secret = json.loads(kubectl("-n", namespace, "get", "secret",
            "otel-opentelemetry-operator-controller-manager-service-cert", "-o", "json"))
        assert secret["data"]["tls.crt"]
        helm("rollback", "otel", "1", "-n", namespace)
        back = json.loads(kubectl("-n", namespace, "get", "deployment", "-o", "json"))["items"][0]
        assert back["spec"]["template"] == first["spec"]["template"]
        helm("upgrade", *release, "--set", "crds.keep=false,replicaCount=1")
        helm("uninstall", "otel", "-n", namespace, "--wait")
        time.sleep(2)
        left = {name for name in everything() - before if not name.startswith(("pod/", "replicaset"))}
        assert not left
    finally:
        helm("uninstall", "otel", "-n", namespace, check=False)
        kubectl("delete", "namespace", namespace, "--wait=false")
