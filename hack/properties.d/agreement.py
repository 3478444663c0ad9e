"""What the fields of a collector have to agree on."""

from __future__ import annotations

from typing import Any

from configuration import with_prometheus
from drawing import Drawing


def collector(d: Drawing, spec: dict[str, Any]) -> dict[str, Any]:
    """Makes fields agree that depend on each other, and leaves out what admission refuses for the mode."""
    mode = spec.get("mode", "deployment")
    stateful, own_pods = mode == "statefulset", mode != "sidecar"
    if not stateful:
        spec.pop("volumeClaimTemplates", None)
        spec.pop("persistentVolumeClaimRetentionPolicy", None)
    if not own_pods:
        for unsupported in ("tolerations", "priorityClassName", "affinity", "additionalContainers", "ingress"):
            spec.pop(unsupported, None)
    if mode != "daemonset":
        spec.get("daemonSetUpdateStrategy", {}).pop("type", None)
    if mode != "deployment":
        spec.get("deploymentUpdateStrategy", {}).pop("type", None)

    allocator = spec.get("targetAllocator", {})
    if not stateful and mode != "daemonset":
        allocator.pop("enabled", None)
    if allocator.get("enabled"):
        spec["config"] = with_prometheus(d, spec["config"])
    if mode == "daemonset":
        allocator["allocationStrategy"] = "per-node"
    elif allocator.get("allocationStrategy") == "per-node":
        del allocator["allocationStrategy"]
    if allocator and "targetAllocator" not in spec:
        spec["targetAllocator"] = allocator
    if "mtls" in allocator:
        allocator["mtls"]["useCertManager"] = False

    if autoscaler := spec.get("autoscaler"):
        most = autoscaler.get("maxReplicas")
        if most is None:
            autoscaler.pop("minReplicas", None)
        else:
            spec["replicas"] = min(spec.get("replicas", 1), most)
            if "minReplicas" in autoscaler:
                autoscaler["minReplicas"] = min(autoscaler["minReplicas"], most)
    if ingress := spec.get("ingress"):
        if ingress.get("ruleType") == "subdomain":
            ingress.setdefault("hostname", "example.com")
    if spec.get("shareProcessNamespace"):
        spec.pop("hostPID", None)
    if spec.get("dnsPolicy") == "None":
        spec.setdefault("podDnsConfig", {}).setdefault("nameservers", ["1.1.1.1"])
    if policy := spec.get("ipFamilyPolicy", "SingleStack"):
        if policy == "SingleStack" and "ipFamilies" in spec:
            spec["ipFamilies"] = spec["ipFamilies"][:1]

    if spec.get("hostNetwork"):
        for given in spec.get("ports", []):
            given.pop("hostPort", None)
        for container in spec.get("additionalContainers", []):
            container.pop("ports", None)
    seen = set()
    for given in spec.get("ports", []):
        mark = (given.get("hostPort"), given.get("protocol", "TCP"))
        if mark in seen:
            given.pop("hostPort", None)
        seen.add(mark)

    volumes = [v["name"] for v in spec.get("volumes", [])]
    volumes += [v["metadata"]["name"] for v in spec.get("volumeClaimTemplates", [])]
    places = [spec, *spec.get("initContainers", []), *spec.get("additionalContainers", [])]
    for place in places:
        if not volumes:
            place.pop("volumeMounts", None)
        for mounted in place.get("volumeMounts", []):
            mounted["name"] = d.random.choice(volumes)
    return spec
