"""Random pods that an API server takes, and that ask for injection in all ways there are."""

from __future__ import annotations

from typing import Any

from drawing import Drawing
from worlds import LANGUAGES, ODD, TRUE, context, drawing, resource_annotations, resources, restricted, variable

Object = dict[str, Any]
PREFIX = "instrumentation.opentelemetry.io/"
AGENTS = ("java", "nodejs", "python", "dotnet")
VOLUMES = (
    *(f"opentelemetry-auto-instrumentation-{name}" for name in AGENTS),
    "otel-apache-conf-dir",
    "otel-apache-agent",
    "otel-nginx-conf-dir",
    "otel-nginx-agent",
    "otel-auto-secret-certs",
    "otel-auto-configmap-ca",
    "otc-internal",
    "own",
    "data",
    "tmp",
)
PATHS = (
    "/usr/local/apache2/conf",
    "/usr/local/apache2/conf/",
    "/usr/local/apache2/conf/extra",
    "/usr/local/apache2/config",
    "/etc/nginx",
    "/etc/nginx/conf.d",
    "/etc/nginx/nginx.conf",
    "/otel-auto-instrumentation",
    "/data",
    "/tmp",
)
CLAIMED = (
    *(f"/otel-auto-instrumentation-{name}" for name in AGENTS),
    "/otel-auto-instrumentation-java-c0",
    "/otel-auto-instrumentation-secret-certs",
    "/otel-auto-instrumentation-configmap-ca",
    "/opt/opentelemetry-webserver/agent",
    "/opt/opentelemetry-webserver/source-conf",
)
"""Where injection mounts something itself."""
VARIABLES = (
    "JAVA_TOOL_OPTIONS",
    "NODE_OPTIONS",
    "PYTHONPATH",
    "DOTNET_STARTUP_HOOKS",
    "DOTNET_ADDITIONAL_DEPS",
    "DOTNET_SHARED_STORE",
    "OTEL_DOTNET_AUTO_HOME",
    "LD_LIBRARY_PATH",
    "OTEL_SERVICE_NAME",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_RESOURCE_ATTRIBUTES",
    "OTEL_RESOURCE_ATTRIBUTES_POD_NAME",
    "OTEL_RESOURCE_ATTRIBUTES_POD_UID",
    "OTEL_NODE_IP",
    "OTEL_POD_IP",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_PROPAGATORS",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_METRICS_EXPORTER",
    "OTEL_GO_AUTO_TARGET_EXE",
    "OWN",
    "own.dotted-name",
)


def annotations(d: Drawing, names: list[str], namespaces: list[str]) -> Object:
    result: Object = {}
    missing = d.maybe(0.06)
    left = list(names)

    def reference(kind: str) -> str:
        if missing and d.maybe(0.5):
            return d.random.choice(("missing", "missing-namespace/x", "/", "a/b/c", *(o for o in ODD if o)))
        named = (*TRUE * 2, "false", "", f"{kind}-0", f"{kind}-0", f"{d.random.choice(namespaces)}/{kind}-0")
        return d.random.choice(named)

    def listed() -> str:
        chosen = d.some(left or names, 1, d.random.choice((1, 1, 2, 3)))
        # A name in two lists is refused, and that is tried often enough if it is rare.
        left[:] = [name for name in left if name not in chosen or d.maybe(0.05)]
        chosen += ["unknown"] if d.maybe(0.1) else []
        chosen += chosen[:1] if d.maybe(0.03) else []
        value = ",".join(chosen)
        return d.random.choice((" ", "é", ", ")) + value if d.maybe(0.03) else value

    wanted = [] if d.maybe(0.08) else d.some(LANGUAGES, 0, d.random.choice((1, 1, 1, 2, 2, 3, 8)))
    several = len(wanted) > 1 and d.maybe(0.8)
    for language in wanted:
        result[f"{PREFIX}inject-{language}"] = reference("inst")
        if several or d.maybe(0.25):
            key = (
                "inject-nginx-container-names"
                if language == "nginx" and d.maybe(0.5)
                else f"{language}-container-names"
            )
            result[PREFIX + key] = listed()
    if d.maybe(0.1):
        result[f"{PREFIX}container-names"] = listed()
    if d.maybe(0.2):
        result[f"{PREFIX}otel-python-platform"] = d.random.choice(("glibc", "musl", "musl", "Musl", ""))
    if d.maybe(0.2):
        result[f"{PREFIX}otel-dotnet-auto-runtime"] = d.random.choice(
            ("linux-x64", "linux-musl-x64", "linux-arm64", "")
        )
    if "go" in wanted and d.maybe(0.8):
        result[f"{PREFIX}otel-go-auto-target-exe"] = d.random.choice(("/app", "/bin/日本", "", " "))
    if d.maybe(0.3):
        result["sidecar.opentelemetry.io/inject"] = reference("side") if d.maybe(0.9) else "gate"
    if d.maybe(0.3):
        result |= resource_annotations(d)
    if d.maybe(0.2):
        result["example.com/note"] = d.random.choice(ODD)
    if d.maybe(0.05):
        result[f"{PREFIX}inject-perl"] = "true"
    if d.maybe(0.06):
        stamps = (
            *ODD,
            "[]",
            "[{}]",
            '[{"subject":"java","code":"Injected"}]',
            '[{"subject":"sidecar","code":"Own","x":1}]',
        )
        result["swiftlet.opentelemetry.io/injection"] = d.random.choice(stamps)
    pairs = list(result.items())
    d.random.shuffle(pairs)
    return dict(pairs)


def volume(d: Drawing, name: str) -> Object:
    sources: list[Object] = [
        {"emptyDir": {}},
        {"emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"configMap": {"name": "ca", "optional": True}},
        {"secret": {"secretName": "certs"}},
        {"hostPath": {"path": "/tmp"}},
        {"downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        {"projected": {"sources": [{"configMap": {"name": "ca"}}]}},
        {},
    ]
    return {"name": name} | d.random.choice(sources)


def container(d: Drawing, name: str, volumes: list[str], likely: float) -> Object:
    images = (
        "a",
        "example.com/shop:1.2.3",
        "localhost:5000/a/b",
        "a@sha256:" + "f" * 64,
        "example.com/a:v1@sha256:" + "0" * 64,
    )
    result: Object = {"name": name, "image": d.random.choice(images)}
    if d.maybe(likely):
        result["env"] = [variable(d, d.random.choice(VARIABLES)) for _ in range(d.random.randint(0, 6))]
    if d.maybe(likely) and volumes:
        mounts = []
        for path in d.some(PATHS + CLAIMED, 1, 4):
            mounted: Object = {"name": d.random.choice(volumes), "mountPath": path}
            if d.maybe(0.2):
                mounted |= d.random.choice(({"readOnly": True}, {"subPath": "a"}, {"mountPropagation": "None"}))
            mounts.append(mounted)
        result["volumeMounts"] = mounts
    if d.maybe(0.2):
        result["command"] = ["/bin/sh", "-c", d.random.choice(ODD)]
    if d.maybe(0.1):
        result["args"] = [d.random.choice(ODD)]
    if d.maybe(0.15):
        result["envFrom"] = [
            d.random.choice(({"configMapRef": {"name": "ca"}}, {"prefix": "P_", "secretRef": {"name": "c"}}))
        ]
    if d.maybe(0.2):
        result["resources"] = resources(d)
    if d.maybe(0.2):
        result["ports"] = [{"containerPort": d.random.choice((80, 8080)), "name": "web"}]
    if d.maybe(0.3):
        result["securityContext"] = context(d)
    if d.maybe(0.15):
        result["imagePullPolicy"] = d.random.choice(("Always", "Never"))
    if d.maybe(0.1):
        result["workingDir"] = "/w"
    return result


def pod(seed: str, namespaces: list[str], deployed: dict[str, list[Object]], minor: int) -> Object:
    """One pod. `deployed`: the ReplicaSets and Jobs there are, by namespace."""
    d = drawing(seed)
    namespace = d.random.choice(namespaces)
    count = d.random.choice((0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 5, 8, d.random.randint(1, 50)))
    if count == 0 and d.maybe(0.8):
        count = 1
    volumes = d.some(VOLUMES, 0, 5)
    likely = 0.6 if count < 10 else 0.15
    containers = [container(d, f"c{i}", volumes, likely) for i in range(count)]
    initial = [container(d, f"i{i}", volumes, likely) for i in range(d.random.choice((0, 0, 0, 1, 1, 2)))]
    names = [c["name"] for c in [*containers, *initial]] or ["c0"]
    spec: Object = {"containers": containers}
    if initial:
        spec["initContainers"] = initial
    if volumes or d.maybe(0.1):
        spec["volumes"] = [volume(d, name) for name in volumes]
    if d.maybe(0.3):
        spec["shareProcessNamespace"] = d.maybe(0.7)
    if d.maybe(0.1) and not spec.get("shareProcessNamespace"):
        spec["hostPID"] = True
    if d.maybe(0.1):
        spec["hostNetwork"] = True
        for one in [*containers, *initial]:
            one.pop("ports", None)
    if d.maybe(0.3):
        spec["securityContext"] = context(d, container=False)
    if d.maybe(0.15):
        spec["securityContext"], for_each = restricted()
        spec.pop("hostNetwork", None)
        spec.pop("hostPID", None)
        for one in [*containers, *initial]:
            one["securityContext"] = dict(for_each)
        spec["volumes"] = [v if "hostPath" not in v else {"name": v["name"]} for v in spec.get("volumes", [])]
    if d.maybe(0.1):
        name = d.random.choice(
            (*(f"opentelemetry-auto-instrumentation-{n}" for n in AGENTS), "otel-agent-attach-apache", "before-otc")
        )
        d.random.choice([*containers, *initial] or [{}])["name"] = name
    if d.maybe(0.05):
        # Somebody was here before.
        mark = d.random.choice(
            (f"opentelemetry-auto-instrumentation-{d.random.choice(AGENTS)}", "otc-container", "otc-container")
        )
        place = "initContainers" if mark != "otc-container" or d.maybe(0.3) else "containers"
        spec.setdefault(place, []).append({"name": mark, "image": "a"})
    if d.maybe(0.1):
        spec["automountServiceAccountToken"] = False
    if d.maybe(0.2):
        spec["restartPolicy"] = d.random.choice(("Never", "OnFailure"))
    if minor >= 25 and d.maybe(0.04):
        windows(spec)
    metadata: Object = {"namespace": namespace}
    metadata["generateName" if d.maybe(0.6) else "name"] = d.random.choice(("shop-7d9c5b8f6-", "web-", "p-")) + "x"
    if d.maybe(0.6):
        keys = ("app.kubernetes.io/name", "app.kubernetes.io/version", "app.kubernetes.io/part-of", "app", "a.b/c")
        metadata["labels"] = {key: d.random.choice(("shop", "1.2", "", "a_b.c")) for key in d.some(keys, 0, 3)}
        if d.maybe(0.1):
            metadata["labels"]["sidecar.opentelemetry.io/injected"] = "other"
        if d.maybe(0.04):
            metadata["labels"]["app.kubernetes.io/managed-by"] = "opentelemetry-operator"
    asked = annotations(d, names, namespaces)
    if asked or d.maybe(0.5):
        metadata["annotations"] = asked
    if d.maybe(0.5):
        metadata["ownerReferences"] = owners(d, deployed[namespace])
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def windows(spec: Object) -> None:
    spec["os"] = {"name": "windows"}
    for place in [spec, *spec.get("containers", []), *spec.get("initContainers", [])]:
        place.pop("securityContext", None)
    for key in ("hostPID", "shareProcessNamespace", "hostNetwork"):
        spec.pop(key, None)


def owners(d: Drawing, deployed: list[Object]) -> list[Object]:
    result = []
    for known in d.some(deployed, 0, 1):
        metadata = known["metadata"]
        result.append(
            {key: known[key] for key in ("apiVersion", "kind")} | {key: metadata[key] for key in ("name", "uid")}
        )
    if not result or d.maybe(0.1):
        kind, version = d.random.choice(
            (
                ("StatefulSet", "apps/v1"),
                ("DaemonSet", "apps/v1"),
                ("ReplicaSet", "apps/v1"),
                ("Job", "batch/v1"),
                ("X", "x/v1"),
            )
        )
        result.append(
            {
                "apiVersion": version,
                "kind": kind,
                "name": "gone",
                "uid": f"00000000-0000-0000-0000-{d.random.randint(0, 9):012}",
            }
        )
    if d.maybe(0.7):
        result[0]["controller"] = True
    return result


UNKNOWN: tuple[Any, ...] = (
    "日本\u2028😀",
    12345678901234567890,
    -1.5,
    None,
    [],
    {},
    {"~/a": [{"": None}, "x"]},
    ["a", {"b": {"c": [[]]}}],
)


def with_unknown(seed: str, reviewed: Object) -> Object:
    """Members of a newer Kubernetes, wherever there may be any."""
    d = drawing(seed)
    if d.maybe(0.5):
        return reviewed
    spec = reviewed["spec"]
    places = [reviewed, reviewed["metadata"], spec]
    for one in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
        places += [one, *one.get("env", []), *one.get("volumeMounts", []), one.get("securityContext", {})]
    places += spec.get("volumes") or []
    for place in d.some(places, 1, 4):
        place[d.random.choice(("unknown", "a/b~c", "日本", "zz"))] = d.random.choice(UNKNOWN)
    if d.maybe(0.06):
        spec["os"] = {"name": d.random.choice(("windows", "windows", "linux"))}
    return reviewed
