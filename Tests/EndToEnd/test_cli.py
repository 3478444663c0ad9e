"""The commands that ask a cluster: check, status, wait, support-bundle, gather, rbac plan, completion; against a control
plane without nodes, whole and broken in each way that check has to tell. The built binary runs as a process."""

import base64
import http.server
import io
import json
import os
import pathlib
import pty
import ssl
import subprocess
import tarfile
import threading
import time

import pytest
import yaml

import plane
from plane import eventually

pytestmark = pytest.mark.skipif(bool(plane.MISSING), reason=plane.MISSING)
ROOT = pathlib.Path(__file__).resolve().parents[2]
ACCOUNT = "opentelemetry-operator-controller-manager"
LEASE = "9f7554c3.opentelemetry.io"
SECRET = "opentelemetry-operator-webhook-certificates"
MUTATING = "opentelemetry-operator-mutating-webhook-configuration"
STAMP = "swiftlet.opentelemetry.io/injection"
CRDS = ("opentelemetrycollectors.opentelemetry.io", "instrumentations.opentelemetry.io", "targetallocators.opentelemetry.io")

COLLECTOR = """
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: gateway}
spec:
  env: [{name: API_TOKEN, value: hunter2}]
  config:
    receivers: {otlp: {protocols: {grpc: {}}}}
    exporters: {debug: {}, otlp: {endpoint: "backend:4317", headers: {x-api-key: hunter2}}}
    service: {pipelines: {traces: {receivers: [otlp], exporters: [debug, otlp]}}}
"""
ALLOCATOR = """
apiVersion: opentelemetry.io/v1alpha1
kind: TargetAllocator
metadata: {name: shared}
spec: {prometheusCR: {enabled: true, serviceMonitorSelector: {}}}
"""
INSTRUMENTATION = """
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {name: agents}
spec: {exporter: {endpoint: "http://gateway-collector:4318"}}
"""


def swiftlet(*arguments, text=None, program=None, env=None, timeout=90):
    clean = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "KUBECONFIG": plane.KUBECONFIG, **(env or {})}
    done = subprocess.run(
        [program or plane.BINARY, *map(str, arguments)],
        input=text, capture_output=True, text=True, env=clean, timeout=timeout, check=False,
    )
    assert done.returncode >= 0, f"signal {-done.returncode}: {done.stderr}"
    return done


def check(*arguments, code=None):
    """The findings by code, of the JSON form."""
    done = swiftlet("check", "-o", "json", *arguments)
    assert done.returncode in (0, 1), done.stderr
    answer = json.loads(done.stdout)
    assert (done.returncode == 1) == (answer["result"] == "error")
    if code is not None:
        assert done.returncode == code, done.stdout
    found = {}
    for finding in answer["findings"]:
        found.setdefault(finding["code"], []).append(finding)
    return found


def problems(found):
    return {code for code, findings in found.items() if any(one["severity"] != "ok" for one in findings)}


@pytest.fixture(scope="module", autouse=True)
def operator():
    """In place of the one that conftest.py installs."""


@pytest.fixture(scope="module")
def server():
    return plane.Server()


class Cluster:
    """One operator outside the cluster for all tests that leave it whole, and a new one after those that don't."""

    def __init__(self):
        self.server = plane.Server()
        self.operator = None
        self.starts = 0

    def use(self):
        operator = self.operator
        if operator is None or operator.process.poll() is not None or operator.damaged:
            self.clear()
            self.starts += 1
            self.operator = plane.Operator(self.server, f"cli-{self.starts}.log")
            self.operator.damaged = False
        return self.operator

    def clear(self):
        """Nothing of ours is left."""
        server = self.server
        if self.operator is not None:
            operator, self.operator = self.operator, None
            operator.stop()
        plane.remove_webhooks(server)
        plane.forget_conversion(server)
        server.kubectl("delete", "crd", *CRDS, "--ignore-not-found", "--timeout=30s", check=False)
        for kind, name in (("deployment", ACCOUNT), ("lease", LEASE), ("secret", SECRET), ("serviceaccount", ACCOUNT)):
            server.kubectl("-n", "default", "delete", kind, name, "--ignore-not-found", check=False)


@pytest.fixture(scope="module")
def cluster(server):
    made = Cluster()
    yield made
    made.clear()


@pytest.fixture
def empty(cluster):
    """A cluster without anything of ours."""
    cluster.clear()
    return cluster.server


@pytest.fixture
def running(cluster, request):
    """An operator outside the cluster, with a namespace of the test's own. Who breaks more than its process says so:
    `running.damaged`."""
    operator, server = cluster.use(), cluster.server
    name = "cli-" + request.node.name.removeprefix("test_").partition("[")[0].replace("_", "-")[:40].strip("-")
    server.kubectl("create", "namespace", name)
    eventually("its service account", lambda: server.get("v1", "ServiceAccount", name, "default"), 30)
    operator.namespace = name
    yield operator
    if operator.process.poll() is None and not operator.damaged:
        server.kubectl("-n", name, "delete", "deployments,pods,otelcol,otelinst", "--all", "--grace-period=0", "--force")
    server.kubectl("delete", "namespace", name, "--wait=false", check=False)


# check


def test_check_before(empty):
    found = check(code=0)
    assert {"ServerSupported", "OptionalAPIs", "InstallerPermissions", "NoOtherOperator"} == set(found)
    assert check("--before", code=0).keys() == found.keys()


def test_check_before_finds_the_go_operator(empty):
    deployment = {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": ACCOUNT, "labels": {"app.kubernetes.io/name": "opentelemetry-operator"}},
        "spec": {
            "selector": {"matchLabels": {"a": "b"}},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{
                    "name": "manager",
                    "image": "ghcr.io/open-telemetry/opentelemetry-operator/opentelemetry-operator:0.158.0",
                }]},
            },
        },
    }
    empty.kubectl("-n", "default", "apply", "-f", "-", text=json.dumps(deployment))
    other = check()["OtherOperator"]
    assert any("the Go operator runs here" in one["message"] for one in other), other


def user(server, name, rules):
    """A kubeconfig of a service account with these rules only."""
    server.kubectl("-n", "default", "create", "serviceaccount", name, check=False)
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": f"cli-{name}"},
        "rules": rules,
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": f"cli-{name}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"cli-{name}"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "default", "name": name}],
    }
    for one in (role, binding):
        server.kubectl("apply", "-f", "-", text=json.dumps(one))

    def token():
        for secret in server.list("v1", "Secret", "default"):
            annotations = secret["metadata"].get("annotations", {})
            if annotations.get("kubernetes.io/service-account.name") == name and "token" in secret.get("data", {}):
                return base64.b64decode(secret["data"]["token"]).decode()
        return None

    config = yaml.safe_load(pathlib.Path(plane.KUBECONFIG).read_text())
    config["users"][0]["user"] = {"token": eventually("a token", token, 30)}
    return config


def test_check_without_permissions(empty, tmp_path):
    config = user(empty, "cli-nobody", [])
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    done = swiftlet("check", "--before", "--kubeconfig", path)
    assert done.returncode == 1
    assert "InstallerPermissionMissing" in done.stdout
    assert "may not create, get, patch apiextensions.k8s.io/customresourcedefinitions" in done.stdout
    assert "InstallerGrantMissing" in done.stdout


def test_check_whole(running):
    found = check(code=0)
    assert problems(found) == set(), found
    for code in (
        "CRDReady", "OperatorOutside", "WebhooksRegistered", "CertificateValid", "CollectorWebhookCalled",
        "ConversionCalled", "PodWebhookCalled", "NoPodsMissed",
    ):
        assert code in found
    # The probes left nothing.
    assert running.server.list("v1", "Pod", "default") == []
    assert running.server.list("opentelemetry.io/v1beta1", "OpenTelemetryCollector", "default") == []


def test_check_no_definitions(running):
    running.damaged = True
    plane.forget_conversion(running.server)
    running.server.kubectl("delete", "crd", *CRDS, "--timeout=30s")
    found = check(code=1)
    assert len(found["CRDMissing"]) == len(CRDS)
    assert "kubectl apply" in found["CRDMissing"][0]["remedy"]


def test_check_definition_of_another_version(running):
    running.damaged = True
    patch = [{"op": "remove", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/sampler"}]
    running.server.kubectl("patch", "crd", CRDS[1], "--type=json", "-p", json.dumps(patch))
    found = check()
    assert [one["subject"].split()[-1] for one in found["CRDOfOtherVersion"]] == [CRDS[1]]


def authority(tmp_path, name="other", days="365"):
    """A self-made authority, by openssl and not by us: paths of certificate and key."""
    certificate, key = tmp_path / f"{name}.crt", tmp_path / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", days,
         "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )
    return certificate, key


def expired(tmp_path, name="expired"):
    """A certificate whose days were all in the past."""
    certificate, key = authority(tmp_path, name)
    conf = tmp_path / "ca.cnf"
    conf.write_text(
        f"[ca]\ndefault_ca=d\n[d]\nnew_certs_dir={tmp_path}\ndatabase={tmp_path}/index\nserial={tmp_path}/serial\n"
        "default_md=sha256\npolicy=p\nx509_extensions=e\n[p]\ncommonName=supplied\n"
        "[e]\nbasicConstraints=CA:TRUE\nsubjectAltName=IP:127.0.0.1\n"
    )
    (tmp_path / "index").write_text("")
    (tmp_path / "serial").write_text("01")
    request = tmp_path / "request"
    subprocess.run(["openssl", "req", "-new", "-key", key, "-subj", f"/CN={name}", "-out", request], check=True,
                   capture_output=True)
    subprocess.run(
        ["openssl", "ca", "-batch", "-config", conf, "-selfsign", "-keyfile", key, "-in", request, "-notext",
         "-startdate", "20200101000000Z", "-enddate", "20200201000000Z", "-out", certificate],
        check=True, capture_output=True,
    )
    return certificate, key


def test_check_wrong_authority(running, tmp_path):
    certificate, _ = authority(tmp_path)
    bundle = base64.b64encode(certificate.read_bytes()).decode()
    configuration = running.server.get(
        "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "", MUTATING
    )
    # Without the operator, that would mend it at once.
    running.process.kill()
    running.process.wait()
    patch = [
        {"op": "replace", "path": f"/webhooks/{place}/clientConfig/caBundle", "value": bundle}
        for place in range(len(configuration["webhooks"]))
    ]
    running.server.kubectl("patch", "mutatingwebhookconfiguration", MUTATING, "--type=json", "-p", json.dumps(patch))
    # Somebody answers at that address with another certificate.
    other, key = authority(tmp_path, "listener")
    url = configuration["webhooks"][0]["clientConfig"]["url"]
    listener = serve(int(url.split(":")[2].split("/")[0]), other, key)
    try:
        found = eventually("not trusted", lambda: (f := check(code=1)).get("WebhookNotTrusted") and f, 30)
    finally:
        listener.shutdown()
        listener.server_close()
    assert "x509" in found["WebhookNotTrusted"][0]["message"]
    assert "PodWebhookNotCalled" in found


class Quiet(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


def serve(port, certificate, key):
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", port), Quiet)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    listener.handle_error = lambda *arguments: None
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    return listener


def test_check_webhook_unreachable(running):
    running.process.kill()
    running.process.wait()
    found = check(code=1)
    assert {"WebhookUnreachable", "PodWebhookNotCalled"} <= problems(found)
    assert "connection refused" in found["WebhookUnreachable"][0]["message"]
    # Though the pod webhook fails open, and nothing is refused.
    assert "connection refused" in found["PodWebhookNotCalled"][0]["message"]
    table = swiftlet("check", "--problems")
    assert table.returncode == 1
    assert "ERROR    WebhookUnreachable" in table.stdout and "CRDReady" not in table.stdout


def installed(server, tmp_path, certificate=None, key=None, lease_age=0, holder="pod-1", rules=None):
    """The objects of an operator inside the cluster, whose pods nobody runs: with which Secret and Lease, a test says."""
    plane.install_definitions(server)
    if certificate is None:
        certificate, key = authority(tmp_path, "own")
    encoded = {
        "tls.crt": certificate, "tls.key": key, "ca.crt": certificate, "ca.key": key,
    }
    data = {name: base64.b64encode(path.read_bytes()).decode() for name, path in encoded.items()}
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() - lease_age))
    labels = {"app.kubernetes.io/name": "opentelemetry-operator"}
    pod = {"a": "b"}
    objects = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}},
        {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": {"name": SECRET}, "data": data},
        {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": LEASE},
         "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": now}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": ACCOUNT, "labels": labels},
         "spec": {"replicas": 2, "selector": {"matchLabels": pod}, "template": {
             "metadata": {"labels": pod},
             "spec": {"serviceAccountName": ACCOUNT, "containers": [{"name": "manager", "image": "swiftlet:1"}]}}}},
    ]
    for one in objects:
        server.kubectl("-n", "default", "apply", "-f", "-", text=json.dumps(one))
    return data


def test_check_expired_certificate(empty, tmp_path):
    installed(empty, tmp_path, *expired(tmp_path))
    found = check(code=1)
    # The serving certificate and its authority are one here.
    messages = " ".join(one["message"] for one in found["CertificateExpired"])
    assert "serving certificate" in messages and "authority" in messages
    assert "2020-01-01T00:00:00Z to 2020-02-01T00:00:00Z" in messages


def test_check_expired_certificate_that_is_served(running, tmp_path):
    """The API server says it, too: the certificate at the webhook's address has expired."""
    running.process.kill()
    running.process.wait()
    certificate, key = expired(tmp_path)
    bundle = base64.b64encode(certificate.read_bytes()).decode()
    configuration = running.server.get(
        "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "", MUTATING
    )
    patch = [
        {"op": "replace", "path": f"/webhooks/{place}/clientConfig/caBundle", "value": bundle}
        for place in range(len(configuration["webhooks"]))
    ]
    running.server.kubectl("patch", "mutatingwebhookconfiguration", MUTATING, "--type=json", "-p", json.dumps(patch))
    url = configuration["webhooks"][0]["clientConfig"]["url"]
    listener = serve(int(url.split(":")[2].split("/")[0]), certificate, key)
    try:
        found = eventually("expired", lambda: (f := check(code=1)).get("WebhookCertificateExpired") and f, 30)
    finally:
        listener.shutdown()
        listener.server_close()
    assert "CertificateExpired" in found


def test_check_bundle_is_not_the_secrets(empty, tmp_path):
    data = installed(empty, tmp_path)
    other = base64.b64encode(authority(tmp_path, "other")[0].read_bytes()).decode()
    assert other != data["ca.crt"]
    hook = {
        "name": "mpod.kb.io", "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Ignore",
        "clientConfig": {"caBundle": other, "service": {"namespace": "default", "name": "hooks"}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
    }
    configuration = {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": MUTATING}, "webhooks": [hook],
    }
    empty.kubectl("apply", "-f", "-", text=json.dumps(configuration))
    found = check(code=1)
    assert "mpod.kb.io" in found["CABundleMismatch"][0]["subject"]
    assert "minstrumentation.kb.io" in found["WebhooksIncomplete"][0]["message"]
    assert "OperatorNotReady" in found
    assert "Leader" in found


@pytest.mark.parametrize("age,holder", [(600, "pod-1"), (0, "")])
def test_check_no_leader(empty, tmp_path, age, holder):
    installed(empty, tmp_path, lease_age=age, holder=holder)
    assert "NoLeader" in problems(check(code=1))


def test_check_no_operator(empty):
    plane.install_definitions(empty)
    found = check(code=1)
    assert {"OperatorMissing", "WebhooksMissing", "NoLeader", "CertificateMissing"} <= problems(found)


def test_check_operator_without_permissions(empty, tmp_path):
    installed(empty, tmp_path)
    missing = check(code=1)["OperatorPermissionMissing"]
    assert any("opentelemetrycollectors" in one["message"] for one in missing), missing


def test_check_collector_not_ready(running):
    running.server.kubectl("-n", running.namespace, "apply", "-f", "-", text=COLLECTOR)
    found = eventually("not ready", lambda: (f := check(code=1)).get("CollectorNotReady") and f, 30)
    assert f"{running.namespace}/gateway" in found["CollectorNotReady"][0]["subject"]
    assert "0 of 1 pods ready: pod gateway-collector-" in found["CollectorNotReady"][0]["message"]


def test_target_allocators(running):
    server, namespace = running.server, running.namespace
    server.kubectl("-n", namespace, "apply", "-f", "-", text=ALLOCATOR)
    found = eventually("not ready", lambda: (f := check(code=1)).get("TargetAllocatorNotReady") and f, 30)
    (finding,) = [one for one in found["TargetAllocatorNotReady"] if namespace in one["subject"]]
    assert finding["subject"] == f"TargetAllocator {namespace}/shared"
    account = f"system:serviceaccount:{namespace}:shared-targetallocator"
    for words in ("0 of 1 pods ready", f"missing the following rules for {account} - nodes: [get list watch]", "pod shared-targetallocator-"):
        assert words in finding["message"], finding
    assert "docs/target-allocator-resource.md" in finding["remedy"]
    unused = [one["subject"] for one in found["TargetAllocatorUnused"]]
    assert finding["subject"] in unused

    done = swiftlet("wait", "targetallocator/shared", "-n", namespace, "--timeout", "1s")
    assert done.returncode == 4 and "0 of 1 pods ready" in done.stderr
    (row,) = json.loads(swiftlet("status", "-n", namespace, "-o", "json").stdout)["targetAllocators"]
    assert (row["name"], row["strategy"], row["ready"], row["collectors"]) == ("shared", "consistent-hashing", "0/1", "")
    assert row["condition"].startswith("Reconciled") and row["image"]

    collector = yaml.safe_load(COLLECTOR)
    collector["metadata"] = {"name": "metrics", "labels": {"opentelemetry.io/target-allocator": "shared"}}
    collector["spec"]["mode"] = "statefulset"
    collector["spec"]["config"]["receivers"] = {"prometheus": {"config": {"scrape_configs": [{"job_name": "a"}]}}}
    collector["spec"]["config"]["service"]["pipelines"] = {"metrics": {"receivers": ["prometheus"], "exporters": ["debug"]}}
    server.kubectl("-n", namespace, "apply", "-f", "-", text=yaml.safe_dump(collector))
    (row,) = json.loads(swiftlet("status", "-n", namespace, "-o", "json").stdout)["targetAllocators"]
    assert row["collectors"] == "metrics"
    assert finding["subject"] not in [one["subject"] for one in check().get("TargetAllocatorUnused", [])]


def test_unreachable_and_wrong_use(tmp_path):
    config = yaml.safe_load(pathlib.Path(plane.KUBECONFIG).read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{plane.free_port()}"
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    for command in (["check"], ["status"], ["wait", "operator"], ["support-bundle", "-o", tmp_path / "b"]):
        done = swiftlet(*command, "--kubeconfig", path)
        assert done.returncode == 3, f"{command}: {done.stderr}"
        assert "can't be reached" in done.stderr and done.stdout == ""
    for command in (
        ["check", "--before", "--after"], ["check", "--bogus"], ["status", "-o", "xml"], ["wait", "nothing"],
        ["wait", "otelcol/a", "--for", "injected"], ["wait", "operator", "--timeout", "soon"], ["rbac", "plan"],
        ["completion", "tcsh"],
    ):
        done = swiftlet(*command)
        assert done.returncode == 2, f"{command}: {done.returncode} {done.stderr}"
        assert done.stdout == "" and done.stderr
    assert swiftlet("check", "--context", "nosuch").returncode == 3


def test_colours(empty):
    assert "\x1b[" not in swiftlet("check").stdout
    assert "\x1b[32mOK" in swiftlet("check", "--color", "always").stdout
    assert "\x1b[" in on_terminal("check")
    assert "\x1b[" not in on_terminal("check", env={"NO_COLOR": "1"})
    assert "\x1b[" not in on_terminal("check", "--color=never")


def on_terminal(*arguments, env=None):
    """What the program writes to a terminal, both streams."""
    leader, follower = pty.openpty()
    clean = {"PATH": os.environ["PATH"], "KUBECONFIG": plane.KUBECONFIG, "TERM": "xterm", **(env or {})}
    process = subprocess.Popen([plane.BINARY, *arguments], stdout=follower, stderr=follower, env=clean)
    os.close(follower)
    text = b""
    try:
        while chunk := os.read(leader, 4096):
            text += chunk
    except OSError:  # Linux says so when the other end is closed.
        pass
    os.close(leader)
    process.wait(timeout=60)
    return text.decode()


# status and wait


def pod(name, language="python"):
    return yaml.safe_dump({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "annotations": {f"instrumentation.opentelemetry.io/inject-{language}": "true"}},
        "spec": {"containers": [{"name": "app", "image": "app:1"}]},
    })


def test_status(running):
    server, namespace = running.server, running.namespace
    server.kubectl("-n", namespace, "apply", "-f", "-", text=pod("without"))
    server.kubectl("-n", namespace, "apply", "-f", "-", text=COLLECTOR)
    server.kubectl("-n", namespace, "apply", "-f", "-", text=INSTRUMENTATION)

    def apply(name):
        server.kubectl("-n", namespace, "delete", "pod", name, "--ignore-not-found", "--grace-period=0", "--force")
        server.kubectl("-n", namespace, "apply", "-f", "-", text=pod(name))
        made = server.get("v1", "Pod", namespace, name)
        return "Injected" in made["metadata"]["annotations"].get(STAMP, "")

    eventually("a pod is injected", lambda: apply("with"), 30)

    def report():
        answer = json.loads(swiftlet("status", "-n", namespace, "-o", "json").stdout)
        return answer if answer["instrumentations"][0]["injected"] != "0" and answer["collectors"][0]["image"] else None

    answer = eventually("counts", report, 30)
    workloads = {one["workload"]: one for one in answer["workloads"]}
    assert workloads["pod/with"]["injected"] == "1" and workloads["pod/with"]["askedFor"] == "python"
    assert workloads["pod/without"]["notInjected"] == "1" and "(1)" in workloads["pod/without"]["reasons"]
    collector = answer["collectors"][0]
    assert (collector["name"], collector["mode"], collector["ready"]) == ("gateway", "deployment", "0/1")
    assert answer["missed"] == []
    table = swiftlet("status", "-n", namespace)
    assert table.returncode == 0
    assert "NAMESPACE" in table.stdout and "pod/without" in table.stdout
    assert yaml.safe_load(swiftlet("status", "-n", namespace, "-o", "yaml").stdout)["collectors"] == answer["collectors"]


def test_status_and_check_find_missed_pods(running):
    server, namespace = running.server, running.namespace
    server.kubectl("-n", namespace, "apply", "-f", "-", text=INSTRUMENTATION)
    # The annotation comes later, so the webhook was not asked.
    plain = yaml.safe_load(pod("late"))
    annotations = plain["metadata"].pop("annotations")
    server.kubectl("-n", namespace, "apply", "-f", "-", text=yaml.safe_dump(plain))
    for key, value in annotations.items():
        server.kubectl("-n", namespace, "annotate", "pod", "late", f"{key}={value}")
    answer = json.loads(swiftlet("status", "-n", namespace, "-o", "json").stdout)
    assert [one["workload"] for one in answer["missed"]] == ["pod/late"]
    assert "pod/late" in check(code=0)["PodsMissed"][0]["subject"]


def test_wait(running):
    server, namespace = running.server, running.namespace
    assert swiftlet("wait", "operator", "--timeout", "30s").returncode == 0
    done = swiftlet("wait", "otelcol/gateway", "-n", namespace, "--timeout", "1s")
    assert done.returncode == 4 and "it is not in namespace" in done.stderr and done.stdout == ""
    server.kubectl("-n", namespace, "apply", "-f", "-", text=COLLECTOR)
    done = swiftlet("wait", "otelcol/gateway", "-n", namespace, "--timeout=3")
    assert done.returncode == 4 and "0 of 1 pods ready" in done.stderr
    # It gets ready while somebody waits: scaled to nothing.
    waiting = subprocess.Popen(
        [plane.BINARY, "wait", "otelcol/gateway", "-n", namespace, "-o", "json", "--timeout", "40s"],
        env={"PATH": os.environ["PATH"], "KUBECONFIG": plane.KUBECONFIG}, stdout=subprocess.PIPE, text=True,
    )
    server.kubectl("-n", namespace, "scale", "otelcol", "gateway", "--replicas=0")
    output, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert json.loads(output)["met"] is True


def test_wait_for_injection(running):
    server, namespace = running.server, running.namespace
    deployment = {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {
            "metadata": {"labels": {"a": "b"}, "annotations": {"instrumentation.opentelemetry.io/inject-java": "true"}},
            "spec": {"containers": [{"name": "app", "image": "app:1"}]}}},
    }
    server.kubectl("-n", namespace, "apply", "-f", "-", text=json.dumps(deployment))
    arguments = ("wait", "deployment/web", "-n", namespace, "--for", "injected", "--timeout")
    done = swiftlet(*arguments, "5s")
    assert done.returncode == 4 and "java " in done.stderr, done.stderr
    server.kubectl("-n", namespace, "apply", "-f", "-", text=INSTRUMENTATION)

    def restarted():
        server.kubectl("-n", namespace, "delete", "pods", "-l", "a=b", "--grace-period=0", "--force")
        return swiftlet(*arguments, "5s").returncode == 0

    eventually("injected", restarted, 60)
    assert "deployment/web" in on_terminal("wait", "deployment/web", "-n", namespace, "--timeout", "2s")


# support-bundle and gather


def test_support_bundle(running, tmp_path):
    server, namespace = running.server, running.namespace
    server.kubectl("-n", namespace, "create", "secret", "generic", "mine", "--from-literal=password=hunter2")
    server.kubectl("-n", namespace, "apply", "-f", "-", text=COLLECTOR)
    eventually("rendered", lambda: server.get("apps/v1", "Deployment", namespace, "gateway-collector"), 30)
    archive = tmp_path / "bundle.tar.gz"
    done = swiftlet("support-bundle", "-o", archive)
    assert done.returncode == 0, done.stderr
    assert "redacted" in done.stderr
    # By a program that is not ours, and by Python.
    listed = subprocess.run(["tar", "tzf", archive], capture_output=True, text=True, check=True).stdout.splitlines()
    with tarfile.open(archive) as tar:
        files = {one.name: tar.extractfile(one).read() for one in tar.getmembers()}
    assert list(files) == listed
    assert not any(b"hunter2" in content for content in files.values())
    root = f"bundle/namespaces/{namespace}"
    for wanted in (
        f"{root}/opentelemetry.io/opentelemetrycollectors/gateway.yaml", f"{root}/apps/deployments/gateway-collector.yaml",
        f"{root}/core/services/gateway-collector.yaml", f"{root}/core/serviceaccounts/gateway-collector.yaml",
        f"bundle/cluster-scoped-resources/apiextensions.k8s.io/customresourcedefinitions/{CRDS[0]}.yaml",
        "bundle/check.txt", "bundle/check.json", "bundle/status.txt", "bundle/manifest.json",
    ):
        assert wanted in files, listed
    assert any(name.startswith(f"{root}/core/configmaps/gateway-collector") for name in files)
    assert not any("secrets" in name for name in files)
    for name, content in files.items():
        if name.endswith(".yaml"):
            one = yaml.safe_load(content)
            assert one["apiVersion"] and one["kind"], name
    manifest = json.loads(files["bundle/manifest.json"])
    assert any(one["place"].endswith("/headers/x-api-key") for one in manifest["redacted"])
    assert any(one["place"] == "/spec/env/0/value" for one in manifest["redacted"])
    assert json.loads(files["bundle/check.json"])["findings"]
    plain = tmp_path / "plain.tar"
    assert swiftlet("support-bundle", "-o", plain).returncode == 0
    with tarfile.open(fileobj=io.BytesIO(plain.read_bytes()), mode="r:") as tar:
        assert "plain/manifest.json" in tar.getnames()
    assert archive.stat().st_mode & 0o077 == 0
    refused = swiftlet("support-bundle", "-o", "/proc/nothing/bundle.tar")
    assert refused.returncode == 1 and "/proc/nothing" in refused.stderr


def test_gather(running, tmp_path):
    program = tmp_path / "gather"
    program.symlink_to(plane.BINARY)
    folder = tmp_path / "must-gather"
    done = swiftlet("--operator-namespace", "nowhere", "--collection-dir", folder, program=program)
    assert done.returncode == 0, done.stderr
    assert "no Deployment is labelled" in done.stderr
    definitions = folder / "cluster-scoped-resources/apiextensions.k8s.io/customresourcedefinitions"
    assert {one.stem for one in definitions.iterdir()} == set(CRDS)
    assert json.loads((folder / "manifest.json").read_text())["errors"]


# rbac plan


NEEDY = """
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: needy, namespace: default}
spec:
  config:
    receivers: {otlp: {protocols: {grpc: {}}}}
    processors: {k8sattributes: {}}
    exporters: {debug: {}}
    service: {pipelines: {traces: {receivers: [otlp], processors: [k8sattributes], exporters: [debug]}}}
"""


def test_rbac_plan_without_cluster():
    env = {"KUBECONFIG": "/nonexistent"}
    done = swiftlet("rbac", "plan", "-f", "-", text=NEEDY, env=env)
    assert done.returncode == 0, done.stderr
    assert "processors.k8sattributes" in done.stdout and "pods,namespaces" in done.stdout
    plan = json.loads(swiftlet("rbac", "plan", "-f", "-", "-o", "json", text=NEEDY, env=env).stdout)[0]
    assert plan["serviceAccount"] == "default/needy-collector"
    assert {resource for need in plan["needs"] for resource in need["resources"]} == {"pods", "namespaces", "replicasets"}
    broken = swiftlet("rbac", "plan", "-f", "-", text=NEEDY.replace("{k8sattributes: {}}", "{k8sattributes: []}"))
    assert broken.returncode == 1 and "k8sattributes" in broken.stderr


def test_rbac_plan_with_cluster(server, tmp_path):
    account = ("--operator-account", "default/planner")

    def plan():
        done = swiftlet("rbac", "plan", "-f", "-", "--cluster", "-o", "json", *account, text=NEEDY)
        return done.returncode, json.loads(done.stdout)[0]

    code, answer = plan()
    assert code == 1
    lacks = {one["item"]: one["verbs"] for one in answer["operator"]["lacks"]}
    assert set(lacks["pods"]) == {"get", "list", "watch"}
    assert "create" in lacks["rbac.authorization.k8s.io/clusterroles"]
    assert not any(need["held"] for need in answer["needs"])
    made = []
    try:
        # What it prints for the operator is what it lacks.
        text = swiftlet("rbac", "plan", "-f", "-", "-o", "yaml", "--for", "operator", *account, text=NEEDY).stdout
        made.append(text)
        server.kubectl("apply", "-f", "-", text=text)
        code, answer = eventually("granted", lambda: (p := plan())[0] == 0 and p, 20)
        assert answer["operator"]["lacks"] == []
        server.kubectl("delete", "-f", "-", text=made.pop())
        eventually("taken back", lambda: plan()[0] == 1, 20)
        # And what it prints for the collector is what that needs.
        text = swiftlet("rbac", "plan", "-f", "-", "-o", "yaml", text=NEEDY).stdout
        made.append(text)
        server.kubectl("apply", "-f", "-", text=text)
        code, answer = eventually("held", lambda: (p := plan())[0] == 0 and p, 20)
        assert all(need["held"] for need in answer["needs"])
    finally:
        for text in made:
            server.kubectl("delete", "-f", "-", text=text, check=False)


# Names and completion


def test_kubectl_plugin(empty, tmp_path):
    for name in ("kubectl-swiftlet", "kubectl_complete-swiftlet"):
        (tmp_path / name).symlink_to(plane.BINARY)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = swiftlet("swiftlet", "check", "-o", "json", program="kubectl", env=env)
    assert json.loads(done.stdout)["result"] == "ok", done.stderr
    done = swiftlet("swiftlet", "check", "--help", program="kubectl", env=env)
    assert "USAGE: kubectl swiftlet check" in done.stdout and "kubectl swiftlet check --before" in done.stdout
    complete = tmp_path / "kubectl_complete-swiftlet"
    lines = swiftlet("st", program=complete).stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["status", ":4"]
    lines = swiftlet("check", "--op", program=complete).stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["--operator-namespace", ":4"]


def test_completion():
    for shell, word in (("bash", "complete -o"), ("zsh", "#compdef swiftlet"), ("fish", "complete -c 'swiftlet'")):
        done = swiftlet("completion", shell)
        assert done.returncode == 0 and word in done.stdout, done.stdout[:300]
    script = swiftlet("completion", "bash").stdout
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


def test_every_command_has_help_with_examples_and_is_documented():
    text = (ROOT / "docs" / "cli.md").read_text()
    commands = ("check", "status", "wait", "support-bundle", "gather", "explain", "inject", "render", "convert", "crds")
    for command in (*commands, "rbac plan", "completion"):
        done = swiftlet(*command.split(), "--help")
        assert done.returncode == 0 and "Examples:" in done.stdout, command
        assert f"## swiftlet {command}\n" in text, command
