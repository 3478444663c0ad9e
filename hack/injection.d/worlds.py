"""Namespaces with what pods refer to: Instrumentations, sidecars, certificates, owners."""

from __future__ import annotations

from typing import Any

from drawing import Drawing, Tables

Object = dict[str, Any]
OURS = "swiftlet-check-injection"
"""The label of namespaces that may be deleted."""
LANGUAGES = ("java", "nodejs", "python", "dotnet", "go", "apache-httpd", "nginx", "sdk")
SPEC_KEYS = {language: language for language in LANGUAGES} | {"apache-httpd": "apacheHttpd"}
TRUE = ("true", "true", "true", "True", "TRUE")
SECRETS, CONFIG_MAPS = ("certs", "certs.with.dots"), ("ca", "ca.with.dots")
ODD = (
    "",
    " ",
    "a,b=c",
    "=",
    "ключ значение",
    "日本語,😀=é",
    "line\nline\ttab",
    '"quoted" \\ back',
    "$(POD_NAME) $$(X) $(",
    "%2C%",
    "\u2028\u0085\u00a0\u200b",
    "\x7f\x01",
    "null",
    "x" * 300,
    "{}",
    "~0~1/",
    "'",
    "# no comment: yes",
)


def drawing(seed: str) -> Drawing:
    return Drawing(seed, Tables({}, {}, {}, {}, set()))


def resource_annotations(d: Drawing) -> Object:
    keys = ("service.name", "service.namespace", "service.version", "k8s.pod.uid", "k8s.node.name", "a", "A.b_c-d")
    return {f"resource.opentelemetry.io/{key}": d.random.choice((*ODD, "shop", "1.2")) for key in d.some(keys, 1, 3)}


def variable(d: Drawing, name: str) -> Object:
    """An environment variable; sometimes one that comes from elsewhere."""
    kind = d.random.random()
    if kind < 0.55:
        return {
            "name": name,
            "value": d.random.choice((*ODD, "a", "-Dx=y", "k=v,service.name=own", "k8s.pod.name=p,x=1")),
        }
    if kind < 0.6:
        return {"name": name}
    sources: list[Object] = [
        {
            "fieldRef": {
                "fieldPath": d.random.choice(("metadata.name", "spec.nodeName", "status.podIP", "metadata.uid"))
            }
        },
        {"configMapKeyRef": {"name": "ca", "key": "k", "optional": True}},
        {"secretKeyRef": {"name": "certs", "key": "k"}},
        {"resourceFieldRef": {"resource": "limits.cpu"}},
    ]
    return {"name": name, "valueFrom": d.random.choice(sources)}


def resources(d: Drawing) -> Object:
    return d.random.choice(
        (
            {},
            {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "10m"}},
            {"requests": {"memory": "64Mi"}},
            {"limits": {"memory": "1e9"}},
        )
    )


def context(d: Drawing, container: bool = True) -> Object:
    result: Object = {}
    if d.maybe(0.4):
        result["runAsNonRoot"] = d.maybe(0.7)
    if d.maybe(0.4):
        result["runAsUser"] = d.random.choice((1000, 65532))
    if d.maybe(0.3):
        result["seccompProfile"] = {"type": d.random.choice(("RuntimeDefault", "Unconfined"))}
    if d.maybe(0.2):
        result["seLinuxOptions"] = {"level": "s0:c1"}
    if container:
        if d.maybe(0.4):
            result["allowPrivilegeEscalation"] = False
        if d.maybe(0.4):
            result["capabilities"] = {"drop": ["ALL"]} | ({"add": ["NET_BIND_SERVICE"]} if d.maybe(0.3) else {})
        if d.maybe(0.2):
            result["readOnlyRootFilesystem"] = True
        if d.maybe(0.1) and result.get("allowPrivilegeEscalation") is not False:
            result["privileged"] = True
        if d.maybe(0.05) and "allowPrivilegeEscalation" not in result:
            result["capabilities"] = {"add": ["SYS_ADMIN"]}
    elif d.maybe(0.3):
        result["fsGroup"] = 2000
    return result


def restricted() -> tuple[Object, Object]:
    """The security contexts of a pod and its containers that satisfy the profile `restricted`."""
    return (
        {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    )


def language(d: Drawing, name: str, minor: int) -> Object:
    result: Object = {}
    if d.maybe(0.3):
        result["image"] = d.random.choice(("example.com/agent:1", "agent", "example.com/a@sha256:" + "0" * 64))
    if d.maybe(0.4):
        names = ("OTEL_EXPORTER_OTLP_PROTOCOL", "OWN", "OTEL_DOTNET_AUTO_HOME", "JAVA_TOOL_OPTIONS", "NODE_OPTIONS")
        result["env"] = [variable(d, n) for n in d.some(names, 1, 2)]
    if d.maybe(0.3):
        result["resources" if name == "java" else "resourceRequirements"] = resources(d)
    volume = d.random.random()
    if volume < 0.15:
        result["volumeLimitSize"] = d.random.choice(("100Mi", "0", "1Gi"))
    elif volume < 0.3 and minor >= 23:
        claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        result["volumeClaimTemplate"] = {"spec": claim}
    if name == "java" and d.maybe(0.4):
        result["extensions"] = [{"image": f"example.com/e{i}", "dir": f"/e{i}"} for i in range(d.random.randint(1, 3))]
    if name == "go" and d.maybe(0.3):
        result["securityContext"] = context(d)
    if name in ("apache-httpd", "nginx") and d.maybe(0.4):
        result["attrs"] = [{"name": n, "value": d.random.choice(ODD)} for n in ("ApacheModuleOtelMaxQueueSize", "Own")]
    if name == "apache-httpd":
        if d.maybe(0.3):
            result["configPath"] = d.random.choice(("/etc/apache2", "/etc/apache2/", "/"))
        if d.maybe(0.3):
            result["version"] = d.random.choice(("2.2", "2.4"))
    if name == "nginx" and d.maybe(0.3):
        result["configFile"] = d.random.choice(("/etc/nginx/nginx.conf", "/opt/own.conf"))
    return result


def instrumentation(d: Drawing, namespace: str, name: str, minor: int) -> Object:
    spec: Object = {}
    if d.maybe(0.7):
        exporter: Object = {
            "endpoint": d.random.choice(("http://otel:4317", "https://otel.x:4318/", "$(OTEL_NODE_IP):1"))
        }
        if d.maybe(0.5):
            # What is missing gives every pod up, so it is rare.
            tls: Object = {"ca_file": d.random.choice(("ca.crt", "/etc/ca.crt"))} if d.maybe(0.8) else {}
            if d.maybe(0.6):
                tls |= {"secretName": d.random.choice((*SECRETS * 3, "absent")), "cert_file": "c", "key_file": "k"}
            if d.maybe(0.6):
                tls["configMapName"] = d.random.choice((*CONFIG_MAPS * 3, "absent"))
            exporter["tls"] = tls
        spec["exporter"] = exporter
    if d.maybe(0.6):
        spec["propagators"] = d.some(("tracecontext", "baggage", "b3", "none"), 1, 3)
    if d.maybe(0.6):
        spec["sampler"] = d.random.choice(
            ({"type": "always_on"}, {"type": "traceidratio", "argument": "0.5"}, {"type": "xray"})
        )
    if d.maybe(0.6):
        spec["resource"] = {"addK8sUIDAttributes": d.maybe(0.5)}
        if d.maybe(0.6):
            keys = ("environment", "service.name", "k8s.pod.uid", "odd key", "日本")
            spec["resource"]["resourceAttributes"] = {key: d.random.choice(ODD) for key in d.some(keys, 1, 3)}
    if d.maybe(0.4):
        spec["defaults"] = {"useLabelsForResourceAttributes": d.maybe(0.7)}
    if d.maybe(0.5):
        names = (
            "OTEL_SERVICE_NAME",
            "OTEL_RESOURCE_ATTRIBUTES",
            "OTEL_TRACES_EXPORTER",
            "OWN",
            "PYTHONPATH",
            "OTEL_POD_IP",
        )
        spec["env"] = [variable(d, n) for n in d.some(names, 1, 3)]
    if d.maybe(0.3):
        spec["imagePullPolicy"] = "Always"
    if d.maybe(0.2):
        spec["initContainerSecurityContext"] = context(d)
    for key in LANGUAGES:
        if key != "sdk" and d.maybe(0.5):
            spec[SPEC_KEYS[key]] = language(d, key, minor)
    return {
        "apiVersion": "opentelemetry.io/v1alpha1",
        "kind": "Instrumentation",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def collector(d: Drawing, namespace: str, name: str, mode: str = "sidecar") -> Object:
    config: Object = {
        "receivers": {"otlp": {"protocols": {"grpc": {}, "http": {}}}},
        "exporters": {"debug": {}},
        "service": {"pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["debug"]}}},
    }
    spec: Object = {"mode": mode, "config": config}
    if mode != "sidecar":
        # Nothing is to run.
        return crd(namespace, name, spec | {"replicas": 0})
    if d.maybe(0.4):
        config["exporters"]["debug"] = {"verbosity": d.random.choice(("basic", "detailed"))}
    if d.maybe(0.3):
        config["receivers"]["otlp"]["protocols"]["http"] = {
            "endpoint": d.random.choice(("${env:IP}:1", "0.0.0.0:4318"))
        }
    if d.maybe(0.4):
        spec["env"] = [variable(d, n) for n in d.some(("POD_NAME", "OWN", "OTEL_RESOURCE_ATTRIBUTES"), 1, 2)]
    if d.maybe(0.4):
        spec["resources"] = resources(d)
    if d.maybe(0.3):
        spec["securityContext"] = context(d)
    if d.maybe(0.3):
        spec["volumes"] = [{"name": "own", "emptyDir": {}}]
        spec["volumeMounts"] = [{"name": "own", "mountPath": "/own"}]
    if d.maybe(0.3):
        spec["initContainers"] = [{"name": "before-otc", "image": "a", "command": ["true"]}]
    if d.maybe(0.3):
        spec["args"] = {"feature-gates": "x", "odd": d.random.choice(ODD[2:6])}
    if d.maybe(0.2):
        spec["ports"] = [{"name": "own", "port": 9999}]
    return crd(namespace, name, spec)


def crd(namespace: str, name: str, spec: Object) -> Object:
    return {
        "apiVersion": "opentelemetry.io/v1beta1",
        "kind": "OpenTelemetryCollector",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def namespace_annotations(d: Drawing, instrumentations: int, sidecars: int) -> Object:
    """What is named is there: a namespace that asks for what isn't gives all its pods up."""
    result: Object = {}
    if d.maybe(0.5):
        for name in d.some(LANGUAGES, 1, 2):
            key = f"instrumentation.opentelemetry.io/inject-{name}"
            result[key] = d.random.choice((*TRUE, "false", "false", *["inst-0"] * instrumentations))
    if d.maybe(0.3):
        result["sidecar.opentelemetry.io/inject"] = d.random.choice((*TRUE, "false", *["side-0"] * sidecars))
    if d.maybe(0.1):
        result["instrumentation.opentelemetry.io/container-names"] = d.random.choice(("c0", "c0", "c0,c1", "unknown"))
    if d.maybe(0.3):
        result |= resource_annotations(d)
    if d.maybe(0.2):
        result["note"] = d.random.choice(ODD)
    return result


def world(seed: str, namespace: str, others: list[str], minor: int) -> tuple[list[Object], list[Object]]:
    """What is there before the operator, and what its webhooks look at."""
    d = drawing(seed)

    def plain(version: str, kind: str, name: str, **members: Any) -> Object:
        return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}} | members

    instrumentations, sidecars = (d.random.choice((1,) * 8 + (2, 0)) for _ in range(2))
    annotations = namespace_annotations(d, instrumentations, sidecars) if d.maybe(0.5) else {}
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "c0", "image": "a"}]}}
    job = template | {"spec": template["spec"] | {"restartPolicy": "Never"}}
    before = [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": namespace, "labels": {OURS: "yes"}, "annotations": annotations},
        },
        *(plain("v1", "Secret", name) for name in SECRETS),
        *(plain("v1", "ConfigMap", name) for name in CONFIG_MAPS),
        plain(
            "apps/v1",
            "Deployment",
            "shop",
            spec={"replicas": 0, "selector": {"matchLabels": {"app": "a"}}, "template": template},
        ),
        plain("batch/v1", "Job", "once", spec={"parallelism": 0, "template": job}),
    ]
    after = [instrumentation(d, namespace, f"inst-{i}", minor) for i in range(instrumentations)]
    after += [collector(d, namespace, f"side-{i}") for i in range(sidecars)]
    if d.maybe(0.3):
        after.append(collector(d, namespace, "gate", "deployment"))
    return before, after
