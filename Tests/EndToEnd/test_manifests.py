"""manifests/: the overlays, and the files that are made of the same parts."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "manifests"
CACHE = pathlib.Path(os.environ.get("SWIFTLET_CACHE", pathlib.Path.home() / ".cache" / "swiftlet"))
TOOLS = {**os.environ, "PATH": f"{CACHE / 'bin'}:{os.environ['PATH']}"}
BINARY = os.environ.get("SWIFTLET_BINARY", "")

pytestmark = pytest.mark.skipif(not shutil.which("kubectl", path=TOOLS["PATH"]), reason="no kubectl: hack/setup cluster")


@pytest.fixture(scope="module", autouse=True)
def operator():
    """In place of the one that installs Swiftlet into a cluster, which these tests don't need."""


def built(folder):
    done = subprocess.run(
        ["kubectl", "kustomize", str(MANIFESTS / folder)], capture_output=True, text=True, env=TOOLS, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return by_name(done.stdout)


def by_name(text):
    objects = [document for document in yaml.safe_load_all(text) if document]
    found = {(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]): o for o in objects}
    assert len(found) == len(objects)
    return found


def of_kind(objects, kind):
    return [object for key, object in objects.items() if key[0] == kind]


@pytest.mark.parametrize("overlay, file", [("overlays/operator", "operator.yaml"), ("overlays/cluster-wide", "install.yaml")])
def test_an_overlay_is_what_its_file_holds(overlay, file):
    assert built(overlay) == by_name((MANIFESTS / file).read_text())


def test_the_namespaced_overlay_writes_nothing_everywhere():
    objects = built("overlays/namespaced")
    for rule in of_kind(objects, "ClusterRole")[0]["rules"]:
        within = {"configmaps", "secrets", "pods", "services", "deployments", "opentelemetrycollectors", "events"}
        assert not within & set(rule["resources"]), rule
    deployment = of_kind(objects, "Deployment")[0]
    watched = [v["value"] for v in deployment["spec"]["template"]["spec"]["containers"][0]["env"] if v["name"] == "WATCH_NAMESPACE"]
    assert len(watched) == 1
    own = "opentelemetry-operator-system"
    assert {role["metadata"]["namespace"] for role in of_kind(objects, "Role")} == {*watched[0].split(","), own}
    assert {role["metadata"]["namespace"] for role in of_kind(objects, "RoleBinding")} == {*watched[0].split(","), own}


def test_roles_alone_hold_nothing_of_the_cluster():
    objects = built("overlays/roles-only")
    cluster = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"}
    assert not [key for key in objects if key[0] in cluster or key[0].endswith("WebhookConfiguration")]
    same = [key for key in built("overlays/namespaced") if key[0] in ("Role", "RoleBinding")]
    assert {key for key in objects if key[0] in ("Role", "RoleBinding")} == set(same)
    environment = {v["name"]: v.get("value") for v in of_kind(objects, "Deployment")[0]["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert environment["ENABLE_WEBHOOKS"] == "false" and environment["WATCH_NAMESPACE"]


def test_the_overlay_without_definitions():
    objects = built("overlays/no-crds")
    assert not of_kind(objects, "CustomResourceDefinition")
    pod = of_kind(objects, "Deployment")[0]["spec"]["template"]["spec"]
    config = of_kind(objects, "ConfigMap")[0]
    # The generator's name, with the hash that restarts the operator when the file changes.
    assert pod["volumes"][0]["configMap"]["name"] == config["metadata"]["name"]
    mount = pod["containers"][0]["volumeMounts"][0]["mountPath"]
    assert f"--config-file={mount}/config.yaml" in pod["containers"][0]["args"] and "config.yaml" in config["data"]


@pytest.mark.skipif(not BINARY, reason="SWIFTLET_BINARY names no binary to test")
def test_the_overlay_without_definitions_names_the_usual_images():
    said = subprocess.run([BINARY, "settings", "-o", "json"], capture_output=True, text=True, check=True).stdout
    usual = {s["flag"]: s["default"] for s in json.loads(said) if "default" in s and "flag" in s}
    spec = yaml.safe_load((MANIFESTS / "overlays/no-crds/config.yaml").read_text())["instrumentations"]["spec"]
    named = {key.lower().replace("httpd", "-httpd"): agent["image"] for key, agent in spec.items() if "image" in agent}
    assert len(named) == 7
    assert named == {language: usual[f"--auto-instrumentation-{language}-image"] for language in named}


def test_the_right_to_write_roles_is_a_component(tmp_path):
    # kustomize takes no folder by an absolute path.
    folder = MANIFESTS / "overlays" / f"test-{os.getpid()}"
    folder.mkdir()
    try:
        (folder / "kustomization.yaml").write_text(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../operator]\n"
            "components: [../../components/automatic-rbac]\n"
        )
        more = set(built(f"overlays/{folder.name}")) - set(built("overlays/operator"))
    finally:
        shutil.rmtree(folder)
    name = "opentelemetry-operator-automatic-rbac"
    assert more == {("ClusterRole", "", name), ("ClusterRoleBinding", "", name)}


@pytest.mark.skipif(not BINARY, reason="SWIFTLET_BINARY names no binary to test")
def test_roles_on_the_command_line():
    def printed(*arguments):
        return subprocess.run([BINARY, "rbac", "operator", *arguments], capture_output=True, text=True, timeout=30)

    roles = by_name(printed("-o", "yaml").stdout)
    assert set(roles) <= set(built("overlays/operator"))
    with_roles = by_name(printed("-o", "yaml", "--feature", "automatic-rbac").stdout)
    groups = {group for rule in of_kind(with_roles, "ClusterRole")[0]["rules"] for group in rule["apiGroups"]}
    assert "rbac.authorization.k8s.io" in groups
    table = printed().stdout.splitlines()
    assert table[0].split() == ["WHERE", "GROUP", "RESOURCES", "VERBS", "WHY"] and len(table) > 20
    wrong = printed("--feature", "nonsense")
    assert wrong.returncode == 2 and "automatic-rbac" in wrong.stderr
