"""Target discovery beside a real Prometheus: both look at the same files, HTTP endpoint and DNS, and what they find is
compared label by label. So it is for the API server where Prometheus is built with kubernetes_sd; Debian's is not, and there
(as elsewhere) a plain model of it is the judge. The objects are those of the golden tests (Tests/TargetDiscoveryTests)."""

import base64
import collections
import concurrent.futures
import copy
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request
import uuid

import pytest
import yaml

from discovery_model import Cluster
from plane import BINARY, KUBECONFIG, LOGS, MISSING, Server, eventually, free_port

PROMETHEUS = shutil.which("prometheus")
FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "TargetDiscoveryTests" / "Fixtures"
ROLES = ["node", "pod", "service", "endpoints", "endpointslice", "ingress"]
DNSMASQ = shutil.which("dnsmasq", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)
needs_prometheus = pytest.mark.skipif(not PROMETHEUS, reason="no prometheus to compare with")
RUN = uuid.uuid4().hex[:6]
# Prometheus gives these to every target; they belong to scraping, not to discovery.
SEEDS = {"__scheme__", "__metrics_path__", "__scrape_interval__", "__scrape_timeout__", "job"}
# Labels that came to Prometheus after Debian's 2.42, each with the version's number or change.
NEWER = re.compile(
    r"__meta_kubernetes_(node_condition_.*"
    r"|endpointslice_(name|label_.*|labelpresent_.*|annotation_.*|annotationpresent_.*"
    r"|endpoint_conditions_(serving|terminating)|endpoint_node_name|endpoint_zone)"
    r"|endpoints_annotation(present)?_.*"
    r"|namespace_(label|labelpresent|annotation|annotationpresent)_.*)"
    r"|__meta_dns_ns_record_target"
)


@pytest.fixture(scope="module", autouse=True)
def operator():
    """In place of the one that installs Swiftlet into a cluster, which these tests don't need."""


class Prometheus:
    """The real one. It drops every target, so that none is asked and none hides behind another with the same labels."""

    def __init__(self, folder, jobs, prefix=()):
        folder.mkdir(parents=True, exist_ok=True)
        jobs = copy.deepcopy(jobs)
        for job in jobs:
            job["relabel_configs"] = [{"source_labels": ["__address__"], "regex": ".*", "action": "drop"}]
            for discovery in job.get("kubernetes_sd_configs", []):
                # 2.42 does not know it yet.
                discovery.get("attach_metadata", {}).pop("namespace", None)
        config = folder / "prometheus.yaml"
        config.write_text(yaml.safe_dump({"scrape_configs": jobs}))
        self.port = free_port()
        self.log = open(folder / "prometheus.log", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [*prefix, PROMETHEUS, f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{self.port}"],
            stdout=self.log, stderr=self.log,
        )

    def targets(self):
        url = f"http://127.0.0.1:{self.port}/api/v1/targets?state=dropped"
        with urllib.request.urlopen(url, timeout=5) as answer:
            found = json.load(answer)["data"]["droppedTargets"]
        jobs = collections.defaultdict(list)
        for target in found:
            labels = target["discoveredLabels"]
            jobs[labels["job"]].append({k: v for k, v in labels.items() if k not in SEEDS})
        return jobs

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.log.close()


def command():
    """A subcommand, or a command of its own in a binary without the allocator's command."""
    words = ["target-allocator", "discover"]
    help_text = subprocess.run([BINARY, *words, "--help"], capture_output=True, text=True).stdout
    return words if "--watch" in help_text else ["discover"]


class Discovery:
    """`swiftlet target-allocator discover --watch`: its last line is what it knows now."""

    def __init__(self, folder, jobs, prefix=(), flags=()):
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "swiftlet.yaml"
        config.write_text(yaml.safe_dump({"scrape_configs": jobs}))
        self.log = open(folder / "swiftlet.log", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [*prefix, BINARY, *command(), "-f", str(config), "--watch", *flags],
            stdout=subprocess.PIPE, stderr=self.log, text=True,
        )
        self.found = None
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.found = json.loads(line)

    def targets(self):
        assert self.found is not None, f"nothing yet, exit {self.process.poll()}"
        return {job: [target["labels"] for target in targets] for job, targets in self.found.items()}

    def warnings(self):
        self.log.flush()
        return pathlib.Path(self.log.name).read_text(encoding="utf-8")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.log.close()


def canonical(targets):
    return collections.Counter(json.dumps(labels, sort_keys=True) for labels in targets)


def as_of_2_42(job, targets):
    """Ours without what Prometheus 2.42 did not have yet."""
    result = []
    backed = job.startswith("endpoints")
    for labels in targets:
        # Ports of init containers behind a service: since 3.7.
        if backed and labels.get("__meta_kubernetes_pod_container_init") == "true":
            continue
        kept = {name: value for name, value in labels.items() if not NEWER.fullmatch(name)}
        if backed:
            kept.pop("__meta_kubernetes_pod_container_init", None)
        if not job.startswith("node"):
            # Annotations of attached nodes.
            kept = {n: v for n, v in kept.items() if not re.match("__meta_kubernetes_node_annotation(present)?_", n)}
        result.append(kept)
    return result


def same(theirs, ours, jobs):
    """Asserts that both found the same, and says what differs."""
    theirs, ours = theirs.targets(), ours.targets()
    count = 0
    for job in jobs:
        expected, found = canonical(theirs.get(job, [])), canonical(as_of_2_42(job, ours.get(job, [])))
        missing, extra = expected - found, found - expected
        assert not missing and not extra, f"{job}: Prometheus alone: {list(missing)[:2]}; swiftlet alone: {list(extra)[:2]}"
        count += sum(expected.values())
    return count


# --- Kubernetes ---


class Writer:
    """Writes objects as they are, with their status."""

    PLURALS = {
        "Pod": "/api/v1/namespaces/{}/pods", "Node": "/api/v1/nodes", "Namespace": "/api/v1/namespaces",
        "Service": "/api/v1/namespaces/{}/services", "Endpoints": "/api/v1/namespaces/{}/endpoints",
        "EndpointSlice": "/apis/discovery.k8s.io/{version}/namespaces/{}/endpointslices",
        "Ingress": "/apis/networking.k8s.io/v1/namespaces/{}/ingresses",
    }

    def __init__(self, server):
        self.server = server
        code, _ = server.read("/apis/discovery.k8s.io/v1")
        self.slices = "v1" if code == 200 else "v1beta1"

    def send(self, method, path, body=None, kind="application/json"):
        request = urllib.request.Request(
            f"https://{self.server.address}{path}", method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.server.token}", "Content-Type": kind},
        )
        try:
            with urllib.request.urlopen(request, context=self.server.context, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")

    def path(self, item, name=True):
        path = self.PLURALS[item["kind"]].format(item["metadata"].get("namespace", ""), version=self.slices)
        return f"{path}/{item['metadata']['name']}" if name else path

    def create(self, item):
        """Whether the API server took it."""
        item = copy.deepcopy(item)
        status = item.pop("status", None)
        for attempt in range(100):
            code, answer = self.send("POST", self.path(item, name=False), item)
            # The namespace's service account comes a moment after the namespace.
            if code == 403 and "serviceaccount" in answer.get("message", ""):
                time.sleep(0.1)
                continue
            break
        if code == 409:
            return True
        if code not in (200, 201):
            return f"{item['kind']} {item['metadata']['name']}: {code} {answer.get('message')}"
        if status is not None and item["kind"] in ("Pod", "Node"):
            # Kubernetes' own controllers write nodes' status, too.
            for attempt in range(20):
                code, answer = self.send("PATCH", self.path(item) + "/status", {"status": status}, "application/merge-patch+json")
                if code == 200:
                    break
            assert code == 200, answer
        return True


def adapted(role, number, row, slices):
    """A case's objects under names of its own."""
    names = {"shop": f"td{RUN}-{role}-{number}", "node-a": f"td{RUN}-node-{role}-{number}"}

    def rename(value):
        if isinstance(value, dict):
            return {key: rename(item) for key, item in value.items()}
        if isinstance(value, list):
            return [rename(item) for item in value]
        return names.get(value, value) if isinstance(value, str) else value

    items = rename(row["objects"])
    for item in items:
        item["metadata"].pop("uid", None)
        # The garbage collector ends what belongs to something that does not exist, unless it does not know the kind.
        for owner in item["metadata"].get("ownerReferences", []):
            owner["apiVersion"] = "example.com/v1"
        if item["kind"] == "Service" and item["spec"].get("clusterIP") not in (None, "None"):
            del item["spec"]["clusterIP"]
        if item["kind"] == "EndpointSlice":
            item["apiVersion"] = f"discovery.k8s.io/{slices}"
            for endpoint in item["endpoints"]:
                if slices == "v1beta1":
                    zone, topology = endpoint.pop("zone", None), endpoint.pop("deprecatedTopology", None)
                    if zone or topology:
                        endpoint["topology"] = {**(topology or {}), **({"topology.kubernetes.io/zone": zone} if zone else {})}
                elif "topology" in endpoint:
                    endpoint["deprecatedTopology"] = endpoint.pop("topology")
    kinds = [item["kind"] for item in items]
    if role != "node" and "Namespace" not in kinds:
        items.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": names["shop"]}})
    if "Pod" in kinds and "Node" not in kinds:
        items.append({"apiVersion": "v1", "kind": "Node", "metadata": {"name": names["node-a"]}})
    order = ["Namespace", "Node", "Service", "Pod", "Endpoints", "EndpointSlice", "Ingress"]
    return sorted(items, key=lambda item: order.index(item["kind"]))


@pytest.fixture(scope="module")
def cluster():
    """The objects of all cases on the API server; gone afterwards."""
    server = Server()
    writer = Writer(server)
    rows = [
        adapted(role, number, row, writer.slices)
        for role in ROLES for number, row in enumerate(yaml.safe_load((FIXTURES / f"{role}.yaml").read_text()))
    ]

    def create(items):
        return [outcome for outcome in map(writer.create, items) if outcome is not True]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        refused = [text for texts in pool.map(create, rows) for text in texts]
    # Most cases are objects that the server takes; those it does not are compared with golden files alone.
    assert len(refused) <= 3, refused
    yield writer, rows
    for items in rows:
        for item in reversed(items):
            if item["kind"] in ("Namespace", "Node"):
                writer.send("DELETE", writer.path(item))


def has_kubernetes():
    """Whether Prometheus is built with kubernetes_sd."""
    if not PROMETHEUS:
        return False
    text = "scrape_configs: [{job_name: a, kubernetes_sd_configs: [{role: pod}]}]"
    promtool = pathlib.Path(PROMETHEUS).with_name("promtool")
    return subprocess.run([promtool, "check", "config", "/dev/stdin"], input=text, text=True, capture_output=True).returncode == 0


def jobs_and_models(folder):
    """Jobs, and for each what the model is asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    config = yaml.safe_load(pathlib.Path(KUBECONFIG).read_text())
    cluster = config["clusters"][0]["cluster"]
    (folder / "ca.crt").write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    (folder / "token").write_text(config["users"][0]["user"]["token"] + "\n")
    direct = {
        "kubeconfig_file": None, "api_server": cluster["server"], "tls_config": {"ca_file": str(folder / "ca.crt")},
        "authorization": {"type": "Bearer", "credentials_file": str(folder / "token")},
    }
    few = [f"td{RUN}-endpointslice-{number}" for number in (5, 7, 10)]
    both = {"attach_metadata": {"node": True, "namespace": True}}

    def is_cart(item):
        return item["metadata"].get("labels", {}).get("app") == "cart"

    rows = [
        *((role, role, {}, {}) for role in ROLES),
        *((f"{role}-attached", role, both, {"attach": ("node", "namespace")}) for role in ROLES if role != "node"),
        ("endpointslice-few", "endpointslice", {"namespaces": {"names": few}}, {"namespaces": few}),
        ("pod-selected", "pod", {"selectors": [{"role": "pod", "label": "app=cart", "field": "status.phase=Running"}]},
         {"selects": lambda kind, item: is_cart(item) and item["status"].get("phase") == "Running"}),
        ("service-selected", "service", {"selectors": [{"role": "service", "label": "app in (cart)"}]},
         {"selects": lambda kind, item: is_cart(item)}),
        ("endpoints-selected", "endpoints", {"selectors": [{"role": "pod", "label": "nothing=here"}]},
         {"selects": lambda kind, item: kind != "pod"}),
        # The cluster that the process itself has, which Prometheus takes only in a pod.
        ("service-own", "service", {"kubeconfig_file": None, "namespaces": {"own_namespace": True}}, {"namespaces": ["default"]}),
        ("service-direct", "service", direct, {}),
        # The same once more: one watch, one set of groups.
        ("pod-again", "pod", {}, {}),
    ]
    jobs = [
        {"job_name": name, "kubernetes_sd_configs": [
            {key: value for key, value in {"role": role, "kubeconfig_file": KUBECONFIG, **more}.items() if value is not None}
        ]}
        for name, role, more, _ in rows
    ]
    return jobs, {name: (role, asked) for name, role, _, asked in rows}


class Judges:
    """Compares ours with the model, and with Prometheus where it can."""

    def __init__(self, folder, writer):
        self.writer = writer
        jobs, self.models = jobs_and_models(folder)
        elsewhere = [job for job in jobs if job["job_name"] != "service-own"]
        self.theirs = Prometheus(folder, elsewhere) if has_kubernetes() else None
        self.ours = Discovery(folder, jobs, flags=["--kubeconfig", KUBECONFIG])

    def agree(self):
        cluster = Cluster(self.writer.server, self.writer.slices)
        ours, count = self.ours.targets(), 0
        for job, (role, asked) in self.models.items():
            expected, found = canonical(cluster.targets(role, **asked)), canonical(ours.get(job, []))
            missing, extra = expected - found, found - expected
            assert not missing and not extra, f"{job}: missing {list(missing)[:2]}; too much {list(extra)[:2]}"
            count += sum(expected.values())
        if self.theirs:
            same(self.theirs, self.ours, [job for job in self.models if job != "service-own"])
        return count

    def stop(self):
        self.ours.stop()
        if self.theirs:
            self.theirs.stop()


@pytest.fixture(scope="module")
def kubernetes(cluster):
    writer, rows = cluster
    folder = LOGS / "target-discovery" / "kubernetes"
    shutil.rmtree(folder, ignore_errors=True)
    judges = Judges(folder, writer)
    yield judges, writer, rows
    judges.stop()


def test_kubernetes_roles(kubernetes):
    judges, _, rows = kubernetes
    count = eventually("ours is what it should be", judges.agree, 60)
    assert count > 3 * len(rows), count
    found = judges.ours.targets()
    for job in judges.models:
        assert found[job] or job == "pod-selected", f"no target of {job}"
    assert not judges.ours.warnings(), judges.ours.warnings()


def changed(writer, item, patch, status=False):
    path = writer.path(item) + ("/status" if status else "")
    code, answer = writer.send("PATCH", path, patch, "application/merge-patch+json")
    assert code == 200, answer


def deleted(writer, item):
    code, answer = writer.send("DELETE", writer.path(item), {"gracePeriodSeconds": 0})
    assert code in (200, 202), answer


def find(rows, kind, of=""):
    """The first object of a kind in the cases of a role."""
    return next(
        item for items in rows for item in items
        if item["kind"] == kind and f"-{of}" in item["metadata"].get("namespace", item["metadata"]["name"])
    )


CHANGES = {
    "a pod's label": lambda w, r: changed(w, find(r, "Pod"), {"metadata": {"labels": {"app": "cart"}}}),
    "a pod is not ready": lambda w, r: changed(
        w, find(r, "Pod"), {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}, status=True
    ),
    "a pod behind a slice": lambda w, r: changed(w, find(r, "Pod", "endpointslice"), {"metadata": {"labels": {"new": "2"}}}),
    "a pod behind endpoints": lambda w, r: changed(w, find(r, "Pod", "endpoints"), {"metadata": {"annotations": {"new": "2"}}}),
    "a slice's service": lambda w, r: changed(w, find(r, "Service", "endpointslice"), {"metadata": {"annotations": {"n": "1"}}}),
    "an endpoints' service": lambda w, r: changed(w, find(r, "Service", "endpoints-"), {"metadata": {"labels": {"app": "new"}}}),
    "a slice's endpoints": lambda w, r: changed(
        w, find(r, "EndpointSlice"), {"endpoints": [{"addresses": ["10.1.9.9"], "conditions": {"ready": True}}]}
    ),
    "an Endpoints object": lambda w, r: changed(
        w, find(r, "Endpoints"),
        {"subsets": [{"addresses": [{"ip": "10.7.7.7"}], "ports": [{"name": "new", "port": 77, "protocol": "TCP"}]}]},
    ),
    "a pod's node": lambda w, r: changed(w, find(r, "Node", "pod"), {"metadata": {"labels": {"zone": "z9"}}}),
    "an endpoints' node": lambda w, r: changed(w, find(r, "Node", "endpoints-"), {"metadata": {"labels": {"zone": "z9"}}}),
    "a namespace": lambda w, r: changed(w, find(r, "Namespace", "pod"), {"metadata": {"labels": {"team": "b"}}}),
    "an ingress": lambda w, r: changed(w, find(r, "Ingress"), {"spec": {"ingressClassName": "other"}}),
    "a service is gone": lambda w, r: deleted(w, find(r, "Service", "service")),
    "the service of a slice is gone": lambda w, r: deleted(w, find(r, "Service", "endpointslice")),
    "a pod is gone": lambda w, r: deleted(w, find(r, "Pod")),
    "a pod behind a slice is gone": lambda w, r: deleted(w, find(r, "Pod", "endpointslice")),
    "a slice is gone": lambda w, r: deleted(w, find(r, "EndpointSlice")),
    "an ingress is gone": lambda w, r: deleted(w, find(r, "Ingress")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_kubernetes_after(kubernetes, name):
    judges, writer, rows = kubernetes
    before = judges.ours.targets()
    CHANGES[name](writer, rows)
    eventually("it is seen", lambda: judges.ours.targets() != before)
    if judges.theirs and "behind" in name:
        # Prometheus looks at some of these only when the object itself changes; so make it look.
        for item in (item for items in rows for item in items if item["kind"] in ("EndpointSlice", "Endpoints")):
            writer.send("PATCH", writer.path(item), {"metadata": {"labels": {"seen": "yes"}}}, "application/merge-patch+json")
    eventually("ours is what it should be", judges.agree, 30)


# --- Files ---


@pytest.fixture
def folder(request):
    path = LOGS / "target-discovery" / request.node.name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


@needs_prometheus
def test_files(folder):
    lists = folder / "lists"
    lists.mkdir()
    (lists / "a.json").write_text('[{"targets": ["a:1", "b:2"], "labels": {"env": "x", "empty": ""}}, {"targets": ["c:3"]}]')
    (lists / "b.yml").write_text("- targets: ['d:4']\n  labels:\n    zone: 7\n    flag: yes\n    __meta_filepath: mine\n")
    (lists / "c.yaml").write_text("")
    (lists / ".hidden.yml").write_text("- targets: ['h:1']\n")
    (lists / "broken.json").write_text('[{"targets": ["x"')
    jobs = [
        {"job_name": "files", "file_sd_configs": [{"files": [f"{lists}/*.json", f"{lists}/*.yml", f"{lists}/*.yaml"]}]},
        {"job_name": "one", "file_sd_configs": [{"files": [f"{lists}/a.json", f"{lists}/none.yml"]}]},
    ]
    theirs, ours = Prometheus(folder, jobs), Discovery(folder, jobs)
    try:
        eventually("both find the same", lambda: same(theirs, ours, ["files", "one"]) == 8)
        assert "broken.json" in ours.warnings()
        (lists / "broken.json").write_text('[{"targets": ["x:1"]}]')
        eventually("the file is good", lambda: same(theirs, ours, ["files", "one"]) == 9)
        # A file that gets broken keeps what was good in it; another file's change counts.
        (lists / "a.json").write_text('[{"targets": ["a:1"]}, {"target": []}]')
        (lists / "d.yml").write_text("- targets: ['e:5']\n")
        eventually("the last good groups stay", lambda: same(theirs, ours, ["files", "one"]) == 10)
        # As a mounted ConfigMap changes: another file takes the name.
        new = folder / "new.yml"
        new.write_text("- targets: ['d:4', 'd:5']\n")
        new.rename(lists / "b.yml")
        eventually("a swapped file is seen", lambda: same(theirs, ours, ["files", "one"]) == 11)
        (lists / "d.yml").unlink()
        eventually("a file is gone", lambda: same(theirs, ours, ["files", "one"]) == 10)
    finally:
        theirs.stop()
        ours.stop()


# --- HTTP ---


class Endpoints(http.server.ThreadingHTTPServer):
    request_queue_size = 64


class Endpoint(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.split("?")[0].strip("/")
        asked = self.server.asked.setdefault((name, self.headers["User-Agent"].split("/")[0]), [])
        asked.append(dict(self.headers))
        status, kind, body, wants = self.server.answers.get(name, (404, "text/plain", "no", None))
        if wants and self.headers.get("Authorization") != wants:
            status = 401
        if status == 302:
            self.send_response(302)
            self.send_header("Location", body)
            self.end_headers()
            return
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body.encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.tokens.append((dict(self.headers), body))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"access_token": "t0ken", "token_type": "bearer", "expires_in": 3600}')

    def log_message(self, *_):
        pass


@needs_prometheus
def test_http(folder):
    server = Endpoints(("127.0.0.1", 0), Endpoint)
    server.asked, server.tokens = {}, []
    groups = json.dumps([{"targets": ["a:1", "[2001:db8::1]:2"], "labels": {"__meta_x": "y", "env": "z"}}, {"targets": ["b:2"]}])
    as_json = "application/json"
    server.answers = {
        "plain": (200, as_json, groups, None),
        "charset": (200, 'application/json; charset="utf-8"', groups, None),
        "wrong-type": (200, "text/json", groups, None),
        "not-200": (201, as_json, groups, None),
        "broken": (200, as_json, "[{", None),
        "null-group": (200, as_json, "[null]", None),
        "unknown-member": (200, as_json, '[{"targets": ["a:1"], "label": {}}]', None),
        "number": (200, as_json, '[{"targets": ["a:1"], "labels": {"a": 1}}]', None),
        "nulls": (200, as_json, '[{"targets": null, "labels": null}, {"targets": ["n:1"], "labels": {"a": null}}]', None),
        "basic": (200, as_json, groups, "Basic bWU6czNjcmV0"),
        "bearer": (200, as_json, groups, "Bearer abc"),
        "custom": (200, as_json, groups, "Token abc"),
        "oauth": (200, as_json, groups, "Bearer t0ken"),
        "redirect": (302, as_json, "/plain", None),
        "redirect-not": (302, as_json, "/plain", None),
    }
    threading.Thread(target=server.serve_forever, daemon=True).start()
    root = f"http://127.0.0.1:{server.server_port}"
    (folder / "token").write_text("abc\n")
    auth = {
        "basic": {"basic_auth": {"username": "me", "password": "s3cret"}},
        # 2.42 has no default for the type here.
        "bearer": {"authorization": {"type": "Bearer", "credentials_file": str(folder / "token")}},
        "custom": {"authorization": {"type": "Token", "credentials": "abc"}},
        "oauth": {"oauth2": {"client_id": "id", "client_secret": "sec ret", "token_url": f"{root}/token", "scopes": ["a", "b"],
                             "endpoint_params": {"audience": "x"}}},
        "redirect-not": {"follow_redirects": False},
    }
    jobs = [
        {"job_name": name, "http_sd_configs": [{"url": f"{root}/{name}?q=1", "refresh_interval": "1s", **auth.get(name, {})}]}
        for name in [*server.answers, "absent"]
    ]
    names = [job["job_name"] for job in jobs]
    theirs, ours = Prometheus(folder, jobs), Discovery(folder, jobs, flags=["--timeout", "3"])
    try:
        eventually("both find the same", lambda: same(theirs, ours, names) == 7 * 3 + 1, 40)
        asked = next(headers[0] for (name, who), headers in server.asked.items() if name == "plain" and "swiftlet" in who)
        assert asked["Accept"] == as_json
        assert asked["X-Prometheus-Refresh-Interval-Seconds"] == "1"
        mine = [(headers, body) for headers, body in server.tokens if "swiftlet" in headers.get("User-Agent", "swiftlet")]
        assert any("grant_type=client_credentials" in body and "scope=a+b" in body and "audience=x" in body for _, body in mine)
        assert "s3cret" not in ours.warnings() and "sec ret" not in ours.warnings()
        # Answers that are errors change nothing; fewer groups do.
        server.answers["plain"] = (500, as_json, "[]", None)
        server.answers["charset"] = (200, as_json, json.dumps([{"targets": ["only:1"]}]), None)
        eventually("errors keep the last targets", lambda: same(theirs, ours, names) == 6 * 3 + 2, 40)
    finally:
        theirs.stop()
        ours.stop()
        server.shutdown()


# --- DNS ---


@needs_prometheus
@pytest.mark.skipif(not DNSMASQ or os.geteuid() != 0, reason="no dnsmasq, or no right to give it port 53 of a loopback address")
def test_dns(folder):
    address = "127.41.0.53"
    (folder / "resolv.conf").write_text(f"nameserver {address}\nsearch svc.test\noptions ndots:1 timeout:1 attempts:1\n")
    rows = [
        "no-resolv", "no-hosts", "no-daemon", "bind-interfaces", f"listen-address={address}", "local=/test/", "user=root",
        "srv-host=_web._tcp.shop.test,a.shop.test,8080,0,5", "srv-host=_web._tcp.shop.test,b.shop.test,8081,0,5",
        "srv-host=_short._tcp.svc.test,s.shop.test,9", "host-record=a.shop.test,10.9.8.7,2001:db8::7",
        "host-record=b.shop.test,10.9.8.8", "cname=alias.shop.test,a.shop.test", "mx-host=shop.test,mx.shop.test,10",
        # An NS record: 2 ns 4 shop 4 test 0.
        "dns-rr=shop.test,2,026e730473686f70047465737400",
    ]
    (folder / "dnsmasq.conf").write_text("\n".join(rows) + "\n")
    log = open(folder / "dnsmasq.log", "w", encoding="utf-8")
    dns = subprocess.Popen([DNSMASQ, f"--conf-file={folder}/dnsmasq.conf", f"--pid-file={folder}/pid"], stderr=log)
    inside = ["unshare", "-m", "bash", "-c", f'mount --bind {folder}/resolv.conf /etc/resolv.conf && exec "$0" "$@"']

    def job(name, kind, *names, **more):
        return {"job_name": name, "dns_sd_configs": [{"names": list(names), "type": kind, "refresh_interval": "1s", **more}]}

    jobs = [
        job("srv", "SRV", "_web._tcp.shop.test"), job("short", "SRV", "_short._tcp"), job("none", "SRV", "_no._tcp.shop.test"),
        job("a", "A", "a.shop.test", "b.shop.test.", "alias.shop.test", port=80), job("aaaa", "AAAA", "a.shop.test", port=81),
        job("mx", "MX", "shop.test", port=25),
    ]
    names = [row["job_name"] for row in jobs]
    theirs = Prometheus(folder, jobs, inside)
    ours = Discovery(folder, [*jobs, job("ns", "NS", "shop.test", port=53)], inside)
    try:
        count = eventually("both find the same", lambda: same(theirs, ours, names), 40)
        assert count == 2 + 1 + 3 + 1 + 1
        assert [target["__address__"] for target in ours.targets()["ns"]] == ["ns.shop.test:53"]
        # No server at all: what was known stays.
        dns.terminate()
        dns.wait(10)
        eventually("it is said", lambda: "looked up" in ours.warnings())
        assert same(theirs, ours, names) == count
    finally:
        theirs.stop()
        ours.stop()
        if dns.poll() is None:
            dns.terminate()
        log.close()


# --- What goes wrong ---


class Relay:
    """Passes bytes on to a server, until it is told to be away."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.target, self.away, self.open = (host, int(port)), False, []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if self.away:
                near.close()
                continue
            far = socket.create_connection(self.target)
            self.open += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=(one, other), daemon=True).start()

    def pump(self, one, other):
        try:
            while data := one.recv(1 << 16):
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def leave(self):
        self.away = True
        for end in self.open:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def test_an_api_server_that_is_away(cluster, folder):
    """What was known stays, the other discoveries go on, and what changed meanwhile is seen when it is back."""
    writer, rows = cluster
    relay = Relay(writer.server.address)
    config = yaml.safe_load(pathlib.Path(KUBECONFIG).read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{relay.port}"
    (folder / "kubeconfig").write_text(yaml.safe_dump(config))
    (folder / "t.json").write_text('[{"targets": ["a:1"]}]')
    jobs = [
        {"job_name": role, "kubernetes_sd_configs": [{"role": role, "kubeconfig_file": str(folder / "kubeconfig")}]}
        for role in ("pod", "endpointslice")
    ] + [{"job_name": "file", "file_sd_configs": [{"files": [f"{folder}/t.json"]}]}]
    ours = Discovery(folder, jobs)

    def agree():
        plain = Cluster(writer.server, writer.slices)
        for role in ("pod", "endpointslice"):
            assert canonical(plain.targets(role)) == canonical(ours.targets()[role])
        return True

    try:
        eventually("all is found", lambda: agree() and ours.targets()["file"])
        before = ours.targets()
        relay.leave()
        pod = find(rows[::-1], "Pod", "endpointslice")
        changed(writer, pod, {"metadata": {"labels": {"while": "away"}}})
        (folder / "t.json").write_text('[{"targets": ["a:1", "b:2"]}]')
        eventually("the file's change is seen", lambda: len(ours.targets()["file"]) == 2)
        eventually("it is said", lambda: "can't follow" in ours.warnings(), 60)
        assert ours.targets()["pod"] == before["pod"] and ours.targets()["endpointslice"] == before["endpointslice"]
        relay.away = False
        eventually("what changed is seen", agree, 60)
    finally:
        ours.stop()
        relay.listener.close()
        relay.leave()


def test_a_permission_that_lacks(cluster, folder):
    """One clear warning, and everything else goes on."""
    server = Server()
    name = f"td-reader-{RUN}"
    server.kubectl("create", "serviceaccount", name, "-n", "default")
    server.kubectl("create", "clusterrole", name, "--verb=get,list,watch", "--resource=services,endpoints,nodes")
    server.kubectl("create", "clusterrolebinding", name, f"--clusterrole={name}", f"--serviceaccount=default:{name}")
    try:
        secret = eventually("the account has a token", lambda: next(
            (item for item in server.list("v1", "Secret", "default")
             if item["metadata"].get("annotations", {}).get("kubernetes.io/service-account.name") == name), None,
        ))
        config = yaml.safe_load(pathlib.Path(KUBECONFIG).read_text())
        config["users"][0]["user"] = {"token": base64.b64decode(secret["data"]["token"]).decode()}
        limited = folder / "kubeconfig"
        limited.write_text(yaml.safe_dump(config))

        def job(name, role):
            return {"job_name": name, "kubernetes_sd_configs": [{"role": role, "kubeconfig_file": str(limited)}]}

        ours = Discovery(folder, [job("services", "service"), job("pods", "pod"), job("endpoints", "endpoints")], flags=["--timeout", "4"])
        try:
            eventually("services are found", lambda: ours.targets()["services"])
            assert not ours.targets()["pods"] and not ours.targets()["endpoints"]
            warning = eventually("it is said", lambda: [line for line in ours.warnings().splitlines() if "permission" in line])
            assert all("pods" in line and "namespace" in line for line in warning)
            assert sorted(re.search(r"\brole=(\w+)", line)[1] for line in warning) == ["endpoints", "pod"], warning
            # The right comes later.
            server.kubectl("create", "clusterrole", f"{name}-more", "--verb=get,list,watch", "--resource=pods")
            server.kubectl("create", "clusterrolebinding", f"{name}-more", f"--clusterrole={name}-more", f"--serviceaccount=default:{name}")
            eventually("pods are found", lambda: ours.targets()["pods"] and ours.targets()["endpoints"], 60)
        finally:
            ours.stop()
    finally:
        for kind, what in (("clusterrolebinding", name), ("clusterrolebinding", f"{name}-more"), ("clusterrole", name),
                           ("clusterrole", f"{name}-more")):
            server.kubectl("delete", kind, what, "--ignore-not-found", check=False)
        server.kubectl("delete", "serviceaccount", name, "-n", "default", check=False)
