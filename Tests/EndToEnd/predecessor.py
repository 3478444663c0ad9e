"""What the Go operator 0.158 leaves in a cluster, written as it writes: plain creates and updates of a program called
`manager`, with the empty members that Go's encoder writes. Made from the specification, not from what we render."""

import copy
import hashlib
import http.client
import json
import threading
import time
from datetime import datetime, timezone

MANAGER = "manager"
LEASE = "9f7554c3.opentelemetry.io"
FINALIZER = "opentelemetrycollector.opentelemetry.io/finalizer"
IMAGE = "ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector:0.158.0"
VERSION = "0.158.0"
PREFIX = "app.kubernetes.io/"


def send(server, method, path, body, manager=MANAGER, kind="application/json"):
    """Writes as a program with that name; returns the answer, asserts that it was taken."""
    connection = http.client.HTTPSConnection(server.address, context=server.context, timeout=20)
    try:
        connection.request(
            method, f"{path}?fieldManager={manager}", json.dumps(body),
            {"Authorization": f"Bearer {server.token}", "Content-Type": kind},
        )
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status in (200, 201), f"{method} {path}: {answer.status} {text.decode()[:2000]}"
        return json.loads(text)
    finally:
        connection.close()


def merged(left, right):
    return {**(left or {}), **(right or {})}


class GoOperator:
    """Creates what is missing and updates the rest (7.3 of the specification): labels and annotations merged, the rest
    replaced."""

    def __init__(self, server):
        self.server = server

    def path(self, value):
        return self.server.path(value["apiVersion"], value["kind"], value["metadata"].get("namespace", ""))

    def put(self, wanted):
        """As client-go's retry on a conflict: read again, up to five times."""
        for _ in range(4):
            try:
                return self.write(wanted)
            except AssertionError as error:
                if " 409 " not in str(error):
                    raise
        return self.write(wanted)

    def write(self, wanted):
        path = self.path(wanted)
        name = wanted["metadata"]["name"]
        code, live = self.server.read(f"{path}/{name}")
        if code == 404:
            return send(self.server, "POST", path, wanted)
        updated = copy.deepcopy(live)
        for part in ("labels", "annotations"):
            both = merged(live["metadata"].get(part), wanted["metadata"].get(part))
            if both:
                updated["metadata"][part] = both
        if wanted["metadata"].get("ownerReferences"):
            updated["metadata"]["ownerReferences"] = wanted["metadata"]["ownerReferences"]
        for part in ("data", "rules", "subjects"):
            if part in wanted:
                updated[part] = copy.deepcopy(wanted[part])
        spec = copy.deepcopy(wanted.get("spec"))
        if wanted["kind"] == "Service":
            spec["clusterIP"] = live["spec"]["clusterIP"]
            if "clusterIPs" in live["spec"]:
                spec["clusterIPs"] = live["spec"]["clusterIPs"]
        if wanted["kind"] in ("Deployment", "DaemonSet", "StatefulSet"):
            template = live["spec"]["template"]["metadata"]
            spec["selector"] = live["spec"]["selector"]
            for part in ("labels", "annotations"):
                spec["template"]["metadata"][part] = merged(
                    template.get(part), wanted["spec"]["template"]["metadata"].get(part)
                )
        if spec is not None:
            updated["spec"] = spec
        return send(self.server, "PUT", f"{path}/{name}", updated)

    def keep(self, collector):
        """Puts the finalizer on by an update of the whole object, and the status through its subresource."""
        path = f"{self.path(collector)}/{collector['metadata']['name']}"
        code, live = self.server.read(path)
        assert code == 200, live
        if FINALIZER not in live["metadata"].get("finalizers", []):
            live["metadata"]["finalizers"] = [*live["metadata"].get("finalizers", []), FINALIZER]
            live = send(self.server, "PUT", path, live)
        scale = {"selector": "a=b", "replicas": 1, "statusReplicas": "0/1"}
        status = {"version": VERSION, "image": IMAGE, "scale": scale}
        send(self.server, "PATCH", f"{path}/status", {"status": status}, kind="application/merge-patch+json")


class RenewedLease:
    """A Lease that client-go's leader election would hold, until it stops renewing it."""

    def __init__(self, server, namespace, seconds=4):
        self.server, self.path = server, f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self.seconds = seconds
        self.stopped = threading.Event()
        now = self.now()
        self.lease = send(server, "POST", self.path, {
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": LEASE, "namespace": namespace, "creationTimestamp": None},
            "spec": {
                "holderIdentity": "otel-7d9c_2f1e", "leaseDurationSeconds": seconds, "leaseTransitions": 0,
                "acquireTime": now, "renewTime": now,
            },
        })
        self.thread = threading.Thread(target=self.renew, daemon=True)
        self.thread.start()

    @staticmethod
    def now():
        return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def renew(self):
        while not self.stopped.wait(self.seconds / 4):
            self.lease["spec"]["renewTime"] = self.now()
            self.lease = send(self.server, "PUT", f"{self.path}/{LEASE}", self.lease)

    def lapse(self):
        """Renews it no more, as a process that was killed; returns when that was."""
        self.stopped.set()
        self.thread.join()
        return time.monotonic()


# MARK: Collectors and their objects

READERS = [{"pull": {"exporter": {"prometheus": {"host": "0.0.0.0", "port": 8888}}}}]


def config(processors, names):
    """In the order in which Go's encoder writes it, for the hash."""
    protocols = {"grpc": {"endpoint": "0.0.0.0:4317"}, "http": {"endpoint": "0.0.0.0:4318"}}
    return {
        "receivers": {"otlp": {"protocols": protocols}},
        "exporters": {"debug": {}},
        "processors": processors,
        "service": {
            "telemetry": {"metrics": {"readers": READERS}},
            "pipelines": {"traces": {"exporters": ["debug"], "processors": names, "receivers": ["otlp"]}},
        },
    }


BATCH = config({"batch": {"send_batch_size": 10000, "timeout": "10s"}}, ["batch"])
ATTRIBUTES = config({"k8s_attributes": {}}, ["k8s_attributes"])


def text_of(value):
    """As the ConfigMap holds it: sequences indented, top level in the order of the struct."""
    lines = []

    def write(node, indent):
        for key, member in node.items():
            if isinstance(member, dict) and member:
                lines.append(f"{' ' * indent}{key}:")
                write(member, indent + 2)
            elif isinstance(member, list) and member and isinstance(member[0], dict):
                # The one such list there is.
                lines.append(f"{' ' * indent}{key}:")
                lines.append(f"{' ' * (indent + 2)}- pull:")
                write(member[0]["pull"], indent + 6)
            elif isinstance(member, list):
                lines.append(f"{' ' * indent}{key}:")
                lines.extend(f"{' ' * (indent + 2)}- {item}" for item in member)
            else:
                scalar = json.dumps(member) if isinstance(member, (dict, bool)) else member
                lines.append(f"{' ' * indent}{key}: {scalar}")

    write(value, 0)
    return "\n".join(lines) + "\n"


def digest(value):
    return hashlib.sha256(json.dumps(value, separators=(",", ":")).encode()).hexdigest()


def collector(namespace, name, mode, value=None, **spec):
    """As the Go operator's webhook leaves what a user applied."""
    return {
        "apiVersion": "opentelemetry.io/v1beta1",
        "kind": "OpenTelemetryCollector",
        "metadata": {"name": name, "namespace": namespace, "labels": {"team": "shop"}},
        "spec": {
            "mode": mode, "config": value or BATCH, "managementState": "managed", "upgradeStrategy": "automatic",
            "networkPolicy": {"enabled": True},
            **({} if mode == "daemonset" else {"replicas": 1}), **spec,
        },
    }


def objects(server, stored, beta=False):
    """What the Go operator makes of a stored collector. `beta`: the versions of an old server."""
    namespace, name, spec = stored["metadata"]["namespace"], stored["metadata"]["name"], stored["spec"]
    mode, full = spec["mode"], f"{name}-collector"
    selector = {
        f"{PREFIX}component": "opentelemetry-collector",
        f"{PREFIX}instance": f"{namespace}.{name}",
        f"{PREFIX}managed-by": "opentelemetry-operator",
        f"{PREFIX}part-of": "opentelemetry",
    }
    owner = [{
        "apiVersion": "opentelemetry.io/v1beta1", "kind": "OpenTelemetryCollector", "name": name,
        "uid": stored["metadata"]["uid"], "controller": True, "blockOwnerDeletion": True,
    }]

    def labels(label):
        return {**stored["metadata"]["labels"], **selector, f"{PREFIX}name": label, f"{PREFIX}version": "latest"}

    def made(version, kind, object_name, label, cluster=False, more=None, annotations=None, **rest):
        metadata = {"name": object_name, "creationTimestamp": None, "labels": {**labels(label), **(more or {})}}
        if annotations:
            metadata["annotations"] = annotations
        if not cluster:
            metadata.update(namespace=namespace, ownerReferences=owner)
        return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}

    value = spec["config"]
    # The server keeps members of a stored resource in its own order.
    value = ATTRIBUTES if "k8s_attributes" in value["processors"] else BATCH
    map_name = f"{full}-{digest(value)[:8]}"
    type_label = "operator.opentelemetry.io/collector-service-type"
    result = [
        made("v1", "ConfigMap", map_name, full, data={"collector.yaml": text_of(value)}),
        made("v1", "ServiceAccount", full, full),
    ]
    ports = [
        {"name": "otlp-grpc", "port": 4317, "targetPort": 4317, "protocol": "TCP", "appProtocol": "grpc"},
        {"name": "otlp-http", "port": 4318, "targetPort": 4318, "protocol": "TCP", "appProtocol": "http"},
    ]
    local = {"internalTrafficPolicy": "Local" if mode == "daemonset" else "Cluster"}
    empty = {"loadBalancer": {}}
    monitoring = [{"name": "monitoring", "port": 8888, "targetPort": 0}]
    if mode != "sidecar":
        result += [
            made("v1", "Service", full, full, more={type_label: "base"}, status=empty,
                 spec={"selector": selector, "ports": ports, **local}),
            made("v1", "Service", f"{full}-headless", full, status=empty,
                 more={type_label: "headless", "operator.opentelemetry.io/collector-headless-service": "Exists"},
                 annotations={"service.beta.openshift.io/serving-cert-secret-name": f"{full}-headless-tls"},
                 spec={"selector": selector, "ports": ports, "clusterIP": "None", **local}),
            made("v1", "Service", f"{full}-monitoring", f"{full}-monitoring", status=empty,
                 more={type_label: "monitoring", "operator.opentelemetry.io/collector-monitoring-service": "Exists"},
                 spec={"selector": selector, "ports": monitoring}),
        ]
    variables = [
        *spec.get("env", []),
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "GOMEMLIMIT", "valueFrom": {
            "resourceFieldRef": {"containerName": "otc-container", "resource": "limits.memory", "divisor": "0"}}},
        {"name": "GOMAXPROCS", "valueFrom": {
            "resourceFieldRef": {"containerName": "otc-container", "resource": "limits.cpu", "divisor": "0"}}},
    ]
    container_ports = [
        {"name": "metrics", "containerPort": 8888, "protocol": "TCP"},
        {"name": "otlp-grpc", "containerPort": 4317}, {"name": "otlp-http", "containerPort": 4318},
    ]
    template = {
        "metadata": {
            "creationTimestamp": None, "labels": labels(full),
            "annotations": {
                "opentelemetry-operator-config/sha256": digest(value),
                "operator.opentelemetry.io/prometheus-annotations-added": "true",
                "prometheus.io/path": "/metrics", "prometheus.io/port": "8888", "prometheus.io/scrape": "true",
            },
        },
        "spec": {
            "containers": [{
                "name": "otc-container", "image": IMAGE, "args": ["--config=/conf/collector.yaml"], "env": variables,
                "ports": container_ports, "resources": {},
                "volumeMounts": [{"name": "otc-internal", "mountPath": "/conf"}],
            }],
            "volumes": [{
                "name": "otc-internal",
                "configMap": {"name": map_name, "items": [{"key": "collector.yaml", "path": "collector.yaml"}]},
            }],
            "serviceAccountName": full, "dnsPolicy": "ClusterFirst", "dnsConfig": {}, "shareProcessNamespace": False,
        },
    }
    base = {"selector": {"matchLabels": selector}, "template": template}
    if mode == "deployment":
        workload = {**base, "replicas": 1, "strategy": {}}
        result.append(made("apps/v1", "Deployment", full, full, status={}, spec=workload))
    if mode == "daemonset":
        none = {"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0}
        result.append(made("apps/v1", "DaemonSet", full, full, status=none, spec={**base, "updateStrategy": {}}))
    if mode == "statefulset":
        result.append(made(
            "apps/v1", "StatefulSet", full, full, status={"replicas": 0},
            spec={**base, "replicas": 1, "serviceName": f"{full}-headless", "podManagementPolicy": "Parallel",
                  "updateStrategy": {}, "volumeClaimTemplates": copy.deepcopy(spec.get("volumeClaimTemplates"))},
        ))
    if mode in ("deployment", "statefulset"):
        result.append(made(
            "policy/v1beta1" if beta else "policy/v1", "PodDisruptionBudget", full, full,
            spec={"selector": {"matchLabels": selector}, "maxUnavailable": 1},
        ))
    if mode != "sidecar":
        result.append(made(
            "networking.k8s.io/v1", "NetworkPolicy", f"{full}-networkpolicy", f"{full}-networkpolicy",
            spec={"podSelector": {"matchLabels": selector}, "policyTypes": ["Ingress"],
                  "ingress": [{"ports": [{"protocol": "TCP", "port": port} for port in (8888, 4317, 4318)]}]},
        ))
    if spec.get("ingress"):
        paths = [
            {"path": f"/{port['name']}", "pathType": "Prefix",
             "backend": {"service": {"name": full, "port": {"name": port["name"]}}}} for port in ports
        ]
        result.append(made(
            "networking.k8s.io/v1", "Ingress", f"{name}-ingress", f"{name}-ingress", status=empty,
            spec={"rules": [{"host": spec["ingress"]["hostname"], "http": {"paths": paths}}]},
        ))
    if spec.get("autoscaler"):
        target = {"type": "Utilization", "averageUtilization": 90}
        result.append(made(
            "autoscaling/v2beta2" if beta else "autoscaling/v2", "HorizontalPodAutoscaler", full, full,
            spec={
                "scaleTargetRef": {
                    "apiVersion": "opentelemetry.io/v1beta1", "kind": "OpenTelemetryCollector", "name": name,
                },
                "minReplicas": 1, "maxReplicas": 3,
                "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            },
        ))
    if value is ATTRIBUTES:
        verbs = ["get", "watch", "list"]
        role, binding = f"{name}-{namespace}-cluster-role", f"{name}-{namespace}-collector"
        group = "rbac.authorization.k8s.io"
        result += [
            made(f"{group}/v1", "ClusterRole", role, role, cluster=True, rules=[
                {"apiGroups": [""], "resources": ["pods", "namespaces"], "verbs": verbs},
                {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": verbs},
            ]),
            made(f"{group}/v1", "ClusterRoleBinding", binding, binding, cluster=True,
                 subjects=[{"kind": "ServiceAccount", "name": full, "namespace": namespace}],
                 roleRef={"apiGroup": group, "kind": "ClusterRole", "name": role}),
        ]
    return result


def injected_pod(namespace, sidecar):
    """A pod into which the Go operator has put a sidecar."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "app", "namespace": namespace, "annotations": {"sidecar.opentelemetry.io/inject": sidecar},
            "labels": {"sidecar.opentelemetry.io/injected": f"{namespace}.{sidecar}"},
        },
        "spec": {
            "containers": [
                {"name": "app", "image": "example.com/app:1"},
                {"name": "otc-container", "image": IMAGE, "args": ["--config=env:OTEL_CONFIG"],
                 "env": [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                         {"name": "OTEL_CONFIG", "value": text_of(BATCH)}]},
            ],
        },
    }
