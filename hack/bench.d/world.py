"""Processes of a benchmark: a control plane, the operator, the yardsticks. All end when the block around them does."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path

HACK = Path(__file__).resolve().parent.parent
ROOT = HACK.parent
BUILD = ROOT / ".build-release"
STARTED = time.monotonic()

class Failure(Exception):
    """One sentence that says what went wrong."""


def say(text: str) -> None:
    print(f"[{time.monotonic() - STARTED:4.0f}s] bench: {text}", file=sys.stderr, flush=True)


def run(*command: str | Path, timeout: float, stdin: bytes | None = None, **environment: str) -> bytes:
    """The output of a command that succeeds."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, input=stdin, capture_output=True, timeout=timeout, check=False, env=os.environ | environment
        )
    except subprocess.TimeoutExpired:
        raise Failure(f"'{' '.join(words[:4])}' took more than {timeout:.0f} s") from None
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
        # A compiler says much besides.
        told = [line for line in lines if "error:" in line][:10] or lines[-15:]
        raise Failure(f"'{' '.join(words[:4])}' failed:\n" + "\n".join(told))
    return done.stdout


def build(swiftlet: Path | None, yardsticks: Sequence[str]) -> dict[str, Path]:
    """`swiftlet` and what it is compared with, built if need be."""
    programs = {}
    for product in ["swiftlet", *yardsticks]:
        if product == "swiftlet" and swiftlet is not None:
            programs[product] = swiftlet
            continue
        say(f"release build of {product} (some 20 minutes of CPU when cold)")
        run("nice", "-n", "10", ROOT / "hack/build-release", product, timeout=7200)
        programs[product] = BUILD / "release" / product
    return programs


def need_wrk() -> None:
    if shutil.which("wrk") is None:
        say("installing Debian's wrk")
        run("apt-get", "-q", "install", "-y", "--no-install-recommends", "wrk", timeout=300)


def on_one_core(cpu: int) -> list[str]:
    """What goes before a command that shall have this core and no other, before everybody else's work.

    Event loops are counted by the cgroup, as in a container with a limit of one CPU: two loops on one core would wait
    for each other's time slices of some milliseconds, and that would be the p99.
    """
    if os.geteuid() != 0:
        return ["taskset", "-c", str(cpu)]
    script = f"""
        mount -t tmpfs -o size=64k none /sys/fs/cgroup && mkdir /sys/fs/cgroup/cpuset &&
        echo {cpu} >/sys/fs/cgroup/cpuset/cpuset.cpus && exec nice -n -5 taskset -c {cpu} "$@"
    """
    return ["unshare", "--mount", "sh", "-c", script, "on-one-core"]


class Process:
    """A program that runs until ``stop()``, in the background, with its output in a file."""

    def __init__(
        self, command: Sequence[str | Path], log: Path, cpu: int | None = None, **environment: str
    ) -> None:
        words = [str(word) for word in command]
        if cpu is not None:
            words = on_one_core(cpu) + words
        self.log = log
        self.name = Path(command[0]).name
        self.seconds_to_ready = 0.0
        self.started = time.monotonic()
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=os.environ | environment,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def check(self) -> None:
        if self.process.poll() is not None:
            end = self.log.read_text(errors="replace")[-1500:]
            raise Failure(f"{self.name} ended early with {self.process.returncode}:\n{end}")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                say(f"process {self.pid} did not end within 15 s of SIGTERM; killed")
                self.process.kill()
                self.process.wait(10)

    def wait_until(self, answers: Callable[[], bool], limit: float) -> float:
        """Seconds from the start until ``answers()`` is true."""
        end = self.started + limit
        while not answers():
            self.check()
            if time.monotonic() > end:
                raise Failure(f"{self.name} did not answer within {limit:.0f} s: see {self.log}")
            time.sleep(0.002)
        return time.monotonic() - self.started


class World:
    """A folder, ports and programs. Use as a context."""

    def __init__(self, programs: dict[str, Path], port: int, keep: bool) -> None:
        self.programs = programs
        self.port = port
        self.keep = keep
        self.folder = Path(tempfile.mkdtemp(prefix="swiftlet-bench."))
        self.plane = self.folder / "plane"
        self.kubeconfig = self.plane / "kubeconfig"
        self.webhook, self.metrics, self.health, self.echo_port = (port + offset for offset in (10, 11, 12, 13))

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        if self.keep:
            say(f"state and logs are in {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    # MARK: Control plane

    @contextlib.contextmanager
    def control_plane(self) -> Iterator[None]:
        """A fresh API server with our CRDs and a namespace `bench`."""
        options = ["--control-plane-only", "--dir", str(self.plane), "--port", str(self.port)]
        try:
            run(HACK / "cluster", *options, "up", timeout=3600)
            crds = run(
                self.programs["swiftlet"],
                "crds",
                "--server-version",
                "cluster",
                timeout=30,
                KUBECONFIG=str(self.kubeconfig),
            )
            self.apply(crds)
            for kind in ["v1beta1/opentelemetrycollectors", "v1alpha1/instrumentations"]:
                self.wait_for(f"/apis/opentelemetry.io/{kind}")
            self.kubectl("create", "namespace", "bench")
            self.wait_for("/api/v1/namespaces/bench/serviceaccounts/default")
            yield
        finally:
            run(HACK / "cluster", *options, "down", timeout=120)

    def kubectl(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        return run(HACK / "cluster", "--dir", self.plane, "kubectl", *arguments, timeout=120, stdin=stdin)

    def apply(self, manifest: str | bytes) -> None:
        content = manifest.encode() if isinstance(manifest, str) else manifest
        self.kubectl("apply", "--server-side", "-f", "-", stdin=content)

    def get(self, path: str) -> dict:
        return json.loads(self.kubectl("get", "--raw", path))

    def wait_for(self, path: str, limit: float = 30) -> dict:
        end = time.monotonic() + limit
        while True:
            try:
                return self.get(path)
            except Failure:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def plane_pids(self) -> list[int]:
        return [int(file.read_text().split()[0]) for file in (self.plane / "run").glob("*.pid")]

    @property
    def audit(self) -> Path:
        return self.plane / "logs" / "audit.log"

    # MARK: Servers

    @contextlib.contextmanager
    def operator(self, cpu: int | None = None, leads: bool = False) -> Iterator[Process]:
        """The operator, ready; its ``seconds_to_ready`` says how long that took. With a lease, if it ``leads``."""
        command: list[str | Path] = [self.programs["swiftlet"], "operator", "--kubeconfig", self.kubeconfig]
        command += ["--webhook-url", f"https://127.0.0.1:{self.webhook}", "--webhook-port", str(self.webhook)]
        command += ["--metrics-addr", f"127.0.0.1:{self.metrics}", "--metrics-secure=false"]
        command += ["--health-probe-addr", f"127.0.0.1:{self.health}"]
        if leads:
            command += ["--enable-leader-election", "--namespace", "bench"]
        # As in manifests/install.yaml.
        process = Process(command, self.folder / "operator.log", cpu, MALLOC_ARENA_MAX="2")
        try:
            process.seconds_to_ready = process.wait_until(self.is_ready, 60)
            yield process
            process.check()
        finally:
            process.stop()

    def scrape(self) -> str:
        """The operator's metrics."""
        connection = HTTPConnection("127.0.0.1", self.metrics, timeout=10)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def is_ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.health), 1) as connection:
                connection.settimeout(2)
                connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
                return connection.recv(64).startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    @contextlib.contextmanager
    def echo(self, cpu: int | None = None) -> Iterator[Process]:
        key, certificate = self.folder / "echo.key", self.folder / "echo.crt"
        command = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        command += ["-subj", "/CN=echo", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1"]
        run(*command, "-keyout", key, "-out", certificate, timeout=30)
        words: list[str | Path] = [
            self.programs["TLSEcho"],
            "--port",
            str(self.echo_port),
            "--certificate",
            certificate,
            "--key",
            key,
        ]
        process = Process(words, self.folder / "echo.log", cpu)
        try:
            process.wait_until(lambda: self.accepts(self.echo_port), 20)
            yield process
            process.check()
        finally:
            process.stop()

    @staticmethod
    def accepts(port: int) -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    @staticmethod
    def post(port: int, path: str, body: bytes) -> bytes:
        """The answer of one of our own TLS servers on loopback, whose certificates nobody else signed."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != 200:
                raise Failure(f"POST {path}: {answer.status} {content[:300]!r}")
            return content
        finally:
            connection.close()

    # MARK: Bare client

    def bare_client(
        self, steps: list[str], count: int, name: str = "bench-00000", parallel: int = 16, limit: float = 1200
    ) -> dict:
        command: list[str | Path] = [
            self.programs["BareClient"],
            "--kubeconfig",
            self.kubeconfig,
            "--count",
            str(count),
        ]
        command += ["--parallel", str(parallel), "--name", name]
        for step in steps:
            command += ["--step", step]
        result = json.loads(run(*command, timeout=limit))
        if result["failures"]:
            raise Failure(f"the bare client failed {result['failures']} times: {result['error']}")
        return result


def on_signals() -> None:
    """SIGTERM and SIGINT unwind the stack, so that every process is ended."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
