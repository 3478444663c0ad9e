"""Plain pods made through the real API server: what the operator's part in it costs, and what it costs the pods."""

from __future__ import annotations

import base64
import itertools
import json
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from machine import Disturbance, cpu_seconds, wait_for_quiet_cpu
from report import Report
from world import Failure, World, say

NAMESPACE = "plain-pods"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
PARALLEL = 8
# What the Go operator 0.158 took on this control plane, in ms a pod.
GO_OPERATOR = 0.92


def measure(world: World, report: Report, quick: bool) -> None:
    count = 1000 if quick else 10_000
    world.kubectl("create", "namespace", NAMESPACE)
    world.wait_for(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default")
    server = Server(world)
    # Those of the operators before.
    world.kubectl("delete", "mutatingwebhookconfigurations,validatingwebhookconfigurations", "--all")
    time.sleep(1)
    say(f"{count} plain pods without webhooks")
    alone = created(server, count)
    deleted(server, count)
    with world.operator() as operator:
        until_asked(world, server)
        wait_for_quiet_cpu(operator.pid, 30)
        say(f"{count} plain pods")
        disturbance = Disturbance([operator.pid, *world.plane_pids()])
        before = cpu_seconds(operator.pid)
        asked = reviews(world)
        times = created(server, count)
        between, _ = wait_for_quiet_cpu(operator.pid, 30)
        asked = reviews(world) - asked
        deleted(server, count)
        after, _ = wait_for_quiet_cpu(operator.pid, 30)
        noise = disturbance.share()
    if asked < count:
        raise Failure(f"the webhook was asked about {asked} of {count} pods")
    group = f"{count} plain pods through the API server"
    cost = (after - before) / count * 1000
    report.add(group, "operator's CPU a pod, made and deleted", cost, "ms", goal=0.15)
    report.add(group, "operator's CPU a pod, made", (between - before) / count * 1000, "ms")
    for name, share in [("p50", 50), ("p99", 99)]:
        report.add(group, f"a create, {name}", at(times, share), "ms", yardstick=at(alone, share))
    report.note(
        f"plain pods: {PARALLEL} at a time; yardstick: the same without webhooks; the Go operator took "
        f"{GO_OPERATOR} ms of CPU a pod; other processes took {noise:.0%} of a CPU meanwhile"
    )


def at(seconds: list[float], percent: int) -> float:
    """A percentile, in ms."""
    return sorted(seconds)[len(seconds) * percent // 100] * 1000


def pod(number: int) -> bytes:
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"shop-{number:05}", "labels": {"app": "shop", "team": "payments"}},
        "spec": {
            # No scheduler of this name is there, so nobody looks at them.
            "schedulerName": "none",
            "containers": [
                {
                    "name": "shop",
                    "image": "registry.example.com/shop:1.4.2",
                    "env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "REGION", "value": "eu-1"}],
                    "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
                }
            ],
        },
    }
    return json.dumps(body).encode()


class Server:
    """The API server, spoken to over kept connections."""

    def __init__(self, world: World) -> None:
        config = json.loads(world.kubectl("config", "view", "--raw", "-o", "json"))
        cluster = config["clusters"][0]["cluster"]
        self.address = urlsplit(cluster["server"]).netloc
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self.context = ssl.create_default_context(cadata=authority)
        self.token = config["users"][0]["user"]["token"]

    def connect(self) -> HTTPSConnection:
        return HTTPSConnection(self.address, context=self.context, timeout=30)

    def send(self, connection: HTTPSConnection, method: str, path: str, body: bytes | None = None) -> bytes:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException) as error:
            raise Failure(f"{method} {path}: {error!r}") from error
        if answer.status not in (200, 201):
            raise Failure(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content

    def send_all(self, count: int, send: Callable[[HTTPSConnection, int], object]) -> list[float]:
        """Does something for each number, several at a time. The seconds that each took."""
        numbers = itertools.count()

        def work(_: int) -> list[float]:
            connection = self.connect()
            seconds = []
            try:
                while (number := next(numbers)) < count:
                    start = time.monotonic()
                    send(connection, number)
                    seconds.append(time.monotonic() - start)
            finally:
                connection.close()
            return seconds

        with ThreadPoolExecutor(PARALLEL) as pool:
            return [one for part in pool.map(work, range(PARALLEL)) for one in part]


def created(server: Server, count: int) -> list[float]:
    return server.send_all(count, lambda connection, number: server.send(connection, "POST", PODS, pod(number)))


def deleted(server: Server, count: int) -> list[float]:
    """Nobody runs them, so they are gone at once."""

    def delete(connection: HTTPSConnection, number: int) -> None:
        server.send(connection, "DELETE", f"{PODS}/shop-{number:05}")

    return server.send_all(count, delete)


def until_asked(world: World, server: Server) -> None:
    """The API server reads webhook configurations with a delay."""
    connection = server.connect()
    end = time.monotonic() + 30
    before = reviews(world)
    while reviews(world) == before:
        if time.monotonic() > end:
            raise Failure("the API server did not ask the webhook within 30 s")
        server.send(connection, "POST", f"{PODS}?dryRun=All", pod(0))
        time.sleep(0.1)
    connection.close()


def reviews(world: World) -> int:
    """Of pods, that the operator answered."""
    return sum(
        int(float(line.rsplit(" ", 1)[1]))
        for line in world.scrape().splitlines()
        if line.startswith("controller_runtime_webhook_requests_total{") and 'webhook="/mutate-v1-pod"' in line
    )
