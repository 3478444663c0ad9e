"""The target allocator as the operator runs it: ServiceMonitors and static targets that real collectors scrape, mutual TLS,
a TargetAllocator of its own. The collectors' `prometheus` receiver is hack/workloads.d/otelcol/prometheus.go."""

import base64
import json
import re
import ssl
import subprocess
import textwrap
import urllib.error
import urllib.request

import pytest
import yaml
from conftest import IMAGES, ROOT, get, kubectl, wait

# name, kind, version
DEFINITIONS = [
    ("servicemonitors", "ServiceMonitor", "v1"), ("podmonitors", "PodMonitor", "v1"), ("probes", "Probe", "v1"),
    ("scrapeconfigs", "ScrapeConfig", "v1alpha1"),
]
PASSWORD = "hidden-from-strangers"
# Serves one metric; with a name and a password only to who knows them.
EXPORTER = """
import base64, http.server, os, signal, sys
wanted = os.environ.get("PASSWORD")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = not wanted or self.headers.get("Authorization") == "Basic " + base64.b64encode(("scraper:" + wanted).encode()).decode()
        body = b"exporter_answers 42\\n" if known else b""
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.ThreadingHTTPServer(("", 9090), Handler).serve_forever()
"""
MONITOR = """
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: exporter}
spec:
  selector: {matchLabels: {app: exporter}}
  endpoints: [{port: metrics, interval: 1s}]
"""
# What both sides need, so that a test does not wait for half minutes.
RECEIVER = """
    receivers:
      prometheus:
        config: {scrape_configs: []}
        target_allocator: {http_sd_config: {refresh_interval: 2s}}
    exporters: {debug: {verbosity: detailed}}
    service: {pipelines: {metrics: {receivers: [prometheus], exporters: [debug]}}}
"""


def collector(name, allocator, replicas=1):
    return f"""
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {{name: {name}}}
spec:
  mode: statefulset
  replicas: {replicas}
  targetAllocator:
    enabled: true
    collectorTargetReloadInterval: 2s
    prometheusCR: {{enabled: true, serviceMonitorSelector: {{}}}}
{textwrap.indent(textwrap.dedent(allocator), "    ")}
  config:
{RECEIVER}"""


@pytest.fixture(scope="module", autouse=True)
def definitions(operator):
    """The kinds of the Prometheus operator, which this cluster lacks; nothing of them is validated."""
    names = [f"{plural}.monitoring.coreos.com" for plural, _, _ in DEFINITIONS]
    for plural, kind, version in DEFINITIONS:
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        kubectl("apply", "-f", "-", text=json.dumps({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.monitoring.coreos.com"},
            "spec": {
                "group": "monitoring.coreos.com", "scope": "Namespaced",
                "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": plural[:-1]},
                "versions": [{"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
            },
        }))
    kubectl("wait", "--for=condition=Established", "--timeout=30s", *[f"crd/{name}" for name in names])
    yield
    kubectl("delete", "crd", "--ignore-not-found", "--wait=false", *names)


@pytest.fixture
def exporters(namespace):
    """Starts pods with metrics behind a Service."""

    def start(replicas, password=None):
        env = [{"name": "PASSWORD", "value": password}] if password else []
        container = {
            "name": "exporter", "image": IMAGES["app"], "command": ["python3", "-c", EXPORTER], "env": env,
            "ports": [{"name": "metrics", "containerPort": 9090}],
            "readinessProbe": {"tcpSocket": {"port": 9090}, "periodSeconds": 1},
        }
        namespace.apply(json.dumps({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "exporter"},
            "spec": {
                "replicas": replicas, "selector": {"matchLabels": {"app": "exporter"}},
                "template": {
                    "metadata": {"labels": {"app": "exporter"}},
                    "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
                },
            },
        }))
        namespace.apply(json.dumps({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "exporter", "labels": {"app": "exporter"}},
            "spec": {"selector": {"app": "exporter"}, "ports": [{"name": "metrics", "port": 9090}]},
        }))
        namespace.ready("deployment", "exporter")
        return pods(namespace)

    return start


def pods(namespace):
    """Names of the exporters that are there to stay."""
    return {
        pod["metadata"]["name"] for pod in namespace.get("pods", selector="app=exporter")
        if "deletionTimestamp" not in pod["metadata"]
    }


@pytest.fixture
def rights(namespace):
    """Gives an allocator the rights that the documentation lists."""
    page = (ROOT / "docs/target-allocator-resource.md").read_text()
    text = next(block for block in re.findall(r"```yaml\n(.*?)```", page, re.S) if "kind: ClusterRole" in block)
    role, binding = yaml.safe_load_all(text)
    made = []

    def give(name):
        unique = f"{namespace.name}-{name}"
        role["metadata"]["name"] = binding["metadata"]["name"] = binding["roleRef"]["name"] = unique
        binding["subjects"][0].update(name=f"{name}-targetallocator", namespace=namespace.name)
        kubectl("apply", "-f", "-", text=yaml.safe_dump_all([role, binding]))
        made.append(unique)

    yield give
    for name in made:
        kubectl("delete", "clusterrole,clusterrolebinding", name, "--ignore-not-found")


def scraped(namespace, pod, seconds=4):
    """What a collector wrote lately: the pods it has `exporter_answers` of, with their jobs."""
    text = kubectl("logs", f"pod/{pod}", f"--since={seconds}s", namespace=namespace.name).stdout
    found = {}
    for resource in text.split("ResourceMetrics #")[1:]:
        job = re.search(r"service\.name: Str\((.*?)\)", resource)
        for metric in resource.split("Metric #")[1:]:
            of = re.search(r"-> pod: Str\((.*?)\)", metric)
            if re.search(r"Name: exporter_answers$", metric, re.M) and re.search(r"^Value: 42\.0", metric, re.M):
                found[of.group(1) if of else ""] = job.group(1) if job else ""
    return found


def allocator_pod(namespace, name):
    return namespace.pod(
        f"app.kubernetes.io/component=opentelemetry-targetallocator,app.kubernetes.io/name={name}-targetallocator"
    )


def restarts(namespace, pod):
    return sum(status["restartCount"] for status in namespace.get("pod", pod)["status"]["containerStatuses"])


def test_service_monitor(namespace, exporters, rights):
    """Two collectors share what a ServiceMonitor finds; no target is scraped twice, and one that goes is left alone."""
    rights("metrics")
    names = exporters(6)
    namespace.apply(MONITOR)
    namespace.apply(collector("metrics", "allocationStrategy: least-weighted", replicas=2))
    namespace.ready("statefulset", "metrics-collector")
    pod = allocator_pod(namespace, "metrics")
    container = pod["spec"]["containers"][0]
    assert container["image"] == IMAGES["swiftlet"], "the operator's own image"
    assert "/conf" in [mount["mountPath"] for mount in container["volumeMounts"]]
    configuration = namespace.get("configmap", "metrics-targetallocator")["data"]["targetallocator.yaml"]
    assert yaml.safe_load(configuration)["prometheus_cr"]["enabled"] is True

    def shares():
        return [scraped(namespace, f"metrics-collector-{number}") for number in range(2)]

    def spread(wanted):
        first, second = shares()
        return first and second and not set(first) & set(second) and set(first) | set(second) == wanted and (first, second)

    first, second = wait("each exporter is scraped by one of the collectors", lambda: spread(names), 90)
    assert (len(first), len(second)) == (3, 3)
    assert set(first.values()) | set(second.values()) == {"exporter"}, "the job is the Service's name"

    kubectl("scale", "deployment/exporter", "--replicas=4", namespace=namespace.name)
    left = wait("two exporters are gone", lambda: (found := pods(namespace)) and len(found) == 4 and found, 30)
    wait("what is gone is scraped no more, the others are", lambda: spread(left), 60)
    assert left < names


def test_mutual_tls(namespace, exporters, rights, tmp_path):
    """The operator's own certificates: only who has one is told passwords, and a renewal interrupts nothing."""
    rights("secure")
    names = exporters(1, PASSWORD)
    namespace.apply(f"""
apiVersion: v1
kind: Secret
metadata: {{name: login}}
stringData: {{user: scraper, password: {PASSWORD}}}
""")
    monitor = yaml.safe_load(MONITOR)
    monitor["spec"]["endpoints"][0]["basicAuth"] = {
        "username": {"name": "login", "key": "user"}, "password": {"name": "login", "key": "password"},
    }
    namespace.apply(yaml.safe_dump(monitor))
    namespace.apply(collector("secure", "mtls: {enabled: true}"))
    namespace.ready("statefulset", "secure-collector")
    wait("the exporter lets the collector in", lambda: set(scraped(namespace, "secure-collector-0")) == names, 90)

    secrets = {name: f"secure-{name}" for name in ("ca-cert", "ta-server-cert", "ta-client-cert")}
    for name in secrets.values():
        assert namespace.get("secret", name)["metadata"]["ownerReferences"][0]["kind"] == "TargetAllocator"
    pod = allocator_pod(namespace, "secure")
    address = pod["status"]["podIP"]
    ports = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}

    def unpack(secret):
        folder = tmp_path / secret
        folder.mkdir(exist_ok=True)
        for key, value in namespace.get("secret", secret)["data"].items():
            (folder / key).write_bytes(base64.b64decode(value))
        return folder

    def scrape_configs(certificate=None):
        context = ssl.create_default_context(cafile=str(unpack(secrets["ta-server-cert"]) / "ca.crt"))
        context.check_hostname = False
        if certificate:
            context.load_cert_chain(certificate / "tls.crt", certificate / "tls.key")
        url = f"https://{address}:{ports['https']}/scrape_configs"
        return urllib.request.urlopen(url, context=context, timeout=10).read().decode()

    with urllib.request.urlopen(f"http://{address}:{ports['http']}/scrape_configs", timeout=10) as answer:
        plain = answer.read().decode()
    assert "basic_auth" in plain and PASSWORD not in plain
    with pytest.raises(OSError):
        scrape_configs()
    assert PASSWORD in scrape_configs(unpack(secrets["ta-client-cert"]))
    for one in (pod["metadata"]["name"], "secure-collector-0"):
        assert PASSWORD not in namespace.logs(f"pod/{one}")

    # Certificates that end tomorrow, signed by the same authority, in place of those of 90 days.
    authority = unpack(secrets["ca-cert"])
    for name in ("ta-server-cert", "ta-client-cert"):
        data = shortened(authority, unpack(secrets[name]))
        kubectl("patch", "secret", secrets[name], "--type=merge", "-p", json.dumps({"data": {"tls.crt": data}}),
                namespace=namespace.name)
    before = {name: namespace.get("secret", secrets[name])["data"]["tls.crt"] for name in ("ta-server-cert", "ta-client-cert")}
    # The operator looks every five minutes, and when an object of the allocator changes. (Annotations of the resource itself
    # are its pods' annotations, too, and would make new ones.)
    kubectl("annotate", "service", "secure-targetallocator", "look=now", namespace=namespace.name)
    wait("both certificates are renewed", lambda: all(
        namespace.get("secret", secrets[name])["data"]["tls.crt"] != old for name, old in before.items()), 30)
    wanted = (unpack(secrets["ta-server-cert"]) / "tls.crt").read_text()
    assert days_left(unpack(secrets["ta-server-cert"]) / "tls.crt") > 60

    def served():
        """The kubelet brings it to the pod, which then reads it."""
        shown = ssl.PEM_cert_to_DER_cert(shown_certificate(address, ports["https"], unpack(secrets["ta-client-cert"])))
        return shown == ssl.PEM_cert_to_DER_cert(wanted[: wanted.index("-----END CERTIFICATE-----") + 26].strip())

    wait("the allocator shows the renewed certificate", served, 180)
    # What is new now must have come over a new connection.
    kubectl("scale", "deployment/exporter", "--replicas=2", namespace=namespace.name)
    names = wait("a second exporter", lambda: (found := pods(namespace)) and len(found) == 2 and found, 30)
    wait("both exporters are scraped", lambda: set(scraped(namespace, "secure-collector-0")) == names, 90)
    assert restarts(namespace, "secure-collector-0") == 0 and restarts(namespace, pod["metadata"]["name"]) == 0
    assert allocator_pod(namespace, "secure")["metadata"]["uid"] == pod["metadata"]["uid"], "it is still the same pod"
    assert PASSWORD in scrape_configs(unpack(secrets["ta-client-cert"]))


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True).stdout


def shortened(authority, folder):
    """A certificate for the same key and names that ends tomorrow, in base64."""
    names = openssl("x509", "-in", f"{folder}/tls.crt", "-noout", "-ext", "subjectAltName,extendedKeyUsage")
    lines = [line.strip() for line in names.splitlines()]
    extensions = []
    for title, value in zip(lines[::2], lines[1::2]):
        if "Alternative" in title:
            extensions.append("subjectAltName=" + value.replace("IP Address", "IP"))
        else:
            extensions.append("extendedKeyUsage=" + ",".join(
                {"TLS Web Server Authentication": "serverAuth", "TLS Web Client Authentication": "clientAuth"}[part.strip()]
                for part in value.split(",")
            ))
    (folder / "extensions").write_text("\n".join(extensions) + "\n")
    openssl("req", "-new", "-key", f"{folder}/tls.key", "-subj", "/CN=short", "-out", f"{folder}/short.csr")
    openssl("x509", "-req", "-in", f"{folder}/short.csr", "-CA", f"{authority}/tls.crt", "-CAkey", f"{authority}/tls.key",
            "-set_serial", "4711", "-days", "1", "-extfile", f"{folder}/extensions", "-out", f"{folder}/short.crt")
    return base64.b64encode((folder / "short.crt").read_bytes()).decode()


def days_left(certificate):
    for days in range(0, 400, 10):
        if subprocess.run(["openssl", "x509", "-in", str(certificate), "-noout", "-checkend", str(days * 86400)],
                          check=False, capture_output=True).returncode != 0:
            return days - 10
    return 400


def shown_certificate(address, port, client):
    shown = subprocess.run(
        ["openssl", "s_client", "-connect", f"{address}:{port}", "-cert", f"{client}/tls.crt", "-key", f"{client}/tls.key"],
        input="", capture_output=True, text=True, timeout=20, check=False,
    ).stdout
    return re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", shown, re.S).group(0)


def test_resource_of_its_own(namespace, exporters, rights):
    """A TargetAllocator that a collector points to; both go, and nothing stays."""
    rights("shared")
    exporters(1)
    namespace.apply(f"""
apiVersion: opentelemetry.io/v1alpha1
kind: TargetAllocator
metadata: {{name: shared}}
spec:
  scrapeConfigs:
  - job_name: by-hand
    scrape_interval: 1s
    static_configs: [{{targets: ["exporter.{namespace.name}.svc:9090"]}}]
""")
    namespace.ready("deployment", "shared-targetallocator")
    namespace.apply(f"""
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {{name: pointing, labels: {{opentelemetry.io/target-allocator: shared}}}}
spec:
  mode: statefulset
  config:
{RECEIVER}""")
    namespace.ready("statefulset", "pointing-collector")
    wait("what the resource lists is scraped", lambda: "by-hand" in scraped(namespace, "pointing-collector-0").values(), 90)
    assert namespace.get("targetallocator", "shared")["status"]["conditions"], "its state is told"

    kubectl("delete", "targetallocator", "shared", "--wait=false", namespace=namespace.name)
    kubectl("delete", "otelcol", "pointing", "--wait=false", namespace=namespace.name)
    kinds = "deployments,statefulsets,services,configmaps,serviceaccounts,poddisruptionbudgets,secrets,networkpolicies"
    wait("nothing of both is left", lambda: not get(
        kinds, namespace=namespace.name, selector="app.kubernetes.io/managed-by=opentelemetry-operator"), 90)
