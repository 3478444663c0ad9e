"""What real Python applications send once they are instrumented, as one real collector prints it: the settings of an
Instrumentation and the kinds of owners, each seen in telemetry that arrived. All applications start at once."""

import importlib.machinery
import importlib.util
import json
import pathlib
import re
import subprocess

import pytest

from conftest import IMAGES, ROOT, kubectl, wait
from test_collector import CONFIG

RECEIVED = [
    {"name": "OTEL_BSP_SCHEDULE_DELAY", "value": "500"},
    {"name": "OTEL_BLRP_SCHEDULE_DELAY", "value": "500"},
    {"name": "OTEL_METRIC_EXPORT_INTERVAL", "value": "2000"},
    {"name": "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED", "value": "true"},
]
OPEN, CLOSED = "http://sink-collector:4318", "https://sink-collector:4319"
SIGNALS = {"span", "metric", "log record"}

# One endpoint that takes everything, and one that talks only to who shows a certificate of this authority.
SINK = """
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: sink}
spec:
  volumes: [{name: certificates, secret: {secretName: server}}]
  volumeMounts: [{name: certificates, mountPath: /certificates}]
  config:
    receivers:
      otlp: {protocols: {http: {}}}
      otlp/closed:
        protocols:
          http:
            endpoint: 0.0.0.0:4319
            tls:
              cert_file: /certificates/tls.crt
              key_file: /certificates/tls.key
              client_ca_file: /certificates/ca.crt
    exporters:
      debug: {verbosity: detailed}
    service:
      pipelines:
        traces: {receivers: [otlp, otlp/closed], exporters: [debug]}
        metrics: {receivers: [otlp, otlp/closed], exporters: [debug]}
        logs: {receivers: [otlp, otlp/closed], exporters: [debug]}
"""

# A collector in the application's own pod.
SIDECAR = """
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: beside}
spec:
  mode: sidecar
""" + CONFIG

# Prints the headers of each request: what a service further down the line sees.
ECHO = """
import http.server, json
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        print(json.dumps({"path": self.path, **{k.lower(): v for k, v in self.headers.items()}}), flush=True)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"ok": true}')
    def log_message(self, *arguments):
        pass
http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""

# What a job does: asks, says so, and ends. The other side may not be there yet.
ONCE = """
import logging, time, requests
logging.getLogger().addHandler(logging.StreamHandler())
for attempt in range(120):
    try:
        requests.get("http://echo:8080/once", timeout=2)
        break
    except requests.RequestException:
        time.sleep(0.5)
logging.getLogger("once").warning("asked")
"""


def instrumentation(name, endpoint, **more):
    spec = {"exporter": {"endpoint": endpoint, **more.pop("exporter", {})}, "env": RECEIVED, **more}
    return {"apiVersion": "opentelemetry.io/v1alpha1", "kind": "Instrumentation", "metadata": {"name": name}, "spec": spec}


def container(name="app", port=8080, **more):
    probe = {"httpGet": {"path": "/", "port": port}, "periodSeconds": 2}
    variables = [{"name": "PORT", "value": str(port)}, *more.pop("env", [])]
    return {
        "name": name,
        "image": IMAGES["app"],
        "imagePullPolicy": "IfNotPresent",
        "env": variables,
        **({} if "command" in more else {"readinessProbe": probe}),
        **more,
    }


def template(name, with_instrumentation, *containers, labels=(), **spec):
    annotations = {"instrumentation.opentelemetry.io/inject-python": with_instrumentation} if with_instrumentation else {}
    if len(containers) > 1:
        annotations["instrumentation.opentelemetry.io/container-names"] = ",".join(c["name"] for c in containers)
    return {
        "metadata": {"labels": {"app": name, **dict(labels)}, "annotations": annotations},
        "spec": {"containers": list(containers), "terminationGracePeriodSeconds": 1, **spec},
    }


def workload(kind, name, pod, **spec):
    spec = {"selector": {"matchLabels": {"app": name}}, "template": pod, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def once(name, with_instrumentation, owner=None, **environment):
    variables = [{"name": key, "value": value} for key, value in environment.items()]
    one = container(command=["python3", "-c", ONCE], env=variables)
    pod = template(name, with_instrumentation, one, restartPolicy="Never")
    metadata = {"name": name, **({"ownerReferences": [owner]} if owner else {})}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"backoffLimit": 0, "template": pod}}


def carried(pod):
    """A pod that wants its collector beside it."""
    pod["metadata"]["annotations"]["sidecar.opentelemetry.io/inject"] = "beside"
    return {"apiVersion": "v1", "kind": "Pod", **pod, "metadata": {"name": pod["metadata"]["labels"]["app"], **pod["metadata"]}}


INSTRUMENTATIONS = [
    instrumentation(
        "mutual",
        CLOSED,
        exporter={
            "tls": {
                "secretName": "client",
                "configMapName": "authority",
                "ca_file": "ca.crt",
                "cert_file": "tls.crt",
                "key_file": "tls.key",
            }
        },
        resource={"addK8sUIDAttributes": True, "resourceAttributes": {"environment": "e2e"}},
    ),
    instrumentation("one-sided", CLOSED, exporter={"tls": {"configMapName": "authority", "ca_file": "ca.crt"}}),
    instrumentation("silent", OPEN, sampler={"type": "always_off"}),
    instrumentation("labelled", OPEN, propagators=["b3"], defaults={"useLabelsForResourceAttributes": True}),
    instrumentation("plain", OPEN),
    instrumentation("beside", "http://localhost:4318"),
]

OBJECTS = [
    workload("Deployment", "shop", template("shop", "mutual", container())),
    once("stranger", "one-sided", OTEL_EXPORTER_OTLP_TIMEOUT="3"),
    workload("DaemonSet", "quiet", template("quiet", "silent", container())),
    workload(
        "Deployment",
        "tagged",
        template(
            "tagged",
            "labelled",
            container(env=[{"name": "LEAF_URL", "value": "http://echo:8080/tagged"}]),
            labels={"app.kubernetes.io/name": "storefront", "app.kubernetes.io/version": "7.8"},
        ),
    ),
    workload(
        "StatefulSet",
        "keeper",
        template("keeper", "plain", container("one"), container("two", port=8081)),
        serviceName="keeper",
    ),
    once("import", "plain"),
    carried(template("carried", "beside", container())),
]

ECHO_OBJECTS = [
    {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "echo", "labels": {"app": "echo"}},
     "spec": template("echo", None, container(command=["python3", "-c", ECHO]))["spec"]},
    {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "echo"},
     "spec": {"selector": {"app": "echo"}, "ports": [{"port": 8080}]}},
]


def certificates(folder):
    """An authority with a certificate for the collector and one for the applications."""
    folder.joinpath("names").write_text("subjectAltName=DNS:sink-collector\n")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=authority")
    for name, extra in (("server", ["-extfile", "names"]), ("client", [])):
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", f"{name}.crt", "-days", "2", *extra,
        )
    authority = folder.joinpath("ca.crt").read_text()

    def secret(name, **more):
        data = {"tls.crt": folder.joinpath(f"{name}.crt").read_text(), "tls.key": folder.joinpath(f"{name}.key").read_text()}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data | more}

    yield secret("server", **{"ca.crt": authority})
    yield secret("client")
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "authority"}, "data": {"ca.crt": authority}}


@pytest.fixture(scope="module")
def applications(shared_namespace, tmp_path_factory):
    def apply(*objects):
        shared_namespace.apply("\n---\n".join(json.dumps(one) for one in objects))

    apply(*certificates(tmp_path_factory.mktemp("certificates")), *ECHO_OBJECTS)
    shared_namespace.apply(f"{SINK}\n---\n{SIDECAR}")
    apply(*INSTRUMENTATIONS)
    # Suspended, and its job made here as its controller makes it: a schedule would take up to a minute.
    served = kubectl("get", "--raw", "/apis/batch/v1").stdout
    cron = {"kind": "CronJob", "metadata": {"name": "nightly"}}
    cron["apiVersion"] = "batch/v1" if '"cronjobs"' in served else "batch/v1beta1"
    cron["spec"] = {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": once("nightly", "plain")["spec"]}}
    apply(cron)
    found = shared_namespace.get("cronjob", "nightly")
    owner = {key: found["metadata"][key] for key in ("name", "uid")}
    owner |= {"apiVersion": cron["apiVersion"], "kind": "CronJob", "controller": True}
    shared_namespace.ready("deployment", "sink-collector")
    shared_namespace.pod("app=echo")
    apply(*OBJECTS, once("nightly-1", "plain", owner))
    return shared_namespace


def show_telemetry():
    """hack/demo.d/show-telemetry as a module: it knows how the collector prints what it got."""
    path = str(pathlib.Path(ROOT) / "hack/demo.d/show-telemetry")
    loader = importlib.machinery.SourceFileLoader("show_telemetry", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("show_telemetry", loader))
    loader.exec_module(module)
    return module


RECORDS = show_telemetry().records


def arrived(namespace, of="deployment/sink-collector", container=None, **resource):
    """What a collector has printed so far and has these resource attributes (`__` for a dot)."""
    wanted = {key.replace("__", "."): value for key, value in resource.items()}
    log = namespace.logs(of, container, tail=-1)
    return [
        (signal, has, fields)
        for signal, has, fields in RECORDS(log.splitlines())
        if all(has.get(key) == value for key, value in wanted.items())
    ]


def wait_for(namespace, signals=SIGNALS, **resource):
    """Waits until each of the signals came with these attributes; all that did."""

    def test():
        found = arrived(namespace, **resource)
        missing = set(signals) - {signal for signal, _, _ in found}
        assert not missing, f"no {missing} with {resource}"
        return found

    return wait(f"{', '.join(sorted(signals))} of {resource} in the collector", test, 120)


def one(values):
    """The one value that all of them are."""
    values = set(values)
    assert len(values) == 1, values
    return values.pop()


def test_mutual_tls_and_uids(applications):
    found = wait_for(applications, service__name="shop")
    pod = applications.pod("app=shop")
    replicas = applications.get("replicasets", selector="app=shop")[0]
    deployment = applications.get("deployment", "shop")
    for key, value in {
        "environment": "e2e",
        "k8s.container.name": "app",
        "k8s.deployment.name": "shop",
        "k8s.deployment.uid": deployment["metadata"]["uid"],
        "k8s.namespace.name": applications.name,
        "k8s.node.name": pod["spec"]["nodeName"],
        "k8s.pod.name": pod["metadata"]["name"],
        "k8s.pod.uid": pod["metadata"]["uid"],
        "k8s.replicaset.name": replicas["metadata"]["name"],
        "k8s.replicaset.uid": replicas["metadata"]["uid"],
        "service.instance.id": f"{applications.name}.{pod['metadata']['name']}.app",
        "service.namespace": applications.name,
        "service.version": "1",
    }.items():
        assert one(has.get(key) for _, has, _ in found) == value, key


def test_who_shows_no_certificate_is_turned_away(applications):
    """So what arrived in the test above did so because the client's certificate was mounted and named."""
    wait("the job has ended", lambda: applications.get("job", "stranger")["status"].get("succeeded"), 120)
    assert re.search("(?i)alert.certificate.required", applications.logs("job/stranger"))
    assert arrived(applications, service__name="stranger") == []


def test_always_off_gives_metrics_and_logs_but_no_spans(applications):
    def measured():
        found = arrived(applications, service__name="quiet", k8s__daemonset__name="quiet")
        return len([1 for signal, _, fields in found if signal == "metric" and "http.server" in fields.get("Name", "")]) > 2

    wait_for(applications, signals={"metric", "log record"}, service__name="quiet")
    # A span of a request leaves within half a second, its measurement in two.
    wait("measurements of requests", measured, 60)
    assert [has for signal, has, _ in arrived(applications, service__name="quiet") if signal == "span"] == []


def test_propagators_reach_the_next_service(applications):
    def test():
        lines = [json.loads(line) for line in applications.logs("pod/echo").splitlines() if line.startswith("{")]
        return [line for line in lines if line["path"] == "/tagged" and "b3" in line]

    headers = wait("a request with the header b3", test, 120)[0]
    assert "traceparent" not in headers
    trace = re.fullmatch(r"([0-9a-f]{32})-[0-9a-f]{16}-1(-[0-9a-f]{16})?", headers["b3"]).group(1)

    def same_trace():
        return [has for signal, has, fields in arrived(applications) if signal == "span" and fields.get("Trace ID") == trace]

    assert one(has["service.name"] for has in wait("spans of that trace", same_trace)) == "storefront"


def test_labels_name_service_and_version(applications):
    found = wait_for(applications, k8s__deployment__name="tagged")
    assert one(has["service.name"] for _, has, _ in found) == "storefront"
    assert one(has["service.version"] for _, has, _ in found) == "7.8"


@pytest.mark.parametrize("name", ["one", "two"])
def test_both_containers_of_a_stateful_set(applications, name):
    found = wait_for(applications, k8s__statefulset__name="keeper", k8s__container__name=name)
    assert one(has["service.name"] for _, has, _ in found) == "keeper"
    assert one(has["service.instance.id"] for _, has, _ in found) == f"{applications.name}.keeper-0.{name}"


def test_sidecar_gets_what_its_own_pod_sends(applications):
    found = wait_for(applications, of="pod/carried", container="otc-container", service__name="carried")
    assert one(has["k8s.pod.name"] for _, has, _ in found) == "carried"
    assert one(has["k8s.container.name"] for _, has, _ in found) == "app"
    assert arrived(applications, service__name="carried") == [], "and nobody else does"


def test_job(applications):
    found = wait_for(applications, k8s__job__name="import")
    assert one(has["service.name"] for _, has, _ in found) == "import"
    assert not any("k8s.cronjob.name" in has for _, has, _ in found)


def test_job_of_a_cron_job(applications):
    found = wait_for(applications, k8s__job__name="nightly-1")
    assert one(has["service.name"] for _, has, _ in found) == "nightly"
    assert one(has["k8s.cronjob.name"] for _, has, _ in found) == "nightly"
