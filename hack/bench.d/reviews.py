"""AdmissionReviews as an API server sends them for the pods of a Deployment."""

from __future__ import annotations

import json
from typing import Any

JAVA = {"instrumentation.opentelemetry.io/inject-java": "true"}
MISSING = {"instrumentation.opentelemetry.io/inject-java": "missing"}
SIDECAR = {"sidecar.opentelemetry.io/inject": "true"}
# Five containers, each with what it needs of an Instrumentation that a platform team keeps elsewhere.
LANGUAGES = {"java": "shop", "nodejs": "front", "python": "prices", "dotnet": "billing", "sdk": "stock"}
MULTI = {
    f"instrumentation.opentelemetry.io/{annotation}": value
    for language, container in LANGUAGES.items()
    for annotation, value in [
        (f"inject-{language}", "agents/realistic"),
        (f"{language}-container-names", container),
    ]
}
PREFIX = "opentelemetry-auto-instrumentation-"


def review(
    replica_set: dict[str, Any],
    annotations: dict[str, str],
    containers: tuple[str, ...] = ("shop",),
    size: int = 0,
) -> bytes:
    """About 1.7 KB with one container, the usual defaults and token volume; more to reach a ``size`` in bytes."""
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    resource = {"group": "", "version": "v1", "resource": "pods"}
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": replica_set["metadata"]["name"],
        "uid": replica_set["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    metadata: dict[str, Any] = {
        "generateName": f"{owner['name']}-",
        "creationTimestamp": None,
        "labels": {"app": "shop", "pod-template-hash": "6d4cf56db6"},
        "ownerReferences": [owner],
    }
    if annotations:
        metadata["annotations"] = dict(annotations)
    token = {"name": "default-token-x7v2k", "secret": {"secretName": "default-token-x7v2k"}}
    pod = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": metadata,
        "spec": {
            "volumes": [token],
            "containers": [container(name, token["name"]) for name in containers],
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "serviceAccountName": "default",
            "serviceAccount": "default",
            "securityContext": {},
            "schedulerName": "default-scheduler",
            "priority": 0,
            "enableServiceLinks": True,
        },
        "status": {},
    }
    request = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": kind,
        "resource": resource,
        "requestKind": kind,
        "requestResource": resource,
        "namespace": "bench",
        "operation": "CREATE",
        "userInfo": {
            "username": "system:serviceaccount:kube-system:replicaset-controller",
            "groups": ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"],
        },
        "object": pod,
        "oldObject": None,
        "dryRun": False,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
    }
    whole = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}
    if size:
        grow(pod, size - len(encoded(whole)))
    return encoded(whole)


def encoded(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def container(name: str, token: str) -> dict[str, Any]:
    return {
        "name": name,
        "image": f"registry.example.com/{name}:1.4.2",
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "env": [{"name": "LOG_LEVEL", "value": "info"}],
        "resources": {"limits": {"memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
        "volumeMounts": [
            {"name": token, "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
        ],
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }


def grow(pod: dict[str, Any], missing: int) -> None:
    """Adds to a pod what makes real ones large: half of it env, a quarter annotations, the rest managedFields."""
    env = pod["spec"]["containers"][0]["env"]
    annotations = pod["metadata"].setdefault("annotations", {})
    owned: dict[str, Any] = {}
    pod["metadata"]["managedFields"] = [
        {
            "manager": "kube-controller-manager",
            "operation": "Update",
            "apiVersion": "v1",
            "time": "2026-01-01T00:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:containers": {'k:{"name":"shop"}': {".": {}, "f:env": owned}}}},
        }
    ]
    # What is inside a document of somebody else's is full of quotes, and so of escapes.
    document = json.dumps({"upstream": "https://stock.example.com/v2", "retries": 3, "note": "Größe \"XL\"\n"}) * 8

    def fill(target: Any, share: float, add: Any) -> None:
        end = len(encoded(target)) + missing * share
        number = 0
        while len(encoded(target)) < end:
            add(number)
            number += 1

    def add_env(number: int) -> None:
        for one in range(number * 20, number * 20 + 20):
            if one % 10 == 9:
                source = {"secretKeyRef": {"name": "shop-settings", "key": f"setting-{one}"}}
                env.append({"name": f"SHOP_SETTING_{one}", "valueFrom": source})
            else:
                env.append({"name": f"SHOP_SETTING_{one}", "value": f"https://service-{one}.example.com:8443/api"})

    def add_annotation(number: int) -> None:
        annotations[f"config.example.com/document-{number}"] = document

    def add_owned(number: int) -> None:
        for one in range(number * 20, number * 20 + 20):
            owned[f'k:{{"name":"SHOP_SETTING_{one}"}}'] = {".": {}, "f:name": {}, "f:value": {}}

    fill(env, 0.5, add_env)
    fill(annotations, 0.25, add_annotation)
    fill(owned, 0.25, add_owned)
