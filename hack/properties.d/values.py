"""Values that Kubernetes takes in the fields of a collector, where the schema does not say enough."""

from __future__ import annotations

from typing import Any

from drawing import Drawing, Maker


def pick(*values: Any) -> Maker:
    return lambda d, _: d.random.choice(values)


def number(least: int, most: int) -> Maker:
    return lambda d, _: d.random.choice((least, most, d.random.randint(least, most)))


def unique(prefix: str) -> Maker:
    return lambda d, _: d.unique(prefix)


def label_value(d: Drawing, _: Any) -> str:
    return d.random.choice(("a", "A.b_c-d", "0", "v" * 63))


def text(d: Drawing, _: Any) -> str:
    return d.random.choice(("x", "a b", "true", "8080", "é €", "--a=b", "$(POD_NAME)", "line\nline", "{}", "t" * 200))


def mapping(keys: list[str], value: Maker) -> Maker:
    return lambda d, schema: {key: value(d, schema) for key in d.some(keys, 0, 3)}


LABEL_KEYS = [
    "app",
    "app.kubernetes.io/name",
    "app.kubernetes.io/version",
    "example.com/Team",
    "a.b_c-d",
    "k" * 63,
    "x/1",
]
labels = mapping(LABEL_KEYS, label_value)
annotation_map = mapping(
    ["note", "example.com/x", "prometheus.io/scrape", "prometheus.io/port", "kubectl.kubernetes.io/restartedAt"], text
)
name = pick("a", "some-name", "with.dots", "0-digit")
label_name = pick("a", "some-name", "x" * 63)
path = pick("/", "/var/lib/x", "/a-b/c.d")
relative = pick("a", "b/c", "d.txt")
key = pick("a", "key.txt", "some_key", "A-b")
image = pick(
    "a",
    "a:1",
    "example.com/a/b:v1.2.3",
    "localhost:5000/a:b",
    "localhost:5000/a",
    "example.com/a@sha256:" + "0" * 64,
    "example.com/a:1@sha256:" + "f" * 64,
    "a_b/c--d:T_a.g-1",
    "a:" + "t" * 63,
)
port = number(1, 65535)
port_reference = pick(1, 65535, 8080, "http", "a-1")
percent = pick(1, 2, "1%", "50%", "100%")
duration = pick("1s", "30s", "1m30s", "2h")
user = number(0, 2_147_483_647)
mode = number(0, 0o777)
hostname = pick("example.com", "a.b-c.d", "localhost")
quantity = pick("1", "1Gi", "100M", "500Mi", 1000, "1e3", "0.5")


def selector_expression(d: Drawing, node: bool = False) -> dict[str, Any]:
    operators = ["In", "NotIn", "Exists", "DoesNotExist"] + (["Gt", "Lt"] if node else [])
    operator = d.random.choice(operators)
    result: dict[str, Any] = {"key": d.random.choice(LABEL_KEYS), "operator": operator}
    if operator in ("Gt", "Lt"):
        result["values"] = [str(d.random.randint(0, 100))]
    elif operator in ("In", "NotIn"):
        result["values"] = d.some(("a", "b", "C.d"), 1, 3)
    return result


def toleration(d: Drawing, _: Any) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if d.maybe(0.5):
        result = {"key": d.random.choice(LABEL_KEYS), "operator": "Exists"}
    elif d.maybe(0.8):
        result = {"key": d.random.choice(LABEL_KEYS), "value": label_value(d, None)}
    else:
        return {"operator": "Exists"}
    if d.maybe(0.5):
        result["effect"] = d.random.choice(("NoSchedule", "PreferNoSchedule", "NoExecute"))
        if result["effect"] == "NoExecute" and d.maybe(0.5):
            result["tolerationSeconds"] = d.random.randint(0, 1000)
    return result


def container_port(d: Drawing, _: Any) -> dict[str, Any]:
    result: dict[str, Any] = {"containerPort": d.random.randint(1, 65535)}
    if d.maybe(0.5):
        result["name"] = d.unique("p")
    if d.maybe(0.4):
        result["protocol"] = d.random.choice(("TCP", "UDP", "SCTP"))
    return result


def service_port(d: Drawing, _: Any) -> dict[str, Any]:
    number = d.random.choice((80, 4317, 8888, 8889, d.random.randint(1, 65535)))
    result: dict[str, Any] = {"name": d.random.choice((d.unique("web"), d.unique("x1"))), "port": number}
    if d.maybe(0.5):
        result["protocol"] = d.random.choice(("TCP", "UDP", "SCTP"))
    if d.maybe(0.4):
        result["targetPort"] = port_reference(d, None)
    if d.maybe(0.3):
        result["appProtocol"] = d.random.choice(("http", "grpc", "h2c", "example.com/own"))
    if d.maybe(0.2):
        result["hostPort"] = number
    return result


def probe_numbers(d: Drawing, value: dict[str, Any]) -> dict[str, Any]:
    if "successThreshold" in value:
        value["successThreshold"] = 1
    return value


def probe(d: Drawing, value: dict[str, Any]) -> dict[str, Any]:
    """Of a container beside ours: exactly one handler."""
    handlers = {"exec": {"command": ["true"]}, "httpGet": {"port": 80}, "tcpSocket": {"port": "web"}}
    kind = d.random.choice(list(handlers))
    given = value.get(kind, handlers[kind])
    value = {k: v for k, v in value.items() if k not in handlers}
    return probe_numbers(d, value) | {kind: given}


def resources(d: Drawing, value: dict[str, Any]) -> dict[str, Any]:
    """No request above its limit."""
    amounts = {
        "cpu": ("100m", "0.5", 1, "2"),
        "memory": ("64Mi", "1e8", "1Gi", 2**31),
        "ephemeral-storage": ("1Mi", "1Gi"),
    }
    result: dict[str, Any] = {"limits": {}, "requests": {}}
    for resource in d.some(list(amounts), 0, 3):
        low, high = sorted(d.random.choices(range(len(amounts[resource])), k=2))
        if d.maybe(0.7):
            result["limits"][resource] = amounts[resource][high]
        if d.maybe(0.7):
            result["requests"][resource] = amounts[resource][low]
    return {k: v for k, v in result.items() if v or d.maybe(0.2)}


def security(d: Drawing, value: dict[str, Any]) -> dict[str, Any]:
    if value.get("allowPrivilegeEscalation") is False:
        value.pop("privileged", None)
        value.get("capabilities", {}).pop("add", None)
    return value


def seccomp(d: Drawing, _: Any) -> dict[str, Any]:
    kind = d.random.choice(("RuntimeDefault", "Unconfined", "Localhost"))
    return {"type": kind, "localhostProfile": "a/b.json"} if kind == "Localhost" else {"type": kind}


def environment(d: Drawing, value: dict[str, Any]) -> dict[str, Any]:
    if "valueFrom" in value:
        value.pop("value", None)
    return value


def resource_field(d: Drawing, _: Any) -> dict[str, Any]:
    resource, divisors = d.random.choice(
        [("limits.cpu", ("1", "1m")), ("requests.cpu", ("1",)), ("limits.memory", ("1", "1Mi", "1k"))]
    )
    result = {"resource": resource, "containerName": "otc-container"}
    return result | ({"divisor": d.random.choice(divisors)} if d.maybe(0.5) else {})


def field(d: Drawing, _: Any) -> dict[str, Any]:
    return {
        "fieldPath": d.random.choice(("metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels['a']"))
    }


def downward_file(d: Drawing, _: Any) -> dict[str, Any]:
    source = {"fieldRef": field(d, _)} if d.maybe(0.5) else {"resourceFieldRef": resource_field(d, _)}
    return source | {"path": d.unique("file")}


def key_file(d: Drawing, _: Any) -> dict[str, Any]:
    return {"key": key(d, _), "path": d.unique("some/file")} | ({"mode": mode(d, _)} if d.maybe(0.3) else {})


def volume_source(d: Drawing, value: dict[str, Any]) -> dict[str, Any]:
    name, *sources = value["name"], *[k for k in value if k != "name"]
    keep = d.random.choice(sources) if sources else None
    return {"name": name} | ({keep: value[keep]} if keep else {"emptyDir": {}})


def mount(d: Drawing, value: dict[str, Any]) -> dict[str, Any]:
    if "subPathExpr" in value:
        value.pop("subPath", None)
    return value


def rolling(d: Drawing, value: dict[str, Any]) -> dict[str, Any]:
    if value.get("type") in ("Recreate", "OnDelete"):
        value.pop("rollingUpdate", None)
    return value


def scaling_rules(d: Drawing, value: dict[str, Any]) -> dict[str, Any]:
    if not value.get("policies", [0]):
        del value["policies"]
    return value


def pods_metric(d: Drawing, _: Any) -> dict[str, Any]:
    result: dict[str, Any] = {
        "type": "Pods",
        "pods": {
            "metric": {"name": "a"},
            "target": {"type": "AverageValue", "averageValue": d.random.choice(("1", 5, "2k"))},
        },
    }
    if d.maybe(0.3):
        result["pods"]["metric"]["selector"] = {"matchLabels": labels(d, _)}
    return result


def dns(d: Drawing, value: dict[str, Any]) -> dict[str, Any]:
    if "nameservers" in value:
        value["nameservers"] = d.some(("1.1.1.1", "8.8.8.8", "fd00::1"), 1, 3)
    return value


def first_of_each(*keys: str) -> Maker:
    """Mends a list: of items that agree in these members the first one stays."""

    def mend(d: Drawing, items: list[Any]) -> list[Any]:
        found = {tuple(item.get(key) for key in keys): item for item in reversed(items)}
        return [item for item in items if item in found.values()]

    return mend


def host_alias(d: Drawing, value: dict[str, Any]) -> dict[str, Any]:
    return {"ip": d.random.choice(("10.0.0.1", "10.0.0.2", "fd00::1"))} | {k: v for k, v in value.items() if k != "ip"}
