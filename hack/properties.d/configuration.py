"""Draws collector configurations: components of the parser tables, wired into pipelines."""

from __future__ import annotations

from typing import Any

from drawing import Drawing

PROTOCOLS = {
    "otlp": ("grpc", "http"),
    "skywalking": ("grpc", "http"),
    "jaeger": ("grpc", "thrift_http", "thrift_compact", "thrift_binary"),
    "loki": ("grpc", "http"),
}
ENDPOINTS = (
    "awsxray carbon collectd fluent_forward fluentforward influxdb sapm signalfx splunk_hec statsd wavefront zipkin"
).split()
REQUIRED = ("tcp_log", "udp_log", "tcplog", "udplog")
PLAIN = (
    "k8s_events k8s_cluster hostmetrics filelog redis nginx http_check podman_stats snmp googlecloudpubsub nop"
    " examplereceiver"
).split()
EXPORTERS = "debug otlp otlphttp prometheus prometheusremotewrite kafka file nop".split()
PROCESSORS = "batch memory_limiter attributes k8sattributes k8s_attributes resourcedetection transform".split()
EXTENSIONS = "health_check jaeger_query k8s_observer k8s_leader_elector pprof basicauth".split()
CONNECTORS = "forward count spanmetrics".split()
HOSTS = ("0.0.0.0", "localhost", "${env:POD_IP}", "", "[::1]", "[::]", "example.com")


def endpoint(d: Drawing) -> str:
    return f"{d.random.choice(HOSTS)}:{d.random.choice((0, 1, 4317, 8080, 8888, 65535, d.random.randint(1, 65535)))}"


def settings(d: Drawing) -> Any:
    """The body of a component that nobody looks at: any JSON."""
    values: list[Any] = [
        None,
        True,
        0,
        1.5,
        1_000_000,
        10**21,
        -7,
        "text",
        "10s",
        "yes",
        "0755",
        "1e5",
        "a: b",
        "# no",
        "${env:X}",
        "a\nb\n",
        "  ",
        "é",
        "'",
        "\t",
        [],
        {},
        [1, "a", {"b": None}],
        {"c": {"d": [[]]}},
        "2001-01-01",
        "*",
        "x" * 300,
    ]
    return {d.key(): d.random.choice(values) for _ in range(d.random.randint(0, 3))}


def identifier(d: Drawing, kind: str) -> str:
    # No upper case: admission refuses a component whose port would be named so.
    return kind + d.random.choice(("", "", "", "/2", "/my_own", "/a-rather-long-name-of-one", "/9"))


def protocol(d: Drawing) -> Any:
    if d.maybe(0.2):
        return None
    body: dict[str, Any] = {} if d.maybe(0.5) else settings(d)
    if d.maybe(0.5):
        body["endpoint"] = endpoint(d)
    if d.maybe(0.1):
        body["tls"] = {"cert_file": "/a", "key_file": "/b"}
    return body


def receiver(d: Drawing) -> tuple[str, Any]:
    group = d.random.random()
    if group < 0.4:
        kind = d.random.choice(list(PROTOCOLS))
        names = d.some(PROTOCOLS[kind], 1, 4)
        return identifier(d, kind), {"protocols": {name: protocol(d) for name in names}}
    if group < 0.7:
        kind = d.random.choice(ENDPOINTS)
        body: Any = None if d.maybe(0.15) else settings(d)
        if body is not None and d.maybe(0.5):
            body[d.random.choice(("endpoint", "endpoint", "listen_address"))] = endpoint(d)
        return identifier(d, kind), body
    if group < 0.75:
        return identifier(d, d.random.choice(REQUIRED)), {"listen_address": f"0.0.0.0:{d.random.randint(1, 65535)}"}
    if group < 0.8:
        return identifier(d, "k8sobjects"), {
            "objects": [{"name": d.random.choice(("pods", "events")), "mode": d.random.choice(("pull", "watch"))}]
        }
    if group < 0.85:
        return identifier(d, "kubeletstats"), {
            "auth_type": "serviceAccount",
            "extra_metadata_labels": ["k8s.volume.type"],
        }
    return identifier(d, d.random.choice(PLAIN)), d.random.choice(
        (None, {}, {"endpoint": f"x:{d.random.randint(1, 65535)}"})
    )


def exporter(d: Drawing) -> tuple[str, Any]:
    kind = d.random.choice(EXPORTERS)
    body: Any = d.random.choice((None, {}, settings(d)))
    if kind == "prometheus" and d.maybe(0.5):
        body = {"endpoint": endpoint(d)}
    return identifier(d, kind), body


def processor(d: Drawing) -> tuple[str, Any]:
    kind = d.random.choice(PROCESSORS)
    if kind in ("k8sattributes", "k8s_attributes"):
        items = ("k8s.pod.name", "k8s.deployment.name", "k8s.node.name", "k8s.node.uid", "service.name")
        return identifier(d, kind), d.random.choice((None, {}, {"extract": {"metadata": d.some(items)}}))
    if kind == "resourcedetection":
        return identifier(d, kind), {"detectors": d.some(("env", "k8snode", "openshift", "eks"))}
    return identifier(d, kind), d.random.choice((None, {}, settings(d)))


def extension(d: Drawing) -> tuple[str, Any]:
    kind = d.random.choice(EXTENSIONS)
    if kind == "health_check":
        return identifier(d, kind), d.random.choice((None, {}, {"endpoint": endpoint(d), "path": "/healthz"}))
    if kind == "jaeger_query":
        return identifier(d, kind), {"http": {"endpoint": endpoint(d)}, "grpc": {"endpoint": endpoint(d)}}
    if kind == "k8s_observer":
        return identifier(d, kind), {f"observe_{what}": d.maybe(0.5) for what in ("pods", "services", "nodes")}
    return identifier(d, kind), d.random.choice((None, {}, settings(d)))


def telemetry(d: Drawing) -> Any:
    def reader() -> Any:
        prometheus: dict[str, Any] = {}
        if d.maybe(0.5):
            prometheus["host"] = d.random.choice(HOSTS[:3])
        if d.maybe(0.7):
            prometheus["port"] = d.random.choice((8888, 9090, 4317, 0, 65535))
        return {"pull": {"exporter": {"prometheus": prometheus}}}

    metrics: dict[str, Any] = {}
    if d.maybe(0.3):
        metrics["level"] = "detailed"
    if d.maybe(0.3):
        metrics["address"] = d.random.choice(
            ("localhost", "[::]", "0.0.0.0:9999", "${env:POD_IP}", "${env:POD_IP}:8889")
        )
    if d.maybe(0.3):
        metrics["readers"] = [reader() for _ in range(d.random.randint(0, 2))]
    result: dict[str, Any] = {"metrics": metrics} if d.maybe(0.8) else {}
    if d.maybe(0.3):
        result["logs"] = {"level": "debug"}
    if d.maybe(0.2):
        result["resource"] = {"a": "b", "service.name": None}
    return result


def configuration(d: Drawing, _: Any = None) -> dict[str, Any]:
    receivers = dict(receiver(d) for _ in range(d.random.randint(1, 4)))
    exporters = dict(exporter(d) for _ in range(d.random.randint(1, 3)))
    config: dict[str, Any] = {"receivers": receivers, "exporters": exporters}
    processors: dict[str, Any] = {}
    connectors: dict[str, Any] = {}
    if d.maybe(0.6):
        config["processors"] = processors = dict(processor(d) for _ in range(d.random.randint(0, 3)))
    if d.maybe(0.2):
        config["connectors"] = connectors = {identifier(d, d.random.choice(CONNECTORS)): None}
    service: dict[str, Any] = {}
    if d.maybe(0.6):
        config["extensions"] = extensions = dict(extension(d) for _ in range(d.random.randint(0, 3)))
        service["extensions"] = d.some(list(extensions), 0, 3)
    elif d.maybe(0.1):
        service["extensions"] = ["health_check"]
    if d.maybe(0.5):
        service["telemetry"] = telemetry(d)
    pipelines = {}
    for name in d.some(("traces", "metrics", "logs", "profiles", "traces/2", "metrics/own"), 0, 3):
        pipeline = {
            "receivers": d.some([*receivers, *connectors], 0, 4),
            "exporters": d.some([*exporters, *connectors], 0, 3),
        }
        if processors and d.maybe(0.7):
            pipeline["processors"] = d.some(list(processors), 0, 3)
        pipelines[name] = pipeline
    if d.maybe(0.05):
        pipelines["logs/undefined"] = {"receivers": ["otlp/undefined"], "exporters": ["nop/undefined"]}
    service["pipelines"] = pipelines
    return config | {"service": service}


def with_prometheus(d: Drawing, config: dict[str, Any]) -> dict[str, Any]:
    """What a target allocator wants: a receiver named exactly so, with something to scrape."""
    receivers = config["receivers"] | {"prometheus": {"config": {"scrape_configs": [{"job_name": "a"}]}}}
    return config | {"receivers": receivers}
