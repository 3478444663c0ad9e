"""The target allocator as a process: real Prometheuses as collectors that poll it with http_sd, targets on loopback, pods on
a real API server. What was scraped is counted from Prometheus' own data."""

import http.client
import http.server
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import pytest
import yaml

import test_observability as observability
from plane import BINARY, KUBECONFIG, MISSING, eventually, free_port

PROMETHEUS = shutil.which("prometheus")
pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)
LABEL = "scrapes"
# How often collectors fetch their lists; 30 s in production.
REFRESH = 5


@pytest.fixture(scope="module", autouse=True)
def operator():
    """In place of the one that installs Swiftlet into a cluster, which these tests don't need."""


def kubectl(*arguments, text=None):
    return subprocess.run(
        ["kubectl", "--kubeconfig", KUBECONFIG, *arguments], input=text, text=True, check=True, capture_output=True
    ).stdout


@pytest.fixture
def namespace():
    name = f"allocator-{uuid.uuid4().hex[:6]}"
    kubectl("create", "namespace", name)
    # Pods of a node that does not exist are soon deleted. There is one of the namespace's name.
    kubectl("create", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}))
    yield name
    kubectl("delete", "node", name, "--wait=false")
    kubectl("delete", "namespace", name, "--wait=false")


def add_collector(namespace, name, labels=None, address=None):
    """A pod that no kubelet runs: what its status says is written here."""
    pod = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels or {"app": LABEL}},
        "spec": {"nodeName": namespace, "terminationGracePeriodSeconds": 0, "automountServiceAccountToken": False,
                 "containers": [{"name": "c", "image": "none"}]},
    }
    kubectl("create", "-n", namespace, "-f", "-", text=json.dumps(pod))
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    status = {"status": {"phase": "Running", "startTime": now,
                         "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": now}]}}
    if address:
        status["status"].update(podIP=address, podIPs=[{"ip": address}])
    path = f"/api/v1/namespaces/{namespace}/pods/{name}/status"
    written = api("PATCH", path, status)
    assert written["status"]["phase"] == "Running"


def remove_collector(namespace, name):
    kubectl("delete", "pod", "-n", namespace, name, "--force", "--grace-period=0")


def api(method, path, body):
    """kubectl of that version patches no status."""
    config = yaml.safe_load(pathlib.Path(KUBECONFIG).read_text())
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    request = urllib.request.Request(
        config["clusters"][0]["cluster"]["server"] + path, method=method, data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {config['users'][0]['user']['token']}",
                 "Content-Type": "application/merge-patch+json"},
    )
    with urllib.request.urlopen(request, context=context, timeout=10) as answer:
        return json.load(answer)


class Targets:
    """One server on many addresses of loopback; each address is a target."""

    def __init__(self, count):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = b"up_since 1\n"
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.addresses = [f"127.0.1.{number}:{self.port}" for number in range(1, count + 1)]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Allocator:
    def __init__(self, folder, namespace, targets, strategy="consistent-hashing", port=None, more=None, flags=(),
                 host="127.0.0.1", pod=None, wait=True):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.flags, self.host, self.pod, self.wait = folder, flags, host, pod, wait
        self.port = port or free_port()
        self.config = {
            "allocation_strategy": strategy,
            "collector_namespace": namespace,
            "collector_selector": {"matchlabels": {"app": LABEL}},
            "filter_strategy": "relabel-config",
            # The node has no kubelet, so its pods are not ready for long.
            "collector_not_ready_grace_period": "0s",
            "handover": {"deadline": f"{4 * REFRESH}s"},
            "config": {"scrape_configs": [{
                "job_name": "loop/back", "scrape_interval": "1s",
                "static_configs": [{"targets": targets}],
            }]},
            **(more or {}),
        }
        self.file = folder / "targetallocator.yaml"
        self.write()
        self.start()

    def write(self):
        self.file.write_text(yaml.safe_dump(self.config))

    def start(self):
        self.log = open(self.folder / "allocator.log", "a", encoding="utf-8")
        self.process = subprocess.Popen(
            [BINARY, "target-allocator", f"--config-file={self.file}", f"--listen-addr={self.host}:{self.port}",
             f"--kubeconfig-path={KUBECONFIG}", *self.flags],
            stdout=self.log, stderr=self.log, env={**os.environ, **({"POD_NAME": self.pod} if self.pod else {})},
        )
        if self.wait:
            self.wait_until_ready()

    def wait_until_ready(self):
        eventually("the allocator is ready", lambda: self.status("/readyz") == 200, 60)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.log.close()
        return code

    def text(self, path, **headers):
        request = urllib.request.Request(f"http://{self.host}:{self.port}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()

    def json(self, path):
        return json.loads(self.text(path))

    def status(self, path):
        try:
            with urllib.request.urlopen(f"http://{self.host}:{self.port}{path}", timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def lists(self, job="loop/back"):
        """Who has which addresses."""
        answer = self.json(f"/jobs/{urllib.parse.quote_plus(job)}/targets")
        return {name: [t["targets"][0] for t in value["targets"]] for name, value in answer.items()}

    def owners(self, job="loop/back"):
        return {address: name for name, addresses in self.lists(job).items() for address in addresses}

    def logs(self):
        return (self.folder / "allocator.log").read_text()


class Collector:
    """A Prometheus that is told by the allocator what to scrape."""

    def __init__(self, folder, name, allocator):
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        job = urllib.parse.quote_plus("loop/back")
        config = {"scrape_configs": [{
            "job_name": "loop/back", "scrape_interval": "1s", "scrape_timeout": "1s",
            "http_sd_configs": [{
                "url": f"http://127.0.0.1:{allocator.port}/jobs/{job}/targets?collector_id={name}",
                "refresh_interval": f"{REFRESH}s",
            }],
        }]}
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
        self.port = free_port()
        self.log = open(folder / "prometheus.log", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [PROMETHEUS, f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{self.port}"],
            stdout=self.log, stderr=self.log,
        )

    def samples(self, start, end):
        """Times of the scrapes of each target, from its own `up`."""
        seconds = int(end - start)
        query = urllib.parse.urlencode({"query": f"up[{seconds}s]", "time": end})
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/query?{query}", timeout=20) as answer:
            result = json.load(answer)["data"]["result"]
        return {r["metric"]["instance"]: [float(v[0]) for v in r["values"] if v[1] == "1"] for r in result}

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
        self.log.close()


def scrapes(collectors, start, end):
    """All scrapes of each target, whoever made them: sorted (time, collector)."""
    found = {}
    for collector in collectors:
        for instance, times in collector.samples(start, end).items():
            found.setdefault(instance, []).extend((at, collector.name) for at in times)
    return {instance: sorted(times) for instance, times in found.items()}


def longest_gap(times):
    return max((b[0] - a[0] for a, b in zip(times, times[1:])), default=float("inf"))


def doubled(times):
    """Seconds in which more than one collector scraped a target."""
    owners = {}
    for at, name in times:
        owners.setdefault(int(at), set()).add(name)
    return sum(1 for names in owners.values() if len(names) > 1)


@pytest.mark.skipif(not PROMETHEUS, reason="no prometheus to collect with")
def test_every_target_is_scraped_and_none_twice(namespace, tmp_path):
    """2 -> 3 -> 2 collectors, a restart and an outage of a minute, with hand-over."""
    targets = Targets(24)
    for number in range(2):
        add_collector(namespace, f"collector-{number}")
    allocator = Allocator(tmp_path / "ta", namespace, targets.addresses)
    collectors = [Collector(tmp_path / f"c{n}", f"collector-{n}", allocator) for n in range(3)]
    try:
        def all_scraped():
            now = time.time()
            return len(scrapes(collectors, now - 5, now)) == len(targets.addresses)

        eventually("every target is scraped", all_scraped, 60)
        begin = time.time()
        before = allocator.owners()
        assert set(before) == set(targets.addresses)

        # One more: what moves is scraped by the old one until the new one has its list.
        add_collector(namespace, "collector-2")
        eventually("the third collector has targets", lambda: allocator.lists().get("collector-2"), 30)
        time.sleep(5 * REFRESH)
        after = allocator.owners()
        moved = [a for a in targets.addresses if before[a] != after[a]]
        assert 0 < len(moved) < 20
        # A restart and an outage: collectors keep what they have, and it comes back with the same assignment.
        assert allocator.stop() == 0
        time.sleep(60)
        allocator.start()
        assert allocator.owners() == after
        time.sleep(3 * REFRESH)
        end = time.time()

        found = scrapes(collectors, begin, end)
        report = {a: (len(found[a]), round(longest_gap(found[a]), 1), doubled(found[a])) for a in targets.addresses}
        print("target: scrapes, longest gap, doubled seconds:", report)
        print(f"{end - begin:.0f} s, moved {len(moved)} of {len(targets.addresses)}")
        for address in targets.addresses:
            count, gap, twice = report[address]
            assert gap < 2.6, f"{address} was not scraped for {gap} s"
            assert count >= (end - begin) * 0.95
            # Both have it only between the new one's fetch and the old one's next.
            assert twice <= (2 * REFRESH + 1 if address in moved else 0), f"{address} was scraped twice for {twice} s"

        # One less: its targets go to the others, within the wait for a pod that comes back and their next fetch.
        remove_collector(namespace, "collector-2")
        collectors[2].stop()
        gone = time.time()
        eventually("the third collector has nothing", lambda: "collector-2" not in allocator.lists(), 30)
        time.sleep(3 * REFRESH)
        found = scrapes(collectors[:2], gone + 3 * REFRESH, time.time())
        assert set(found) == set(targets.addresses)
        assert allocator.owners() == before
    finally:
        for collector in collectors:
            collector.stop()
        allocator.stop()
        targets.stop()


def test_reload_pages_and_bad_configuration(namespace, tmp_path):
    add_collector(namespace, "collector-0")
    allocator = Allocator(tmp_path / "ta", namespace, ["127.0.0.1:1"])
    try:
        eventually("there is a collector", lambda: allocator.lists() == {"collector-0": ["127.0.0.1:1"]}, 20)
        allocator.config["config"]["scrape_configs"].append(
            {"job_name": "second", "static_configs": [{"targets": ["127.0.0.1:2"]}]}
        )
        allocator.write()
        eventually("the new job is there", lambda: "second" in allocator.json("/jobs"), 20)
        assert "second" in allocator.json("/scrape_configs")

        allocator.file.write_text("config: {scrape_configs: [{job_name: x, relabel_configs: 5}")
        eventually("the error is told", lambda: "can't be used; going on" in allocator.logs(), 20)
        assert set(allocator.json("/jobs")) == {"loop/back", "second"}
        assert 'swiftlet_allocator_reloads_total{result="failure"} 1' in allocator.text("/metrics")

        allocator.config["config"]["scrape_configs"][1]["relabel_configs"] = [{"action": "keep", "regex": "("}]
        allocator.write()
        eventually("one job's error leaves the other", lambda: set(allocator.json("/jobs")) == {"loop/back"}, 20)

        page = allocator.text("/", Accept="text/html")
        assert "collector-0" in page and "loop/back" in page and "<script" not in page
        metrics = allocator.text("/metrics")
        assert 'opentelemetry_allocator_targets_per_collector{collector_name="collector-0"' in metrics
        assert "opentelemetry_allocator_collectors_discovered 1" in metrics
        table, (kinds, labels) = observability.documented(), observability.families(metrics)
        for name, kind in kinds.items():
            if observability.is_of_the_allocator(name):
                assert (kind, labels[name]) == table[name], name
        assert "swiftlet_allocator_ready" in kinds
    finally:
        assert allocator.stop() == 0


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def certificates(folder, name, usage, authority):
    """A key and a certificate of the authority for 127.0.0.1."""
    (folder / f"{name}.ext").write_text(f"subjectAltName=IP:127.0.0.1\nextendedKeyUsage={usage}\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
            "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.csr")
    openssl("x509", "-req", "-in", f"{folder}/{name}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key",
            "-CAcreateserial", "-days", "1", "-extfile", f"{folder}/{name}.ext", "-out", f"{folder}/{name}.crt")


def make_authority(folder, name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
            "-subj", f"/CN={name}", "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.crt")
    return folder / name


def test_mutual_tls_and_rotation(namespace, tmp_path):
    add_collector(namespace, "collector-0")
    authority = make_authority(tmp_path, "authority")
    for name, usage in [("server", "serverAuth"), ("client", "clientAuth"), ("wrong", "serverAuth")]:
        certificates(tmp_path, name, usage, authority)
    stranger = make_authority(tmp_path, "stranger")
    certificates(tmp_path, "foreign", "clientAuth", stranger)

    def mount(server, number):
        """As the kubelet does: a folder of its own, and a link that is moved."""
        data = tmp_path / "tls" / f"..{number}"
        data.mkdir(parents=True)
        shutil.copy(tmp_path / "authority.crt", data / "ca.crt")
        shutil.copy(tmp_path / f"{server}.crt", data / "tls.crt")
        shutil.copy(tmp_path / f"{server}.key", data / "tls.key")
        link = tmp_path / "tls" / "..new"
        os.symlink(f"..{number}", link)
        os.rename(link, tmp_path / "tls" / "..data")

    mount("server", 1)
    for name in ["ca.crt", "tls.crt", "tls.key"]:
        os.symlink(f"..data/{name}", tmp_path / "tls" / name)
    port = free_port()
    allocator = Allocator(
        tmp_path / "ta", namespace, ["127.0.0.1:1"],
        more={
            "https": {"enabled": True, "listen_addr": f"127.0.0.1:{port}", "ca_file_path": f"{tmp_path}/tls/ca.crt",
                      "tls_cert_file_path": f"{tmp_path}/tls/tls.crt", "tls_key_file_path": f"{tmp_path}/tls/tls.key"},
        },
    )

    def get(client, path="/scrape_configs"):
        context = ssl.create_default_context(cafile=f"{tmp_path}/authority.crt")
        if client:
            context.load_cert_chain(f"{tmp_path}/{client}.crt", f"{tmp_path}/{client}.key")
        with urllib.request.urlopen(f"https://127.0.0.1:{port}{path}", context=context, timeout=10) as answer:
            return answer.read().decode()

    def shown():
        """The certificate that is served."""
        return ssl.get_server_certificate(("127.0.0.1", port)).strip()

    try:
        allocator.config["config"]["scrape_configs"][0]["basic_auth"] = {"username": "me", "password": "hidden"}
        allocator.write()
        eventually("the change is served", lambda: "basic_auth" in allocator.text("/scrape_configs"), 20)
        assert "hidden" not in allocator.text("/scrape_configs")
        assert '"password":"hidden"' in get("client")
        for client in [None, "wrong", "foreign"]:
            with pytest.raises((OSError, http.client.HTTPException)):
                get(client)
        certificates(tmp_path, "renewed", "serverAuth", authority)
        mount("renewed", 2)
        wanted = (tmp_path / "renewed.crt").read_text().strip()
        eventually("the renewed certificate is served", lambda: shown() == wanted, 30)
        assert '"password":"hidden"' in get("client")
        assert "hidden" not in allocator.logs()
    finally:
        assert allocator.stop() == 0


def replicas(namespace, folder, targets, count, **more):
    """Replicas of one allocator: each a pod on the API server and a process on an address of its own."""
    port, made = free_port(), []
    for number in range(count):
        name = f"allocator-{number}"
        add_collector(namespace, name, labels={"app": "allocator"}, address=f"127.0.2.{number + 1}")
        made.append(Allocator(folder / name, namespace, targets, strategy="least-weighted", port=port, wait=False,
                              host=f"127.0.2.{number + 1}", pod=name, more=more or None))
    for replica in made:
        replica.wait_until_ready()
    return made


def same_owners(allocators, count):
    found = [allocator.owners() for allocator in allocators]
    return len(found[0]) == count and all(owners == found[0] for owners in found)


def set_targets(allocators, targets):
    for allocator in allocators:
        allocator.config["config"]["scrape_configs"][0]["static_configs"][0]["targets"] = targets
        allocator.write()


def test_replicas_give_the_same_answers(namespace, tmp_path):
    """least-weighted depends on what was before: the younger replicas do as the oldest does."""
    addresses = [f"127.0.3.{number}:80" for number in range(1, 201)]
    for number in range(2):
        add_collector(namespace, f"collector-{number}")
    # They start at once.
    made = replicas(namespace, tmp_path, addresses[:60], 3)
    first, second, third = made
    try:
        eventually("all have the same", lambda: same_owners(made, 60), 20)
        eventually("one decides", lambda: "replica_decides 1" in first.text("/metrics"), 10)
        assert all("replica_decides 0" in other.text("/metrics") for other in (second, third))

        # Only history tells that the two first have 30 each and the third collector what came after it.
        add_collector(namespace, "collector-2")
        for count in (75, 90, 120):
            set_targets(made, addresses[:count])
            eventually(f"all have the same {count}", lambda: same_owners(made, count), 30)
        # Each hears of a change at another time, in another order.
        set_targets([third], addresses[20:140])
        time.sleep(1.5)
        set_targets([second], addresses[:10] + addresses[20:130])
        time.sleep(1.5)
        set_targets(made, addresses[20:140])
        eventually("all have the same after churn", lambda: same_owners(made, 120), 30)

        # A container of the oldest starts again: it comes back to what it gave out.
        before = first.owners()
        first.process.kill()
        first.process.wait()
        first.start()
        first.wait_until_ready()
        assert first.owners() == before
        eventually("the others follow it again", lambda: "replica_decides 1" in first.text("/metrics"), 10)
        assert second.owners() == before == third.owners()

        # The oldest goes for good, in the middle of it all.
        first.process.kill()
        first.process.wait()
        left = [second, third]
        for other in left:
            assert other.owners() == before
        remove_collector(namespace, first.pod)
        eventually("the next one decides", lambda: "replica_decides 1" in second.text("/metrics"), 20)
        set_targets(left, addresses[:180])
        eventually("those left have the same", lambda: same_owners(left, 180), 30)
        after = second.owners()
        assert all(after[address] == owner for address, owner in before.items())

        # A new one, the youngest, takes over what there is.
        add_collector(namespace, "allocator-3", labels={"app": "allocator"}, address="127.0.2.4")
        fresh = Allocator(tmp_path / "allocator-3", namespace, addresses[:180], strategy="least-weighted",
                          port=second.port, host="127.0.2.4", pod="allocator-3")
        made.append(fresh)
        assert fresh.owners() == after
        assert "doing as another replica does" in fresh.logs()
    finally:
        for allocator in made:
            if allocator.process.poll() is None:
                assert allocator.stop() == 0


def test_a_replica_of_another_kind_stops_nobody(namespace, tmp_path):
    """An older pod that gives out no assignment, as one of the Go operator's allocator."""
    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)

        def log_message(self, *arguments):
            pass

    add_collector(namespace, "collector-0")
    port = free_port()
    server = http.server.ThreadingHTTPServer(("127.0.2.1", port), Other)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    add_collector(namespace, "allocator-0", labels={"app": "allocator"}, address="127.0.2.1")
    add_collector(namespace, "allocator-1", labels={"app": "allocator"}, address="127.0.2.2")
    begin = time.time()
    allocator = Allocator(tmp_path / "ta", namespace, ["127.0.3.1:80"], strategy="least-weighted", port=port,
                          host="127.0.2.2", pod="allocator-1")
    try:
        assert time.time() - begin < 20
        assert allocator.owners() == {"127.0.3.1:80": "collector-0"}
        time.sleep(3)
        assert allocator.logs().count("it is of a version that gives out no assignment") == 1
    finally:
        assert allocator.stop() == 0
        server.shutdown()
        server.server_close()


def test_a_restart_comes_back_to_the_kept_assignment(namespace, tmp_path):
    """`state_file` with least-weighted, whose assignment nobody could compute again."""
    addresses = [f"127.0.3.{number}:80" for number in range(1, 101)]
    add_collector(namespace, "collector-0")
    state = tmp_path / "state"
    allocator = Allocator(tmp_path / "ta", namespace, addresses[:40], strategy="least-weighted",
                          more={"state_file": str(state)})
    try:
        add_collector(namespace, "collector-1")
        eventually("there are two", lambda: "collector-1" in allocator.lists(), 20)
        set_targets([allocator], addresses)
        eventually("all are given away", lambda: len(allocator.owners()) == len(addresses), 20)
        add_collector(namespace, "collector-2")
        eventually("there are three", lambda: "collector-2" in allocator.lists(), 20)
        set_targets([allocator], addresses[10:])
        eventually("some are gone", lambda: len(allocator.owners()) == 90, 20)
        before = allocator.owners()
        assert sorted(len(found) for found in allocator.lists().values())[0] == 0
        assert allocator.stop() == 0
        allocator.start()
        assert allocator.owners() == before

        # Killed instead of stopped: what it wrote while it ran counts.
        time.sleep(6)
        allocator.process.kill()
        allocator.process.wait()
        allocator.start()
        assert allocator.owners() == before

        # A damaged file is told and no reason not to start.
        assert allocator.stop() == 0
        state.write_bytes(state.read_bytes()[:-3] + b"abc")
        allocator.start()
        assert "the kept assignment is of no use" in allocator.logs()
        assert set(allocator.owners()) == set(addresses[10:])
    finally:
        assert allocator.stop() == 0


OTELCOL = next(iter(sorted(pathlib.Path("~/.cache/swiftlet/otelcol").expanduser().glob("*/otelcol"))), None)


@pytest.mark.skipif(not OTELCOL, reason="no collector to push to")
def test_metrics_are_pushed_to_a_collector(namespace, tmp_path):
    add_collector(namespace, "collector-0")
    port, received = free_port(), []

    class Backend(http.server.BaseHTTPRequestHandler):
        """Where the collector sends what it understood."""

        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *arguments):
            pass

    backend = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    threading.Thread(target=backend.serve_forever, daemon=True).start()
    (tmp_path / "otelcol.yaml").write_text(yaml.safe_dump({
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}},
        "exporters": {"otlp_http": {"endpoint": f"http://127.0.0.1:{backend.server_address[1]}", "encoding": "json",
                                    "compression": "none"}},
        "service": {"pipelines": {"metrics": {"receivers": ["otlp"], "exporters": ["otlp_http"]}},
                    "telemetry": {"metrics": {"level": "none"}}},
    }))
    log = open(tmp_path / "otelcol.log", "w", encoding="utf-8")
    collector = subprocess.Popen([OTELCOL, f"--config={tmp_path}/otelcol.yaml"], stdout=log, stderr=log)
    exporters = [
        {"otlp_http": {"endpoint": f"http://127.0.0.1:{port}", "headers": [{"name": "x-key", "value": "hidden"}]}},
        {"otlp_grpc": {"endpoint": "127.0.0.1:1"}},
    ]
    readers = [{"periodic": {"interval": 1000, "exporter": exporter}} for exporter in exporters]
    allocator = Allocator(tmp_path / "ta", namespace, ["127.0.3.1:80", "127.0.3.2:80"],
                          more={"telemetry": {"metrics": {"readers": readers}}})

    def pushed():
        """The metrics of the newest push, by name, and what they come from."""
        if not received:
            return {}, {}
        resource = received[-1]["resourceMetrics"][0]
        attributes = {a["key"]: a["value"]["stringValue"] for a in resource["resource"]["attributes"]}
        return {m["name"]: m for m in resource["scopeMetrics"][0]["metrics"]}, attributes

    try:
        eventually("targets are counted", lambda: pushed()[0].get("opentelemetry_allocator_targets_remaining", {})
                   .get("gauge", {}).get("dataPoints", [{}])[0].get("asDouble") == 2, 30)
        metrics, attributes = pushed()
        assert attributes["service.name"] == "target-allocator" and attributes["service.instance.id"]
        per_collector = metrics["opentelemetry_allocator_targets_per_collector"]["gauge"]["dataPoints"][0]
        labels = {a["key"]: a["value"]["stringValue"] for a in per_collector["attributes"]}
        assert labels == {"collector_name": "collector-0", "strategy": "consistent-hashing"}
        assert per_collector["asDouble"] == 2
        time_to_allocate = metrics["opentelemetry_allocator_time_to_allocate"]["histogram"]
        assert time_to_allocate["aggregationTemporality"] == 2
        point = time_to_allocate["dataPoints"][0]
        assert int(point["count"]) == sum(map(int, point["bucketCounts"])) > 0
        assert "process_resident_memory_bytes" in metrics
        assert allocator.logs().count("metrics are not pushed with gRPC") == 1

        # While the collector is away that is told once; afterwards it goes on.
        collector.kill()
        collector.wait()
        eventually("the failure is told", lambda: "metrics could not be pushed" in allocator.logs(), 30)
        time.sleep(3)
        assert allocator.logs().count("metrics could not be pushed") == 1
        assert allocator.status("/readyz") == 200
        before = len(received)
        collector = subprocess.Popen([OTELCOL, f"--config={tmp_path}/otelcol.yaml"], stdout=log, stderr=log)
        eventually("it is pushed again", lambda: "metrics are pushed again" in allocator.logs(), 30)
        eventually("the collector has it", lambda: len(received) > before, 10)
        assert "hidden" not in allocator.logs()
    finally:
        assert allocator.stop() == 0
        collector.terminate()
        collector.wait(20)
        log.close()
        backend.shutdown()
        backend.server_close()
