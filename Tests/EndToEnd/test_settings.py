"""What the operator can be told, with the real binary: mistakes, the first line of the log, and what settings bring about
on a real API server."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import ssl
import subprocess
import time

import pytest

import plane

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path("/work/shared/e2e/crds/monitoring.yaml")
NAMESPACE = "settings"
MONITOR = "opentelemetry-operator-metrics-monitor"
live = pytest.mark.skipif(bool(plane.MISSING), reason=plane.MISSING or "-")


@pytest.fixture(scope="session", autouse=True)
def operator():
    """None: each test starts its own."""


def swiftlet(*arguments, env=None):
    return subprocess.run(
        [plane.BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": os.environ["PATH"], **(env or {})},
    )


def healthy(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    finally:
        connection.close()


@contextlib.contextmanager
def running(server, log, *flags, env=None, health=None):
    """The operator without webhooks, until the block ends; gives its log's lines as a function."""
    plane.LOGS.mkdir(parents=True, exist_ok=True)
    path = plane.LOGS / f"settings-{log}.log"
    health = health or plane.free_port()
    with open(path, "wb") as output:
        process = subprocess.Popen(
            [plane.BINARY, "operator", "--kubeconfig", server.kubeconfig, "--enable-webhooks=false",
             "--metrics-addr", "0", "--health-probe-addr", f"127.0.0.1:{health}", *flags],
            stdout=output, stderr=output, env={"PATH": os.environ["PATH"], **(env or {})},
        )
    try:
        plane.eventually("it runs", lambda: process.poll() is not None or healthy(health))
        yield process, lambda: path.read_text().splitlines()
        assert process.poll() is None, path.read_text()[-2000:]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0, path.read_text()[-2000:]
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def server():
    server = plane.Server()
    plane.remove_webhooks(server)
    plane.install_definitions(server)
    if not server.get("v1", "Namespace", "", NAMESPACE):
        server.kubectl("create", "namespace", NAMESPACE)
    return server


# Mistakes


@pytest.mark.parametrize("form", ["--webhok-port=1", "-webhok-port=1"])
@pytest.mark.parametrize("command", [["operator"], ["webhook-server"], []])
def test_an_unknown_flag(command, form):
    done = swiftlet(*command, form)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == f"error: unknown flag {form[:-2]}: did you mean --webhook-port?\n"


@pytest.mark.parametrize(
    "arguments, env, text, code, words",
    [
        (["--webhook-port=0"], {}, "", 2, "--webhook-port"),
        ([], {"WEBHOOK_PORT": "x"}, "", 1, "WEBHOOK_PORT"),
        ([], {}, "webhok-port: 1\n", 1, "config.yaml: unknown key webhok-port: did you mean webhook-port?"),
        ([], {}, "tls: {minversion: VersionTLS10}\n", 1, "config.yaml: tls.minversion"),
        (["--tls-cipher-suites=TLS_NULL"], {}, "", 2, "TLS_NULL"),
        (["--feature-gates=-operator.golang.flags"], {}, "", 2, "stable"),
        ([], {"FEATURE_GATES": "nonsense"}, "", 1, "FEATURE_GATES: no such feature gate"),
        (["--metrics-tls-key-file=x"], {}, "", 2, "--metrics-tls-cert-file"),
    ],
)
def test_a_mistake_is_one_line(arguments, env, text, code, words, tmp_path):
    if text:
        file = tmp_path / "config.yaml"
        file.write_text(text)
        arguments = [*arguments, f"--config-file={file}"]
    done = swiftlet("operator", *arguments, env=env)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("error: " if code == 2 else "configuration error: ") and words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_help_and_version():
    catalog = json.loads(swiftlet("settings", "-o", "json").stdout)
    flags = {setting["flag"] for setting in catalog if "flag" in setting}
    for command in (["operator", "--help"], ["operator", "-h"], ["webhook-server", "--help"]):
        done = swiftlet(*command)
        assert done.returncode == 0 and flags == set(re.findall(r"^  (--[a-z-]+)$", done.stdout, re.MULTILINE))
    assert swiftlet("operator", "--version").stdout == swiftlet("--version").stdout != ""
    # The commands without an operator have some of its flags.
    for command in ("inject", "explain"):
        shown = set(re.findall(r"--(?:auto-|enable-)[a-z-]+", swiftlet(command, "--help").stdout))
        assert len(shown) == 15 and shown <= flags


def test_the_page_is_what_the_program_prints():
    assert (ROOT / "docs/reference/settings.md").read_text() == swiftlet("settings", "-o", "markdown").stdout


# On a real API server


@live
def test_the_first_line(server, tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(
        "collector-image: from-file:1\nmetrics-addr: ':1'\nzap: {time-key: ts}\n"
        "instrumentations: {spec: {env: [{name: T, value: secret-one}]}}\n"
    )
    env = {
        "ENABLE_LEADER_ELECTION": "false", "RELATED_IMAGE_COLLECTOR": "from-env:1", "TLS_MIN_VERSION": "VersionTLS13",
        "HTTPS_PROXY": "http://me:secret-two@proxy", "PPROF_ADDR": ":6060", "NO_PROXY": "*",
    }
    with running(server, "first", "-config-file", str(file), "-zap-level-format=lowercase", env=env) as (_, lines):
        plane.eventually("some lines", lambda: len(lines()) > 2)
        first = lines()[0]
        entry = json.loads(first)
        assert entry["message"] == "Starting the OpenTelemetry Operator" and entry["level"] == "info"
        assert entry["opentelemetry-operator"] == "0.158.0" and entry["go-os"] == "linux"
        assert {"build-date", "go-version", "go-arch", "swiftlet", "ts"} <= set(entry)
        assert '"collector-image":"from-env:1"' in first
        config = entry["config"]
        assert all(isinstance(value, str) for value in config.values())
        assert config["tls.minversion"] == "VersionTLS13" and config["metrics-addr"] == "0"
        second = json.loads(lines()[1])
        assert second["level"] == "warn" and "PPROF_ADDR" in second["reason"]
        assert "secret-" not in "\n".join(lines())


@live
def test_console_lines(server):
    with running(server, "console", "--zap-devel", "--zap-time-encoding=epoch") as (_, lines):
        plane.eventually("a line", lambda: lines())
        when, level, message, members = lines()[0].split("\t")
        assert abs(float(when) - time.time()) < 60
        assert (level, message) == ("INFO", "Starting the OpenTelemetry Operator")
        assert json.loads(members)["config"]["zap.devel"] == "true"


@live
@pytest.mark.skipif(not SHARED.exists(), reason=f"{SHARED} is not at hand")
def test_service_monitor(server):
    server.kubectl("apply", "--server-side", "-f", str(SHARED))
    try:
        plane.eventually("the kind", lambda: server.path("monitoring.coreos.com/v1", "ServiceMonitor", NAMESPACE))

        def monitor():
            return server.get("monitoring.coreos.com/v1", "ServiceMonitor", NAMESPACE, MONITOR)

        with running(server, "monitor", "--create-sm-operator-metrics", f"--namespace={NAMESPACE}"):
            found = plane.eventually("the ServiceMonitor", monitor)
            (endpoint,) = found["spec"]["endpoints"]
            assert endpoint["path"] == "/metrics" and endpoint["scheme"] == "https"
            assert found["spec"]["selector"]["matchLabels"] == {"app.kubernetes.io/name": "opentelemetry-operator"}
        assert monitor() is None, "it goes with the operator"
    finally:
        server.kubectl("delete", "-f", str(SHARED), check=False)


DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: opentelemetry-operator-controller-manager}
spec:
  replicas: 0
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec: {containers: [{name: manager, image: none}]}
"""


@live
def test_network_policy(server):
    def policy():
        return server.get("networking.k8s.io/v1", "NetworkPolicy", NAMESPACE, "opentelemetry-operator")

    server.kubectl(
        "delete", "-n", NAMESPACE, "--ignore-not-found",
        "deployment/opentelemetry-operator-controller-manager", "networkpolicy/opentelemetry-operator",
    )
    with running(server, "no-policy", f"--namespace={NAMESPACE}") as (_, lines):
        plane.eventually("a word about it", lambda: any("has no NetworkPolicy" in line for line in lines()))
        assert policy() is None
    server.kubectl("apply", "-n", NAMESPACE, "-f", "-", text=DEPLOYMENT)
    # It names the ports that are served, so these stay the same.
    settings = {"health": plane.free_port(), "env": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317"}}
    with running(server, "policy", f"--namespace={NAMESPACE}", **settings):
        found = plane.eventually("the NetworkPolicy", policy)
        (owner,) = found["metadata"]["ownerReferences"]
        assert owner["name"] == "opentelemetry-operator-controller-manager"
        out = {port["port"] for rule in found["spec"]["egress"] for port in rule["ports"]}
        real = int(server.address.rpartition(":")[2])
        assert {real, 443, 6443, 53, 4317} <= out
        assert not any("to" in rule for rule in found["spec"]["egress"])
        assert found["spec"]["ingress"] == [{"ports": [{"port": settings["health"], "protocol": "TCP"}]}]
    version = policy()["metadata"]["resourceVersion"]
    with running(server, "policy-again", f"--namespace={NAMESPACE}", **settings):
        time.sleep(2)
        assert policy()["metadata"]["resourceVersion"] == version, "nothing changed, so nothing is written"
    with running(server, "policy-off", f"--namespace={NAMESPACE}", "--feature-gates", "-operator.networkpolicy"):
        plane.eventually("it is gone", lambda: policy() is None)


def certificate(folder, name):
    """A certificate of its own with this subject, over the files in the folder."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
         "-keyout", folder / "new.key", "-out", folder / "new.crt"],
        check=True, capture_output=True,
    )
    (folder / "new.key").rename(folder / "tls.key")
    (folder / "new.crt").rename(folder / "tls.crt")


def served(port, maximum=None):
    """The certificate that is shown there, in PEM, and the TLS version."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if maximum:
        context.maximum_version = maximum
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=5)
    connection.connect()
    try:
        return ssl.DER_cert_to_PEM_cert(connection.sock.getpeercert(True)).strip(), connection.sock.version()
    finally:
        connection.close()


@live
def test_metrics_with_a_certificate_of_ones_own(server, tmp_path):
    certificate(tmp_path, "first")
    port = plane.free_port()
    flags = ["--metrics-addr", f"127.0.0.1:{port}", f"--metrics-tls-cert-file={tmp_path}/tls.crt",
             f"--metrics-tls-key-file={tmp_path}/tls.key", "--tls-min-version=VersionTLS13"]
    with running(server, "metrics", *flags) as (_, lines):
        first = (tmp_path / "tls.crt").read_text().strip()
        plane.eventually("the first certificate", lambda: served(port) == (first, "TLSv1.3"))
        with pytest.raises(ssl.SSLError):
            served(port, ssl.TLSVersion.TLSv1_2)
        certificate(tmp_path, "second")
        second = (tmp_path / "tls.crt").read_text().strip()
        assert second != first
        plane.eventually("the second certificate", lambda: served(port)[0] == second, 20)
        (tmp_path / "tls.crt").write_text("nonsense")
        plane.eventually("a warning", lambda: any("can't be replaced" in line for line in lines()), 30)
        assert served(port)[0] == second
        assert "PRIVATE" not in "\n".join(lines())


@live
def test_metrics_without_the_certificate(server, tmp_path):
    done = swiftlet(
        "operator", "--kubeconfig", server.kubeconfig, "--enable-webhooks=false", "--metrics-addr", "127.0.0.1:0",
        "--health-probe-addr", "127.0.0.1:0", f"--metrics-tls-cert-file={tmp_path}/none", "--metrics-tls-key-file=none",
    )
    assert done.returncode == 1
    assert f"--metrics-tls-cert-file {tmp_path}/none" in done.stderr.splitlines()[-1]


@live
def test_missing_definitions(server):
    server.kubectl("delete", "crd", "opentelemetrycollectors.opentelemetry.io")
    try:
        plane.eventually(
            "the kind is gone", lambda: server.read("/apis/opentelemetry.io/v1beta1")[0] == 404, 60
        )
        done = swiftlet(
            "operator", "--kubeconfig", server.kubeconfig, "--enable-webhooks=false", "--metrics-addr=0",
            "--health-probe-addr=127.0.0.1:0",
        )
        assert done.returncode == 1
        assert "--ignore-missing-collector-crds" in done.stderr and "swiftlet crds" in done.stderr
        with running(server, "missing", "--ignore-missing-collector-crds") as (process, lines):
            time.sleep(3)
            assert process.poll() is None
            errors = [line for line in lines() if json.loads(line)["level"] == "ERROR"]
            assert not errors, errors
    finally:
        plane.install_definitions(server)
