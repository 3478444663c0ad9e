"""charts/swiftlet as Helm reads it: values, schema, templates, and what an API server says to the objects."""

import os
import subprocess

import plane
import pytest
import yaml
from chart import CHART, NAMESPACE, helm, refusal, template
from conftest import ROOT

FULL = {
    # What somebody has who comes from the chart opentelemetry-operator.
    "replicaCount": 3,
    "imagePullSecrets": [{"name": "pull"}],
    "additionalLabels": {"team": "{{ .Release.Name }}-team"},
    "pdb": {"create": True, "minAvailable": 1, "maxUnavailable": ""},
    "manager": {
        "image": {"repository": "registry.local/swiftlet", "tag": "e2e", "imagePullPolicy": "Always"},
        "collectorImage": {"repository": "registry.local/otelcol", "tag": "0.152.0"},
        "targetAllocatorImage": {"repository": "registry.local/ta", "tag": "1"},
        "opampBridgeImage": {"repository": "registry.local/bridge", "tag": ""},
        "autoInstrumentationImage": {
            "java": {"repository": "registry.local/java", "tag": "2"},
            "apacheHttpd": {"repository": "registry.local/httpd", "tag": "3"},
            "go": {"repository": "registry.local/go", "tag": "4"},
        },
        "autoInstrumentation": {"go": {"enabled": True}},
        "featureGatesMap": {"operator.networkpolicy": False, "operand.networkpolicy": True},
        "config": {"enable-cr-metrics": True},
        "env": {"ENABLE_WEBHOOKS": "true", "LABELS_FILTER": "^x"},
        "extraEnvs": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "extraArgs": ["--zap-log-level=debug"],
        "ports": {"metricsPort": 9000, "webhookPort": 9001, "healthzPort": 9002},
        "metrics": {"secure": False},
        "resources": {"limits": {"memory": "1Gi"}},
        "serviceAccount": {"annotations": {"role": "a"}, "name": "account"},
        "serviceMonitor": {"enabled": True, "extraLabels": {"release": "prom"}},
        "prometheusRule": {
            "enabled": True,
            "groups": [{"name": "mine", "rules": []}],
            "defaultRules": {"enabled": True, "additionalRuleLabels": {"severity": "page"}, "duration": "7m"},
            "runbookUrl": "https://runbooks.example.com/",
        },
        "createRbacPermissions": True,
        "ignoreMissingCollectorCRDs": True,
        "verticalPodAutoscaler": {"enabled": True, "maxAllowed": {"cpu": "1"}},
        "rolling": True,
        "podAnnotations": {"a": "1"},
        "podLabels": {"b": "2"},
        "deploymentAnnotations": {"c": "3"},
    },
    "admissionWebhooks": {
        "certManager": {"enabled": False},
        "autoGenerateCert": {"enabled": True, "recreate": False, "certPeriodDays": 30},
        "secretAnnotations": {
            "helm.sh/hook": "pre-install,pre-upgrade",
            "helm.sh/hook-delete-policy": "before-hook-creation",
            "kept": "yes",
        },
    },
    "affinity": {"nodeAffinity": {}},
    "tolerations": [{"operator": "Exists"}],
    "nodeSelector": {"pool": "system"},
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}],
    "hostNetwork": True,
    "priorityClassName": "system-cluster-critical",
    "automountServiceAccountToken": False,
}


@pytest.fixture(scope="module", autouse=True)
def operator():
    """In place of the one that conftest.py installs: nothing runs here."""


def container(found, name="swiftlet"):
    return found["Deployment", name]["spec"]["template"]["spec"]["containers"][0]


def environment(found):
    return {entry["name"]: entry.get("value") for entry in container(found)["env"]}


def test_what_is_generated_is_up_to_date():
    done = subprocess.run([ROOT / "hack/generate-chart", "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("values", [None, FULL], ids=["defaults", "full"])
def test_lint(values):
    done = helm("lint", "--strict", CHART, "-n", NAMESPACE, values=values)
    assert "1 chart(s) linted, 0 chart(s) failed" in done.stdout


def test_defaults():
    found, _ = template()
    assert {key for key in found if key[0] != "CustomResourceDefinition"} == {
        ("ServiceAccount", "swiftlet"),
        ("ClusterRole", "swiftlet-manager"),
        ("ClusterRoleBinding", "swiftlet-manager"),
        ("ClusterRole", "swiftlet-metrics-reader"),
        ("Role", "swiftlet-own"),
        ("RoleBinding", "swiftlet-own"),
        ("Service", "swiftlet"),
        ("Service", "opentelemetry-operator-webhook-service"),
        ("Secret", "opentelemetry-operator-webhook-certificates"),
        ("Lease", "9f7554c3.opentelemetry.io"),
        ("MutatingWebhookConfiguration", "opentelemetry-operator-mutating-webhook-configuration"),
        ("ValidatingWebhookConfiguration", "opentelemetry-operator-validating-webhook-configuration"),
        ("PodDisruptionBudget", "swiftlet"),
        ("Deployment", "swiftlet"),
    }
    deployment = found["Deployment", "swiftlet"]
    assert deployment["spec"]["replicas"] == 2
    # What `swiftlet check` and must-gather find it by.
    assert deployment["metadata"]["labels"]["app.kubernetes.io/name"] == "opentelemetry-operator"
    selector = deployment["spec"]["selector"]["matchLabels"].items()
    assert selector <= deployment["spec"]["template"]["metadata"]["labels"].items()
    for service in "swiftlet", "opentelemetry-operator-webhook-service":
        assert found["Service", service]["spec"]["selector"].items() == selector
    manager = container(found)
    assert manager["image"] == "registry.local/swiftlet:" + yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    assert manager["args"] == [
        "--metrics-addr=0.0.0.0:8443",
        "--metrics-secure=true",
        "--health-probe-addr=:8081",
        "--webhook-port=9443",
        "--enable-leader-election=true",
        "--collector-image=ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector-k8s:0.158.0",
        "--feature-gates=-operator.networkpolicy",
    ]
    assert manager["securityContext"]["readOnlyRootFilesystem"]
    assert environment(found)["ENABLE_WEBHOOKS"] == "true"


def test_what_the_operator_fills_has_no_content():
    """Otherwise an upgrade would empty it."""
    found, _ = template()
    for kind in "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "Secret", "Lease":
        (object,) = (object for key, object in found.items() if key[0] == kind)
        assert set(object) == {"apiVersion", "kind", "metadata"}


def test_values_of_the_upstream_chart_have_their_effect():
    found, _ = template(FULL)
    deployment = found["Deployment", "swiftlet"]
    pod = deployment["spec"]["template"]
    manager = container(found)
    assert set(manager["args"]) == {
        "--metrics-addr=0.0.0.0:9000",
        "--metrics-secure=false",
        "--health-probe-addr=:9002",
        "--webhook-port=9001",
        "--enable-leader-election=true",
        "--collector-image=registry.local/otelcol:0.152.0",
        "--target-allocator-image=registry.local/ta:1",
        "--auto-instrumentation-java-image=registry.local/java:2",
        "--auto-instrumentation-apache-httpd-image=registry.local/httpd:3",
        "--auto-instrumentation-go-image=registry.local/go:4",
        "--enable-go-instrumentation=true",
        "--feature-gates=operand.networkpolicy,-operator.networkpolicy",
        "--config-file=/etc/opentelemetry-operator/config.yaml",
        "--zap-log-level=debug",
    }
    assert environment(found).items() >= {
        ("LABELS_FILTER", "^x"),
        ("IGNORE_MISSING_COLLECTOR_CRDS", "true"),
        ("WEBHOOK_CERTIFICATE_VALIDITY", "720h"),
    }
    assert manager["env"][-1]["valueFrom"] == {"fieldRef": {"fieldPath": "spec.nodeName"}}
    assert manager["resources"] == {"limits": {"memory": "1Gi"}, "requests": {"cpu": "50m", "memory": "32Mi"}}
    assert {port["name"]: port["containerPort"] for port in manager["ports"]} == {
        "metrics": 9000,
        "webhook": 9001,
        "health": 9002,
    }
    assert yaml.safe_load(found["ConfigMap", "swiftlet-config"]["data"]["config.yaml"]) == {"enable-cr-metrics": True}
    assert pod["metadata"]["annotations"].items() >= {("a", "1"), ("sidecar.opentelemetry.io/inject", "false")}
    assert {"checksum/config", "rollme"} <= pod["metadata"]["annotations"].keys()
    assert pod["metadata"]["labels"].items() >= {("b", "2"), ("team", "swiftlet-team")}
    assert deployment["metadata"]["annotations"] == {"c": "3"}
    assert pod["spec"]["serviceAccountName"] == "account"
    assert found["ServiceAccount", "account"]["metadata"]["annotations"] == {"role": "a"}
    spec = pod["spec"]
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux", "pool": "system"}
    assert (spec["hostNetwork"], spec["priorityClassName"]) == (True, "system-cluster-critical")
    assert spec["tolerations"] == FULL["tolerations"] and spec["imagePullSecrets"] == FULL["imagePullSecrets"]
    assert spec["topologySpreadConstraints"] == FULL["topologySpreadConstraints"]
    assert [mount["name"] for mount in manager["volumeMounts"]] == ["config", "account-token"]
    assert found["PodDisruptionBudget", "swiftlet"]["spec"]["minAvailable"] == 1
    assert found["VerticalPodAutoscaler", "swiftlet"]["spec"]["targetRef"]["name"] == "swiftlet"
    monitor = found["ServiceMonitor", "swiftlet"]
    assert monitor["metadata"]["labels"]["release"] == "prom"
    assert [(one["port"], one["scheme"]) for one in monitor["spec"]["endpoints"]] == [("metrics", "http")]
    rules = found["ClusterRole", "swiftlet-manager"]["rules"]
    assert any("clusterrolebindings" in rule["resources"] for rule in rules)
    assert found["Secret", "opentelemetry-operator-webhook-certificates"]["metadata"]["annotations"] == {"kept": "yes"}
    groups = found["PrometheusRule", "swiftlet"]["spec"]["groups"]
    assert groups[0] == {"name": "mine", "rules": []}
    for rule in groups[1]["rules"]:
        assert (rule["for"], rule["labels"]["severity"]) == ("7m", "page")
        assert rule["annotations"]["runbook_url"] == f"https://runbooks.example.com/{rule['alert']}.md"
        assert (ROOT / f"docs/runbooks/{rule['alert']}.md").is_file()


def test_a_changed_configuration_replaces_the_pods():
    checksums = [
        template({"manager": {"config": {"enable-cr-metrics": on}}})[0]["Deployment", "swiftlet"]["spec"]["template"][
            "metadata"
        ]["annotations"]["checksum/config"]
        for on in (True, False)
    ]
    assert checksums[0] != checksums[1]


def test_the_service_monitor_verifies_the_operator():
    (endpoint,) = template({"manager": {"serviceMonitor": {"enabled": True}}})[0]["ServiceMonitor", "swiftlet"]["spec"][
        "endpoints"
    ]
    assert endpoint["tlsConfig"] == {
        "serverName": "opentelemetry-operator-webhook-service.otel.svc",
        "ca": {"secret": {"name": "opentelemetry-operator-webhook-certificates", "key": "ca.crt"}},
    }


def test_without_webhooks():
    found, _ = template({"admissionWebhooks": {"create": False}})
    assert environment(found)["ENABLE_WEBHOOKS"] == "false"
    kinds = {kind for kind, _ in found}
    assert not kinds & {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "Secret"}
    assert ("Service", "opentelemetry-operator-webhook-service") not in found


@pytest.mark.parametrize(
    ("values", "gone"),
    [
        ({"crds": {"create": False}}, "CustomResourceDefinition"),
        ({"clusterRole": {"create": False}}, "ClusterRole"),
        ({"clusterRole": {"create": False}}, "ClusterRoleBinding"),
        ({"role": {"create": False}}, "Role"),
        ({"pdb": {"create": False}}, "PodDisruptionBudget"),
        ({"manager": {"serviceAccount": {"create": False, "name": "mine"}}}, "ServiceAccount"),
        ({"manager": {"leaderElection": {"enabled": False}}, "replicaCount": 1}, "Lease"),
    ],
)
def test_what_can_be_left_out(values, gone):
    assert gone in {kind for kind, _ in template()[0]}
    assert gone not in {kind for kind, _ in template(values)[0]}


def test_names_and_namespace():
    found, objects = template({"fullnameOverride": "op", "namespaceOverride": "elsewhere"}, release="r")
    assert ("Deployment", "op") in found
    assert {object["metadata"].get("namespace", "elsewhere") for object in objects} == {"elsewhere"}
    assert ("Deployment", "r-swiftlet") in template(release="r")[0]
    named, _ = template({"nameOverride": "n"}, release="r")
    assert named["Deployment", "r-n"]["metadata"]["labels"]["app.kubernetes.io/name"] == "opentelemetry-operator"


@pytest.mark.parametrize("version", ["1.20", "1.24", "1.25", "1.36"])
def test_crds_are_those_that_the_program_prints(version):
    printed = subprocess.run(
        [os.environ["SWIFTLET_BINARY"], "crds", "--server-version", version], capture_output=True, text=True, check=True
    ).stdout
    wanted = {crd["metadata"]["name"]: crd["spec"] for crd in yaml.load_all(printed, Loader=yaml.CSafeLoader) if crd}
    found, _ = template(version=f"{version}.0")
    crds = {name: object for (kind, name), object in found.items() if kind == "CustomResourceDefinition"}
    assert crds.keys() == wanted.keys()
    for name, crd in crds.items():
        assert crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
        if "conversion" in crd["spec"]:
            # The one thing that depends on the release.
            service = crd["spec"]["conversion"]["webhook"]["clientConfig"]["service"]
            assert service["namespace"] == NAMESPACE
            service["namespace"] = wanted[name]["conversion"]["webhook"]["clientConfig"]["service"]["namespace"]
        assert crd["spec"] == wanted[name]
    assert "annotations" not in template({"crds": {"keep": False}})[0]["CustomResourceDefinition", name]["metadata"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"replicas": 2}, "replicas"),
        ({"manager": {"collectorimage": {}}}, "collectorimage"),
        ({"manager": {"autoInstrumentationImage": {"ruby": {"tag": "1"}}}}, "ruby"),
        ({"replicaCount": "two"}, "replicaCount"),
        ({"manager": {"ports": {"webhookPort": 70000}}}, "webhookPort"),
        ({"manager": {"featureGatesMap": {"operand.networkpolicy": "yes"}}}, "featureGatesMap"),
        ({"manager": {"image": {"imagePullPolicy": "Sometimes"}}}, "imagePullPolicy"),
        ({"manager": {"extraArgs": "--a"}}, "extraArgs"),
    ],
)
def test_the_schema_refuses(values, words):
    said = refusal(values)
    assert "values don't meet the specifications of the schema" in said and words in said, said


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"admissionWebhooks": {"secretName": "mine"}}, "admissionWebhooks.secretName is fixed"),
        ({"admissionWebhooks": {"certFile": "tls.crt"}}, "admissionWebhooks.certFile is not supported"),
        ({"admissionWebhooks": {"keyFile": "tls.key"}}, "admissionWebhooks.keyFile is not supported"),
        ({"admissionWebhooks": {"caFile": "ca.crt"}}, "admissionWebhooks.caFile is not supported"),
        ({"admissionWebhooks": {"failurePolicy": "Ignore"}}, "admissionWebhooks.failurePolicy is fixed at Fail"),
        ({"admissionWebhooks": {"pods": {"failurePolicy": "Fail"}}}, "pods.failurePolicy is fixed at Ignore"),
        ({"admissionWebhooks": {"namePrefix": "a"}}, "admissionWebhooks.namePrefix is not supported"),
        ({"admissionWebhooks": {"timeoutSeconds": 5}}, "admissionWebhooks.timeoutSeconds is fixed at 10"),
        ({"admissionWebhooks": {"servicePort": 444}}, "admissionWebhooks.servicePort is fixed at 443"),
        ({"admissionWebhooks": {"namespaceSelector": {"matchLabels": {"a": "b"}}}}, "namespaceSelector is not supported"),
        ({"admissionWebhooks": {"objectSelector": {"matchLabels": {"a": "b"}}}}, "objectSelector is not supported"),
        ({"admissionWebhooks": {"certManager": {"issuerRef": {"name": "a"}}}}, "certManager.issuerRef has no effect"),
        ({"admissionWebhooks": {"certManager": {"renewBefore": "1h"}}}, "certManager.renewBefore has no effect"),
        ({"manager": {"ports": {"pprofPort": 6060}}}, "manager.ports.pprofPort can't be served"),
        ({"manager": {"leaderElection": {"enabled": False}}}, "set replicaCount=1"),
        ({"manager": {"metrics": {"tls": {"certFile": "/a"}}}}, "belong together"),
        ({"testFramework": {"certManagerAddress": "a.b"}}, "testFramework.certManagerAddress has no effect"),
        ({"testFramework": {"namespace": NAMESPACE}}, "whose pods are never injected"),
        (
            {"manager": {"image": {"repository": "ghcr.io/open-telemetry/opentelemetry-operator/opentelemetry-operator"}}},
            "is the image of the Go operator",
        ),
    ],
)
def test_what_cannot_be_honoured_is_refused(values, sentence):
    assert sentence in refusal(values)


@pytest.mark.skipif(bool(plane.MISSING), reason=plane.MISSING)
@pytest.mark.parametrize("more", [{}, {"replicaCount": 1, "crds": {"keep": False}}], ids=["defaults", "changed"])
def test_an_api_server_takes_every_object(more):
    env = os.environ | {"KUBECONFIG": plane.KUBECONFIG}
    arguments = ("install", "swiftlet-dry", CHART, "-n", "default", "--dry-run=server", "--take-ownership")
    shown = helm(*arguments, "-o", "json", values=more, env=env, check=False)
    assert shown.returncode == 0, shown.stderr
    # Other tests leave objects on this server, so --take-ownership. Helm itself asks the server for little; kubectl has it validate all of it.
    manifest = yaml.safe_load(shown.stdout)["manifest"]
    known = [doc for doc in manifest.split("\n---\n") if "kind: CustomResourceDefinition" not in doc]
    done = subprocess.run(
        ["kubectl", "apply", "--dry-run=server", "--server-side", "--force-conflicts", "-f", "-"],
        input="\n---\n".join(known),
        capture_output=True,
        text=True,
        env=env,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("serverside-applied") == 14 and not done.stderr, done.stdout + done.stderr
