"""The commands as a user types them: the built binary (SWIFTLET_BINARY), files, pipes, exit codes. No cluster needed."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "manifests" / "samples"
BINARY = os.environ.get("SWIFTLET_BINARY", "")

pytestmark = pytest.mark.skipif(not BINARY, reason="SWIFTLET_BINARY names no binary to test")

COLLECTOR = (SAMPLES / "collector.yaml").read_text()
INSTRUMENTATION = (SAMPLES / "instrumentation.yaml").read_text()
POD = """
apiVersion: v1
kind: Pod
metadata: {name: app, annotations: {instrumentation.opentelemetry.io/inject-python: "true"}}
spec: {containers: [{name: app, image: "app:1"}]}
"""


@pytest.fixture(scope="module", autouse=True)
def operator():
    """In place of the one that installs Swiftlet into a cluster, which these tests don't need."""


def run(*arguments, text="", env=None, timeout=60):
    """Runs swiftlet with text or bytes on standard input; no variable of this process that it reads gets through."""
    data = text if isinstance(text, bytes) else text.encode()
    clean = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **(env or {})}
    return subprocess.run(
        [BINARY, *map(str, arguments)], input=data, capture_output=True, timeout=timeout, env=clean, check=False
    )


def documents(done):
    """What was printed, by a parser that is not ours."""
    return [one for one in yaml.safe_load_all(done.stdout.decode()) if one is not None]


def errors(done):
    return done.stderr.decode(errors="replace")


def calm(done):
    """No crash: not a signal, no trace of Swift's runtime."""
    assert done.returncode >= 0, f"signal {-done.returncode}: {errors(done)}"
    for word in ("Fatal error", "Crash", "backtrace", "Illegal instruction", "__swift", "Swift."):
        assert word not in errors(done), errors(done)
    return done


def succeeded(done):
    assert calm(done).returncode == 0, errors(done)
    return done


def refused(done, code, *words):
    """The exit code, nothing on standard output, and each word somewhere in a short complaint."""
    assert calm(done).returncode == code, f"{done.returncode}: {errors(done)}"
    for word in words:
        assert word in errors(done), errors(done)
    assert len(errors(done)) < 2500, errors(done)[:3000]
    return done


# render


def test_render_sample():
    done = succeeded(run("render", "-f", SAMPLES / "collector.yaml"))
    objects = documents(done)
    kinds = sorted(one["kind"] for one in objects)
    assert kinds == [
        "ConfigMap",
        "Deployment",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service",
        "Service",
        "Service",
        "ServiceAccount",
    ]
    assert all(one["apiVersion"] and one["metadata"]["namespace"] == "default" for one in objects)
    assert errors(done) == ""


def test_render_is_repeatable():
    first = succeeded(run("render", "-f", SAMPLES / "collector.yaml")).stdout
    assert run("render", "-f", SAMPLES / "collector.yaml").stdout == first


def test_render_standard_input():
    from_file = run("render", "-f", SAMPLES / "collector.yaml").stdout
    assert succeeded(run("render", "-f", "-", text=COLLECTOR)).stdout == from_file
    as_json = json.dumps(yaml.safe_load(COLLECTOR))
    assert documents(succeeded(run("render", "-f", "-", text=as_json))) == list(yaml.safe_load_all(from_file))


def test_render_list_and_several_documents():
    one, two = yaml.safe_load(COLLECTOR), yaml.safe_load(COLLECTOR)
    two["metadata"]["name"] = "second"
    as_list = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [one, two]})
    stream = f"# a comment\n---\n{yaml.safe_dump(one)}---\n---\n{yaml.safe_dump(two)}...\n"
    listed = succeeded(run("render", "-f", "-", text=as_list))
    assert documents(listed) == documents(succeeded(run("render", "-f", "-", text=stream)))
    names = {d["metadata"]["name"] for d in documents(listed) if d["kind"] == "Deployment"}
    assert names == {"demo-collector", "second-collector"}


def test_render_passes_over_other_kinds():
    done = succeeded(run("render", "-f", "-", text=f"{POD}---\n{COLLECTOR}"))
    assert "Pod" not in {d["kind"] for d in documents(done)}
    done = succeeded(run("render", "-f", "-", text=POD))
    assert done.stdout == b"" and "no OpenTelemetryCollector" in errors(done)


def test_render_several_files(tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(COLLECTOR.replace("name: demo", "name: other"))
    done = succeeded(run("render", "-f", SAMPLES / "collector.yaml", "-f", other))
    assert {d["metadata"]["name"] for d in documents(done) if d["kind"] == "Deployment"} == {
        "demo-collector",
        "other-collector",
    }


@pytest.mark.parametrize("version", ["1.20", "1.25", "1.36", "v1.29", "1.29.3"])
def test_render_versions(version):
    assert documents(succeeded(run("render", "-f", SAMPLES / "collector.yaml", "--kubernetes-version", version)))


@pytest.mark.parametrize("version", ["", "new", "1", "1.x", "-1.2", "1.", "1.99999999999999999999"])
def test_render_unknown_version(version):
    done = run("render", "-f", SAMPLES / "collector.yaml", f"--kubernetes-version={version}")
    refused(done, 64, "--kubernetes-version", *(["1.29"] if version else []))
    assert done.stdout == b""


def test_render_empty():
    for text in ("", "\n", "# nothing\n", "---\n---\n", "null\n"):
        done = succeeded(run("render", "-f", "-", text=text))
        assert done.stdout == b"" and "warning" in errors(done)


@pytest.mark.parametrize(
    "text, line",
    [
        ("a: b\n c: d\n", 2),
        ("a: [1, 2\n", 2),
        ("a: b\na: c\n", 2),
        ("ok: 1\n---\nx: 'unclosed\n", 3),
        ("a:\n\t- b\n", 2),
        ('{"a": 1,\n "b": ]}\n', 2),
    ],
)
def test_malformed_yaml_names_file_and_line(tmp_path, text, line):
    file = tmp_path / "broken.yaml"
    file.write_text(text)
    for command in ("render", "inject"):
        done = refused(run(command, "-f", file), 64, str(file))
        found = re.search(r"line (\d+)", errors(done))
        assert found, errors(done)
        assert line <= int(found[1]) <= line + 1, errors(done)
        done = refused(run(command, "-f", "-", text=text), 64, "standard input")


@pytest.mark.parametrize("text", ["just text\n", "[1, 2]\n", "7\n", "- a\n- b\n"])
def test_what_is_no_object(text):
    for command in ("render", "inject"):
        refused(run(command, "-f", "-", text=text), 64, "standard input", "line 1")


def test_missing_file_and_directory(tmp_path):
    for command in ("render", "inject"):
        refused(run(command, "-f", tmp_path / "none.yaml"), 64, "none.yaml", "No such file")
        refused(run(command, "-f", tmp_path), 64, str(tmp_path), "no .yaml")
        refused(run(command), 64, "--file")


def test_binary_garbage():
    data = bytes(range(256)) * 64
    for command in ("render", "inject"):
        refused(run(command, "-f", "-", text=data), 64, "standard input")
        refused(run(command, "-f", BINARY), 64, BINARY)


def test_ten_megabytes():
    filler = "x" * (10 << 20)
    done = succeeded(run("render", "-f", "-", text=f"{COLLECTOR}---\n{{apiVersion: v1, kind: ConfigMap, metadata: {{name: x}}, data: {{x: {filler}}}}}\n"))
    assert len(documents(done)) == 8
    # As nothing but an opening, over and over.
    refused(run("render", "-f", "-", text="[" * (10 << 20)), 64, "standard input")
    pod = POD.replace('"true"}', f'"true", big: "{filler}"}}')
    done = succeeded(run("inject", "-f", "-", text=f"{pod}---\n{INSTRUMENTATION}"))
    assert documents(done)[0]["spec"]["initContainers"]


def test_too_large():
    refused(run("render", "-f", "/dev/zero"), 64, "/dev/zero", "larger than")


@pytest.mark.parametrize(
    "change, words",
    [
        (("mode: deployment", "mode: nonsense"), ["spec.mode", "nonsense"]),
        (("grpc: {}", 'grpc: {endpoint: "nonsense:port"}'), []),
        (("  config:", "  replicas: many\n  config:"), []),
        (("    service:\n      pipelines:", "    service:\n      pipes:"), []),
        (("opentelemetry.io/v1beta1", "opentelemetry.io/v1beta9"), ["v1beta9", "v1beta1"]),
        (("  name: demo", "  labels: {a: b}"), ["name"]),
    ],
)
def test_render_invalid(change, words):
    assert change[0] in COLLECTOR
    done = run("render", "-f", "-", text=COLLECTOR.replace(change[0], change[1], 1))
    calm(done)
    if words:
        refused(done, 1, "error: ", "OpenTelemetryCollector", *words)
        assert done.stdout == b""
    # Whatever is made of the others, it is said in so many words or rendered whole.
    assert done.returncode in (0, 1)
    assert (done.returncode == 1) == errors(done).startswith("error: ") or "warning" in errors(done)


def test_render_v1alpha1():
    """The old form renders as what it is converted to: its configuration is text, the rest here is the same."""
    old = yaml.safe_load(COLLECTOR)
    old["apiVersion"] = "opentelemetry.io/v1alpha1"
    old["spec"]["config"] = yaml.safe_dump(old["spec"]["config"], sort_keys=False)
    rendered = succeeded(run("render", "-f", "-", text=yaml.safe_dump(old))).stdout
    assert rendered == succeeded(run("render", "-f", "-", text=COLLECTOR)).stdout


def test_render_warns():
    done = succeeded(run("render", "-f", "-", text=COLLECTOR.replace("receivers: [otlp]", "receivers: [absent]", 1)))
    assert re.fullmatch(r'warning: OpenTelemetryCollector default/demo: .*"absent".*\n', errors(done)), errors(done)
    assert documents(done)


def test_one_invalid_does_not_hide_the_others():
    broken = COLLECTOR.replace("mode: deployment", "mode: nonsense").replace("name: demo", "name: broken")
    done = refused(run("render", "-f", "-", text=f"{broken}---\n{COLLECTOR}"), 1, "default/broken")
    assert {d["metadata"]["name"] for d in documents(done) if d["kind"] == "Deployment"} == {"demo-collector"}


ALLOCATOR = """\
apiVersion: opentelemetry.io/v1alpha1
kind: TargetAllocator
metadata: {name: shared}
spec: {mtls: {enabled: true}}
"""
LABELLED = """\
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: metrics, labels: {opentelemetry.io/target-allocator: shared}}
spec:
  mode: statefulset
  config:
    receivers: {prometheus: {config: {scrape_configs: [{job_name: app, static_configs: [{targets: ['app:9090']}]}]}}}
    exporters: {debug: {}}
    service: {pipelines: {metrics: {receivers: [prometheus], exporters: [debug]}}}
"""


def test_render_allocator_and_its_collector():
    done = succeeded(run("render", "-f", "-", text=f"{ALLOCATOR}---\n{LABELLED}"))
    maps = {d["metadata"]["name"]: d["data"] for d in documents(done) if d["kind"] == "ConfigMap"}
    settings = yaml.safe_load(maps.pop("shared-targetallocator")["targetallocator.yaml"])
    assert settings["collector_selector"]["matchlabels"]["app.kubernetes.io/instance"] == "default.metrics"
    assert [job["job_name"] for job in settings["config"]["scrape_configs"]] == ["app"]
    (config,) = maps.values()
    receiver = yaml.safe_load(config["collector.yaml"])["receivers"]["prometheus"]
    assert receiver["target_allocator"]["endpoint"] == "https://shared-targetallocator:443"
    assert errors(done) == ""
    # Alone, each says what the other is needed for.
    done = succeeded(run("render", "-f", "-", "--target-allocator-image", "mine:1", text=ALLOCATOR))
    (deployment,) = [d for d in documents(done) if d["kind"] == "Deployment"]
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "mine:1"
    assert "nothing to hand out" in errors(done)
    refused(run("render", "-f", "-", text=LABELLED), 1, "shared")


def test_render_invalid_allocator():
    wrong = ALLOCATOR.replace("{mtls", "{prometheusCR: {enabled: true, allowNamespaces: [a], denyNamespaces: [b]}, mtls")
    refused(run("render", "-f", "-", text=wrong), 1, "TargetAllocator default/shared", "mutually exclusive")
    refused(run("render", "-f", "-", text=ALLOCATOR.replace("v1alpha1", "v1beta1")), 1, "v1beta1", "v1alpha1")
    refused(run("render", "-f", "-", text=ALLOCATOR.replace("name: shared", "labels: {}")), 1, "TargetAllocator:", "name")


def test_render_unmanaged_or_embedded_allocator_once():
    done = succeeded(run("render", "-f", "-", text=ALLOCATOR.replace("{mtls", "{managementState: unmanaged, mtls")))
    assert done.stdout == b"" and "unmanaged" in errors(done)
    embedding = LABELLED.replace(", labels: {opentelemetry.io/target-allocator: shared}", "")
    embedding = embedding.replace("mode: statefulset", "mode: statefulset\n  targetAllocator: {enabled: true}")
    done = succeeded(run("render", "-f", "-", text=embedding))
    (embedded,) = [d for d in documents(done) if d["kind"] == "TargetAllocator"]
    stored = yaml.safe_dump(embedded)
    assert documents(succeeded(run("render", "-f", "-", text=f"{embedding}---\n{stored}"))) == documents(done)


def test_closed_pipe():
    for arguments in (["render", "-f", SAMPLES / "collector.yaml"], ["crds"], ["--help"]):
        process = subprocess.Popen([BINARY, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.close()
        complaint = process.stderr.read().decode()
        assert process.wait(timeout=30) >= 0, f"ended by a signal: {complaint}"
        assert "Fatal" not in complaint and "Crash" not in complaint
    done = subprocess.run(
        f"set -o pipefail; '{BINARY}' crds | head -1", shell=True, executable="/bin/bash", capture_output=True, check=False
    )
    assert done.stdout == b"---\n" and done.returncode == 0, done.stderr


def test_full_disk():
    for arguments in (["render", "-f", SAMPLES / "collector.yaml"], ["crds"], ["inject", "-f", "-"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [BINARY, *map(str, arguments)], input=POD.encode(), stdout=full, stderr=subprocess.PIPE, check=False
            )
        assert done.returncode != 0, "output that was lost is no success"
        assert b"standard output" in done.stderr, done.stderr


# inject


def test_inject_samples():
    done = succeeded(
        run("inject", "-f", SAMPLES / "app.yaml", "-f", SAMPLES / "instrumentation.yaml", "-f", SAMPLES / "collector.yaml")
    )
    objects = documents(done)
    assert [one["kind"] for one in objects] == ["Deployment"]
    spec = objects[0]["spec"]["template"]["spec"]
    assert spec["initContainers"]
    names = [variable["name"] for variable in spec["containers"][0]["env"]]
    assert "PYTHONPATH" in names and "OTEL_SERVICE_NAME" in names
    assert "Deployment demo-app: python: Injected" in errors(done)


def test_inject_nothing_asked_for():
    pod = POD.replace("inject-python", "nothing")
    done = succeeded(run("inject", "-f", "-", text=pod))
    assert documents(done) == [yaml.safe_load(pod)] and errors(done) == ""
    assert succeeded(run("inject", "-f", "-", "--only-changed", text=pod)).stdout == b""


def test_inject_what_did_not_happen():
    done = refused(run("inject", "-f", "-", text=POD), 1, "InstrumentationNotFound")
    [pod] = documents(done)
    # Nothing but what is said on it.
    said = json.loads(pod["metadata"]["annotations"].pop("swiftlet.opentelemetry.io/injection"))
    assert [(one["subject"], one["code"]) for one in said] == [("python", "InstrumentationNotFound")]
    assert pod == yaml.safe_load(POD)


def test_inject_is_idempotent():
    first = succeeded(run("inject", "-f", "-", text=f"{POD}---\n{INSTRUMENTATION}"))
    again = calm(run("inject", "-f", "-", text=f"{first.stdout.decode()}---\n{INSTRUMENTATION}"))
    assert documents(again) == documents(first)


def test_inject_sidecar_by_version():
    side = COLLECTOR.replace("mode: deployment", "mode: sidecar")
    pod = POD.replace("instrumentation.opentelemetry.io/inject-python", "sidecar.opentelemetry.io/inject")
    for version, place in (("1.28", "containers"), ("1.29", "initContainers")):
        done = succeeded(run("inject", "-f", "-", "--kubernetes-version", version, text=f"{pod}---\n{side}"))
        assert "otc-container" in [one["name"] for one in documents(done)[0]["spec"][place]]


@pytest.mark.parametrize("spec", ["7", "{containers: 7}", "{containers: [7]}", "null"])
def test_inject_malformed_pod(spec):
    pod = POD.replace('{containers: [{name: app, image: "app:1"}]}', spec)
    refused(run("inject", "-f", "-", text=f"{pod}---\n{INSTRUMENTATION}"), 1, "Pod app")


# crds, version, help


@pytest.mark.parametrize("arguments", [[], ["--server-version", "1.20"], ["--server-version", "v1.36"]])
def test_crds(arguments):
    objects = documents(succeeded(run("crds", *arguments)))
    assert {one["kind"] for one in objects} == {"CustomResourceDefinition"}
    assert {"opentelemetrycollectors.opentelemetry.io", "instrumentations.opentelemetry.io"} <= {
        one["metadata"]["name"] for one in objects
    }
    text = json.dumps(objects)
    assert ("x-kubernetes-validations" in text) == ("1.20" not in arguments)


def test_crds_wrong_versions():
    for version in ("x", "1", ""):
        refused(run("crds", f"--server-version={version}"), 64, "--server-version")
    refused(run("crds", "--server-version", "cluster", "--kubeconfig", "/nonexistent"), 3, "/nonexistent")


def test_version():
    done = succeeded(run("version"))
    assert re.fullmatch(r"swiftlet \d+\.\d+\.\d+ \(compatible with opentelemetry-operator \d+\.\d+\.\d+\)\n", done.stdout.decode())
    assert succeeded(run("--version")).stdout.decode().strip() in done.stdout.decode()


def test_help():
    text = succeeded(run("--help")).stdout.decode()
    for command in ("operator", "render", "inject", "crds", "version"):
        assert command in text
        assert succeeded(run(command, "--help")).stdout
    assert "Exit codes" in run("render", "--help").stdout.decode()


def test_unknown_flags_and_commands():
    refused(run("render", "-f", "-", "--namespce", "x"), 64, "--namespce", "--namespace")
    refused(run("operator", "--webhok-port", "1"), 2, "--webhok-port", "--webhook-port")
    refused(run("rendr"), 64, "rendr")


# operator: every mistake is one clear line, soon


def operate(*arguments, env=None, seconds=20):
    """Runs the operator, which must give up by itself."""
    start = time.monotonic()
    try:
        done = run("operator", *arguments, env=env, timeout=seconds)
    except subprocess.TimeoutExpired as late:
        pytest.fail(f"still running after {seconds} s: {(late.stderr or b'').decode()[-1500:]}")
    assert time.monotonic() - start < seconds
    return done


def complaints(done):
    """What was said at the end: messages of error lines and what else there is."""
    assert calm(done).returncode != 0
    lines = []
    for line in errors(done).splitlines():
        if not line.startswith("{"):
            lines.append(line)
            continue
        entry = json.loads(line)
        if entry["level"] == "ERROR":
            lines.append(line)
    return lines


def kubeconfig(tmp_path, server="https://127.0.0.1:1", **user):
    file = tmp_path / "kubeconfig"
    file.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": server, "insecure-skip-tls-verify": True}}],
                "users": [{"name": "u", "user": user}],
            }
        )
    )
    return file


def test_operator_unreachable_server(tmp_path):
    """It waits for the API server, alive and not ready, says so, and can be stopped meanwhile."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "operator.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [
                BINARY, "operator", "--kubeconfig", kubeconfig(tmp_path), "--metrics-addr=0",
                f"--health-probe-addr=127.0.0.1:{port}",
            ],
            stderr=file,
        )
    try:

        def waits():
            lines = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
            return [line for line in lines if line["message"] == "waiting for the API server"]

        end = time.monotonic() + 20
        while not waits() and time.monotonic() < end:
            time.sleep(0.1)
        assert process.poll() is None and "127.0.0.1:1" in waits()[0]["error"], log.read_text()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            assert answer.status == 200
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5)
        process.terminate()
        assert process.wait(timeout=10) == 0, log.read_text()
    finally:
        process.kill()


@pytest.mark.parametrize("text", ["", "nonsense", "{", "apiVersion: v1\nkind: Config\n", "a: b\n c: d\n", "\x00\x01"])
def test_operator_bad_kubeconfig(tmp_path, text):
    file = tmp_path / "broken-kubeconfig"
    file.write_text(text)
    for done in (operate("--kubeconfig", file), operate(env={"KUBECONFIG": str(file)})):
        lines = complaints(done)
        assert any("broken-kubeconfig" in line or "context" in line for line in lines), lines
        assert len(lines) <= 2, lines


def test_operator_missing_kubeconfig():
    lines = complaints(operate("--kubeconfig", "/nonexistent/config"))
    assert any("/nonexistent/config" in line for line in lines) and len(lines) <= 2, lines
    lines = complaints(operate())
    assert any("kubeconfig" in line.lower() for line in lines) and len(lines) <= 2, lines


def test_operator_unknown_context(tmp_path):
    lines = complaints(operate("--kubeconfig", kubeconfig(tmp_path), "--context", "absent"))
    assert any("absent" in line for line in lines) and len(lines) <= 2, lines


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--webhook-port", "0"], ["--webhook-port", "65535"]),
        (["--webhook-port", "x"], ["--webhook-port", "65535"]),
        (["--webhook-url", "http://a"], ["--webhook-url", "https://"]),
        (["--labels-filter", "("], ["--labels-filter"]),
        (["--feature-gates", "nonsense"], ["--feature-gates"]),
        (["--max-concurrent-reconciles", "0"], ["--max-concurrent-reconciles"]),
        (["--leader-election-lease-duration", "1"], ["--leader-election-lease-duration"]),
        (["--leader-election-lease-duration", "x"], ["--leader-election-lease-duration"]),
    ],
)
def test_operator_wrong_flags(arguments, words):
    refused(operate(*arguments), 2, *words)


LIVE = os.environ.get("SWIFTLET_TEST_KUBECONFIG", "")
live = pytest.mark.skipif(not LIVE, reason="SWIFTLET_TEST_KUBECONFIG names no API server")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ports(**taken):
    """Flags that put every listener at a free port of loopback."""
    return [
        "--metrics-addr",
        f"127.0.0.1:{taken.get('metrics') or free_port()}",
        "--health-probe-addr",
        f"127.0.0.1:{taken.get('health') or free_port()}",
        "--webhook-port",
        str(taken.get("webhook") or free_port()),
        "--webhook-host",
        "127.0.0.1",
        "--enable-webhooks=" + ("true" if taken.get("webhook") else "false"),
        "--ignore-missing-collector-crds",
        "--enable-leader-election=false",
    ]


@live
@pytest.mark.parametrize("which", ["metrics", "health", "webhook"])
def test_operator_port_in_use(which):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        # Confined to a namespace that does not exist, so that it touches nothing of others in this cluster.
        done = operate("--kubeconfig", LIVE, "--watch-namespace", "swiftlet-nowhere", *ports(**{which: port}))
    lines = complaints(done)
    assert any(str(port) in line for line in lines), lines
    assert len(lines) <= 3, lines


@live
@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:99999", ":x", "300.0.0.1:80"])
def test_operator_wrong_address(address):
    arguments = [*ports(), "--health-probe-addr", address]
    lines = complaints(operate("--kubeconfig", LIVE, "--watch-namespace", "swiftlet-nowhere", *arguments))
    assert any(address in line for line in lines) and len(lines) <= 3, lines


@live
def test_operator_leader_election_without_namespace():
    arguments = [*ports()[:-1], "--enable-leader-election"]
    lines = complaints(operate("--kubeconfig", LIVE, "--watch-namespace", "swiftlet-nowhere", *arguments))
    assert any("--namespace" in line for line in lines) and len(lines) <= 2, lines


@live
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_operator_stops_when_told(number):
    process = subprocess.Popen(
        [BINARY, "operator", "--kubeconfig", LIVE, "--watch-namespace", "swiftlet-nowhere", *ports()],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"]},
    )
    try:
        first = json.loads(process.stderr.readline())
        assert first["message"] == "Starting the OpenTelemetry Operator" and first["level"] == "INFO"
        time.sleep(1)
        assert process.poll() is None, process.stderr.read().decode()
        process.send_signal(number)
        rest = process.stderr.read().decode()
        assert process.wait(timeout=20) == 0, rest
        assert json.loads(rest.splitlines()[-1])["message"] == "stopped"
    finally:
        process.kill()
        process.wait()


@live
def test_operator_stops_while_it_starts():
    """A signal that comes before the first lists are complete: nothing is waited for that can't come any more."""
    for hundredths in range(4, 36, 2):
        webhook = free_port()
        process = subprocess.Popen(
            [BINARY, "operator", "--kubeconfig", LIVE, "--webhook-url", f"https://127.0.0.1:{webhook}",
             *ports(webhook=webhook), "--metrics-secure=false"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"]},
        )
        try:
            time.sleep(hundredths / 100)
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=10)
        finally:
            process.kill()
            process.wait()
