"""200 admission requests a second through everything that happens to an operator: none fails, every pod is injected."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from admissions import AWAY, FAILED, MISSED, Answer, Client, LoadProcess
from disturbances import NAMESPACE as OPERATOR_NAMESPACE
from disturbances import Disturbances, Watch
from report import Report
from world import HACK, ROOT, Failure, run, say

IMAGE = "registry.local/swiftlet:availability"
NAMESPACE = "availability"
LEASE_SECONDS = 15
# Long enough to be used, short enough to be renewed several times in one part of a minute.
CERTIFICATES = ("--webhook-certificate-validity=30s", "--webhook-authority-validity=90s")
INSTRUMENTATION = f"""
apiVersion: opentelemetry.io/v1alpha1
kind: Instrumentation
metadata: {{name: shop, namespace: {NAMESPACE}}}
spec:
  exporter: {{endpoint: "http://collector:4318"}}
"""


def measure(binary: Path, report: Report, seconds: int, rate: float, keep: bool) -> None:
    with cluster(keep) as folder:
        install(binary, folder)
        client = Client(folder / "kubeconfig")
        watch = Watch(client)
        deeds = Disturbances(client, watch)
        deeds.settle()
        load = LoadProcess(folder / "kubeconfig", NAMESPACE, rate, ["pods", "reviews"])
        time.sleep(3)
        share = seconds / 6
        marks: list[tuple[str, float, float | None, float | None]] = []

        def part(name: str, goal: float | None, deed: object) -> None:
            say(f"{name}, {share:.0f} s")
            load.check()
            begin = time.monotonic()
            leader: float | None = None
            if callable(deed):
                at, old = deed()
                leader = watch.new_leader(at, old) if goal is not None else None
            time.sleep(max(2.0, begin + share - time.monotonic()))
            marks.append((name, begin, leader, goal))

        away: list[float] = []

        def restart() -> tuple[float, str]:
            begin, end = deeds.restart_api_server(folder)
            away.extend([begin, end])
            return begin, ""

        try:
            part("certificates alone", None, None)
            begun, ended = marks[0][1], time.monotonic()
            part("rolling update", None, deeds.rolling_update)
            part("eviction of the leader", 1.0, deeds.evict_leader)
            part("leader kill -9", LEASE_SECONDS + 3.0, deeds.kill_leader)
            part("API server restart", None, restart)
            part("nothing more", None, None)
        finally:
            last = time.monotonic()
            answers = load.stop()
        tell(report, answers, marks, last)
        report.note(
            f"certificates live 30 s, their authorities 90 s: {watch.changes(watch.certificates, begun, last)} new "
            f"certificates and {watch.changes(watch.bundles, begun, last)} new trust bundles in {last - begun:.0f} s, "
            f"{watch.changes(watch.certificates, begun, ended)} and {watch.changes(watch.bundles, begun, ended)} of "
            "them in the first part"
        )
        if away:
            report.note(
                f"the API server was away for {away[1] - away[0]:.1f} s; requests that found it away were never asked "
                "of a webhook and are counted apart"
            )


def tell(
    report: Report, answers: list[Answer], marks: list[tuple[str, float, float | None, float | None]], last: float
) -> None:
    columns = ("", "requests", "failed", "missed", "away", "p50 ms", "p99 ms", "max ms", "new leader s")
    lines = [f"{columns[0]:34}" + "".join(f"{column:>13}" for column in columns[1:])]
    ends = [mark[1] for mark in marks[1:]] + [last]
    for (name, begin, leader, goal), end in zip(marks, ends):
        for load in ("pods", "reviews"):
            # By their ends: what was under way when a disturbance began is the disturbance's.
            some = [
                answer for answer in answers if answer.load == load and begin <= answer.due + answer.seconds < end
            ]
            count = {outcome: sum(answer.outcome == outcome for answer in some) for outcome in (FAILED, MISSED, AWAY)}
            times = sorted(answer.seconds for answer in some if answer.outcome != AWAY) or [0.0]
            values = [times[len(times) // 2], times[len(times) * 99 // 100], times[-1]]
            cells = [str(len(some)), *(str(number) for number in count.values())]
            cells += [f"{value * 1000:.1f}" for value in values]
            cells.append(f"{leader:.1f}" if leader is not None and load == "pods" else "")
            lines.append(f"{name + ', ' + load:34}" + "".join(f"{cell:>13}" for cell in cells))
            group = f"{name}, {load}"
            report.add(group, "requests", len(some))
            report.add(group, "failed", count[FAILED], goal=0)
            report.add(group, "not injected", count[MISSED], goal=0)
            for what, value in zip(("p50", "p99", "slowest"), values):
                report.add(group, what, value * 1000, "ms")
            for answer in [answer for answer in some if answer.outcome in (FAILED, MISSED)][:3]:
                report.note(f"{group}: {answer.outcome} after {answer.due - begin:.2f} s: {answer.detail[:160]}")
        if goal is not None and leader is not None:
            report.add(f"{name}, pods", "seconds to a new leader", leader, "s", goal=goal)
    report.table(lines)


@contextmanager
def cluster(keep: bool) -> Iterator[Path]:
    """A cluster with a kubelet: the one that runs, or one that ends with this."""
    command = [str(HACK / "cluster")]
    was_running = b"node1 Ready" in (quietly(*command, "status") or b"")
    if not was_running:
        say("starting a cluster")
        run(*command, "up", timeout=3600)
    try:
        yield Path(run(*command, "kubeconfig", timeout=10).decode().strip()).parent
    finally:
        if not was_running and not keep:
            run(*command, "down", timeout=120)


def quietly(*command: str) -> bytes | None:
    try:
        return run(*command, timeout=30)
    except Failure:
        return None


def install(binary: Path, folder: Path) -> None:
    say("packing and installing the operator")
    archive = folder / "swiftlet-availability.tar"
    run(HACK / "image", "--binary", binary, "--name", IMAGE, "--output", archive, timeout=120)
    run(HACK / "cluster", "load", archive, timeout=120)

    def kubectl(*arguments: str, stdin: bytes | None = None) -> bytes:
        return run(HACK / "cluster", "kubectl", *arguments, timeout=120, stdin=stdin)

    crds = run(
        binary, "crds", "--server-version", "cluster", timeout=30, KUBECONFIG=str(folder / "kubeconfig")
    )
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=crds)
    manifest = (ROOT / "manifests" / "operator.yaml").read_text().replace("registry.local/swiftlet:dev", IMAGE)
    pull = "          imagePullPolicy: IfNotPresent\n"
    if pull not in manifest:
        raise Failure("manifests/operator.yaml has another shape than expected")
    arguments = "".join(f"            - {argument}\n" for argument in CERTIFICATES)
    manifest = manifest.replace(pull, f"{pull}          args:\n{arguments}", 1)
    # Certificates of an earlier installation may live longer than these are to.
    kubectl("delete", "-f", "-", "--ignore-not-found", stdin=manifest.encode())
    kubectl("apply", "-f", "-", stdin=manifest.encode())
    deployment = "deployment/opentelemetry-operator-controller-manager"
    kubectl("-n", OPERATOR_NAMESPACE, "rollout", "status", deployment, "--timeout=100s")
    end = time.monotonic() + 60
    if quietly(str(HACK / "cluster"), "kubectl", "get", "namespace", NAMESPACE) is None:
        kubectl("create", "namespace", NAMESPACE)
    while True:
        try:
            kubectl("apply", "-f", "-", stdin=INSTRUMENTATION.encode())
            kubectl("-n", NAMESPACE, "get", "serviceaccount", "default")
            return
        except Failure:
            if time.monotonic() > end:
                raise
            time.sleep(1)
