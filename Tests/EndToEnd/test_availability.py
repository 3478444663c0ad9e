"""Admission requests at an even pace while the operator is updated, evicted and killed and its certificates change.

A shorter form of `hack/bench availability`. It counts what failed and what was missed; how long things take is asserted
only where something other than the machine's speed decides.
"""

import http.client
import json
import os
import pathlib
import socket
import sys
import threading
import time

import pytest
from conftest import OPERATOR, OPERATOR_NAMESPACE, ROOT, get, kubectl, operator_pods, scale_operator, wait

sys.path.insert(0, str(ROOT / "hack" / "bench.d"))

import admissions  # noqa: E402
import disturbances  # noqa: E402

RATE = 40
LEASE = 15
#: Authorities of 90 s are spread for 15 s before they sign.
FLAGS = ["--webhook-certificate-validity=30s", "--webhook-authority-validity=90s"]
INSTRUMENTATION = """
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {name: shop}
spec:
  exporter: {endpoint: "http://collector:4318"}
"""


class Loaded:
    """The operator under load."""

    def __init__(self, namespace):
        kubeconfig = pathlib.Path(os.environ["KUBECONFIG"])
        self.client = admissions.Client(kubeconfig)
        self.watch = disturbances.Watch(self.client)
        self.deeds = disturbances.Disturbances(self.client, self.watch)
        self.deeds.settle()
        namespace.apply(INSTRUMENTATION)
        pods = admissions.Pods(self.client, namespace.name)
        wait("pods are injected", lambda: self.ask(pods) == admissions.INJECTED)
        self.load = admissions.LoadProcess(kubeconfig, namespace.name, RATE, ["pods", "reviews"])
        wait("the load runs", lambda: len(self.load.answers) > 10)

    @staticmethod
    def ask(pods):
        connection = pods.connection()
        connection.request("POST", pods.path, pods.body, pods.headers)
        answer = connection.getresponse()
        outcome, _ = pods.judge(answer.status, answer.read())
        connection.close()
        return outcome

    def stop(self):
        answers = self.load.stop()
        assert len(answers) > RATE, "there was no load"
        return answers


def bad(answers):
    return [answer for answer in answers if answer.outcome != admissions.INJECTED]


def told(answers):
    some = "; ".join(f"{answer.load} {answer.outcome}: {answer.detail[:200]}" for answer in answers[:5])
    return f"{len(answers)} requests: {some}"


@pytest.fixture
def loaded(namespace):
    scale_operator(2)
    found = Loaded(namespace)
    yield found
    if found.load.process.poll() is None:
        found.load.stop()


@pytest.fixture
def short_certificates():
    """The operator's flags with short lifetimes besides, taken away in the end."""
    path = ["deployment", OPERATOR, "-o", "jsonpath={.spec.template.spec.containers[0].args}"]
    before = kubectl("get", *path, namespace=OPERATOR_NAMESPACE).stdout
    patch = lambda arguments: [{"op": "add", "path": "/spec/template/spec/containers/0/args", "value": arguments}]  # noqa: E731
    given = json.loads(before or "[]")
    yield lambda: kubectl(
        "patch", "deployment", OPERATOR, "--type=json", "-p", json.dumps(patch([*given, *FLAGS])),
        namespace=OPERATOR_NAMESPACE,
    )
    kubectl(
        "patch", "deployment", OPERATOR, "--type=json", "-p", json.dumps(patch(given)),
        namespace=OPERATOR_NAMESPACE,
    )
    kubectl("rollout", "status", f"deployment/{OPERATOR}", "--timeout=110s", namespace=OPERATOR_NAMESPACE)


def test_nothing_is_missed_in_an_update_a_rotation_and_an_eviction(loaded, short_certificates):
    short_certificates()
    loaded.deeds.settle()
    # Whoever deletes the Secret wants new keys; what API servers trust goes on being served until they know those.
    begun = time.monotonic()
    kubectl("delete", "secret", disturbances.SECRET, namespace=OPERATOR_NAMESPACE)
    wait(
        "a new authority signs, and what it signed is renewed",
        lambda: loaded.watch.changes(loaded.watch.bundles, begun, time.monotonic()) >= 1
        and loaded.watch.changes(loaded.watch.certificates, begun, time.monotonic()) >= 2,
        120,
    )
    at, old = loaded.deeds.evict_leader()
    took = wait("another leader", lambda: loaded.watch.new_leader(at, old))
    answers = loaded.stop()
    assert bad(answers) == [], told(bad(answers))
    # It was released: whoever waits for its end waits for the whole lease.
    assert took < LEASE, f"a leader that left was replaced after {took:.1f} s"


def test_a_killed_leader_fails_no_request(loaded):
    at, old = loaded.deeds.kill_leader()
    took = loaded.watch.new_leader(at, old)
    assert took < LEASE + 3 + 2, f"{took:.1f} s, more than lease + 3 s (and 2 s for a busy machine)"
    healed = time.monotonic()
    wait("requests after it", lambda: [answer for answer in loaded.load.answers if answer.due > healed + 2])
    answers = loaded.stop()
    # Reviews that the process had in its hands are lost with it: their pods are made without agents, not refused.
    refused = [answer for answer in bad(answers) if answer.load == "pods" and answer.outcome != admissions.MISSED]
    assert refused == [], told(refused)
    # Two seconds until its container runs again, and some for a busy machine.
    later = [answer for answer in bad(answers) if not at - 5 < answer.due < at + 10]
    assert later == [], told(later)
    restarts = [pod["status"]["containerStatuses"][0]["restartCount"] for pod in operator_pods().values()]
    assert sum(restarts) >= 1


def test_a_drain_takes_one_replica_at_a_time():
    scale_operator(2)
    budget = wait("the operator's disruption budget", lambda: get("pdb", OPERATOR, OPERATOR_NAMESPACE), 60)
    assert budget["spec"]["maxUnavailable"] == 1
    owner = budget["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"]) == ("Deployment", OPERATOR)

    def allowed():
        status = get("pdb", OPERATOR, OPERATOR_NAMESPACE)["status"]
        return status.get("expectedPods") == 2 and status.get("disruptionsAllowed") == 1

    wait("one of two may be evicted", allowed)


def test_readiness_ends_before_the_listener():
    scale_operator(2)
    name, pod = sorted(operator_pods().items())[0]
    address = pod["status"]["podIP"]
    seen, ends = [], threading.Event()

    def look():
        while not ends.is_set():
            # In this order: a listener seen open after readiness had ended was open then.
            seen.append((says_ready(address), accepts(address)))
            time.sleep(0.05)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    wait("it is ready", lambda: seen and seen[-1] == (True, True))
    kubectl("delete", "pod", name, "--wait=false", namespace=OPERATOR_NAMESPACE)
    wait("it does not listen any more", lambda: seen[-1][1] is False)
    ends.set()
    thread.join(10)
    assert (False, True) in seen, "it never listened without being ready"
    assert (True, False) not in seen, "it was ready without listening"
    scale_operator(2)


def says_ready(address):
    connection = http.client.HTTPConnection(address, 8081, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def accepts(address):
    try:
        socket.create_connection((address, 9443), 2).close()
        return True
    except OSError:
        return False
