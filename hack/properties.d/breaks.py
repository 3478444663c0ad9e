"""Collectors that pass admission and of which the API server refuses an object: validation has to warn of each.

A StatefulSet's template is looked at only when its pods are made, so these are Deployments, unless they say otherwise.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple

from server import Refused
from yaml import safe_load

if TYPE_CHECKING:
    from check import Check


class Break(NamedTuple):
    path: str
    """What the warning has to begin with."""
    spec: str
    """Fields of `spec`."""


CONTAINER = "additionalContainers: [{name: b, image: b, %s}]"
BREAKS = [
    Break("spec.ports[0].protocol", "ports: [{name: a, port: 80, protocol: ICMP}]"),
    Break("spec.ports[0].targetPort", "ports: [{name: a, port: 80, targetPort: 65536}]"),
    Break("spec.ports[0].targetPort", "ports: [{name: a, port: 80, targetPort: A_B}]"),
    Break("spec.ports[0].appProtocol", "ports: [{name: a, port: 80, appProtocol: a b}]"),
    Break("spec.ports[0].nodePort", "ports: [{name: a, port: 80, nodePort: 30080}]"),
    Break("spec.ports[1]", "ports: [{name: a, port: 80, hostPort: 1}, {name: b, port: 81, hostPort: 1}]"),
    Break("spec.ports[0].hostPort", "{hostNetwork: true, ports: [{name: a, port: 80, hostPort: 81}]}"),
    Break(
        "spec.additionalContainers[0].ports[0]",
        "{hostNetwork: true, %s}" % (CONTAINER % "ports: [{containerPort: 8888}]"),
    ),
    Break("spec.volumes[0].name", "volumes: [{name: otc-internal}]"),
    Break("spec.volumes[1].name", "volumes: [{name: a}, {name: a}]"),
    Break("spec.volumes[0].name", "volumes: [{name: A_b}]"),
    Break("spec.volumes[0]", "volumes: [{name: a, emptyDir: {}, hostPath: {path: /a}}]"),
    Break("spec.configmaps[0].name", "{configmaps: [{name: a, mountpath: a}], volumes: [{name: configmap-a}]}"),
    Break("spec.volumeMounts[0].name", "volumeMounts: [{name: none, mountPath: /a}]"),
    Break("spec.volumeMounts[0].mountPath", "{volumes: [{name: a}], volumeMounts: [{name: a, mountPath: /conf}]}"),
    Break(
        "spec.volumeMounts[1].mountPath",
        "{volumes: [{name: a}], volumeMounts: [{name: a, mountPath: /a}, {name: a, mountPath: /a}]}",
    ),
    Break(
        "spec.additionalContainers[0].volumeMounts[0].name", CONTAINER % "volumeMounts: [{name: none, mountPath: /a}]"
    ),
    Break("spec.additionalContainers[0].name", "additionalContainers: [{name: otc-container, image: a}]"),
    Break("spec.additionalContainers[0].name", "additionalContainers: [{name: A, image: a}]"),
    Break("spec.additionalContainers[0].image", "additionalContainers: [{name: a}]"),
    Break("spec.initContainers[0].env[0].name", "initContainers: [{name: a, image: a, env: [{name: 0A}]}]"),
    Break("spec.env[0].name", "env: [{name: a b, value: x}]"),
    Break("spec.env[0]", "env: [{name: A, value: x, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]"),
    Break("spec.env[0].valueFrom", "env: [{name: A, valueFrom: {}}]"),
    Break("spec.envFrom[0]", "envFrom: [{}]"),
    Break("spec.resources.requests.cpu", "resources: {limits: {cpu: 100m}, requests: {cpu: 1}}"),
    Break("spec.securityContext", "securityContext: {privileged: true, allowPrivilegeEscalation: false}"),
    Break("spec.lifecycle.preStop", "lifecycle: {preStop: {}}"),
    Break("spec.podAnnotations", "podAnnotations: {'a b': x}"),
    Break("spec.nodeSelector.a", "nodeSelector: {a: 'b c'}"),
    Break("spec.image", "image: ' a'"),
    Break("spec.image", "image: 'a:b c'"),
    Break("spec.serviceAccount", "serviceAccount: A_b"),
    Break("spec.priorityClassName", "priorityClassName: A_b"),
    Break("spec.podDisruptionBudget", "podDisruptionBudget: {minAvailable: 1, maxUnavailable: 1}"),
    Break("spec.ingress.hostname", "ingress: {type: ingress, hostname: 'a b'}"),
    Break("spec.ingress.hostname", "ingress: {type: ingress, hostname: '*'}"),
    Break("spec.ingress.hostname", "ingress: {type: ingress, hostname: 10.0.0.1}"),
    Break("spec.ingress.hostname", "ingress: {type: ingress, ruleType: subdomain, hostname: '*.example.com'}"),
    Break("spec.ingress.ingressClassName", "ingress: {type: ingress, hostname: a.b, ingressClassName: A_b}"),
    Break("spec.ingress.annotations", "ingress: {type: ingress, hostname: a.b, annotations: {'a b': c}}"),
    Break("spec.ingress.tls[0].hosts", "ingress: {type: ingress, hostname: a.b, tls: [{hosts: [a_b]}]}"),
    Break("spec.sessionAffinity", "sessionAffinity: Cookie"),
    Break(
        "spec.sessionAffinityConfig",
        "{sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 0}}}",
    ),
    Break("spec.dnsPolicy", "dnsPolicy: Cluster"),
    Break("spec.podDnsConfig.nameservers", "podDnsConfig: {nameservers: []}"),
    Break("spec.podDnsConfig.nameservers", "podDnsConfig: {nameservers: [a]}"),
    Break("spec.hostAliases[0].ip", "hostAliases: [{ip: a, hostnames: [b]}]"),
    Break("spec.shareProcessNamespace", "{shareProcessNamespace: true, hostPID: true}"),
    Break("spec.tolerations[0].effect", "tolerations: [{operator: Exists, effect: Never}]"),
    Break("spec.tolerations[0].tolerationSeconds", "tolerations: [{operator: Exists, tolerationSeconds: 1}]"),
    Break("spec.tolerations[0].value", "tolerations: [{key: a, operator: Exists, value: a}]"),
    Break("spec.tolerations[0].operator", "tolerations: [{value: a}]"),
    Break(
        "spec.topologySpreadConstraints[0].whenUnsatisfiable",
        "topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: Never}]",
    ),
    Break(
        "spec.topologySpreadConstraints[1]",
        "topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule},"
        " {maxSkew: 2, topologyKey: a, whenUnsatisfiable: DoNotSchedule}]",
    ),
    Break(
        "spec.topologySpreadConstraints[0].maxSkew",
        "topologySpreadConstraints: [{maxSkew: 0, topologyKey: a, whenUnsatisfiable: DoNotSchedule}]",
    ),
    Break("spec.deploymentUpdateStrategy.type", "deploymentUpdateStrategy: {type: OnDelete}"),
    Break(
        "spec.deploymentUpdateStrategy.rollingUpdate",
        "deploymentUpdateStrategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}",
    ),
    Break(
        "spec.deploymentUpdateStrategy.rollingUpdate",
        "deploymentUpdateStrategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0%}}",
    ),
    Break("spec.daemonSetUpdateStrategy.type", "{mode: daemonset, daemonSetUpdateStrategy: {type: Recreate}}"),
    Break(
        "spec.autoscaler.metrics[0].pods.target",
        "autoscaler: {maxReplicas: 1, metrics: [{type: Pods, pods: {metric: {name: a}, target: {type: Value, value: 1}}}]}",
    ),
    Break(
        "spec.livenessProbe.successThreshold",
        "{livenessProbe: {successThreshold: 2}, config: {receivers: {}, exporters: {}, extensions: {health_check: {}},"
        " service: {extensions: [health_check], pipelines: {}}}}",
    ),
    Break("metadata.name", "{}"),
]
CONFIG = {
    "receivers": {"otlp": {"protocols": {"grpc": {}}}},
    "exporters": {"debug": {}},
    "service": {"pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["debug"]}}},
}


def broken(case: Break, check: Check) -> str | None:
    """What is wrong with a case: no warning, or one of something that the API server takes; None if all is well."""
    name = "0-digit" if case.path == "metadata.name" else f"broken-{BREAKS.index(case)}"
    spec: dict[str, Any] = {"config": copy.deepcopy(CONFIG)} | safe_load(case.spec)
    collector = {
        "apiVersion": "opentelemetry.io/v1beta1",
        "kind": "OpenTelemetryCollector",
        "metadata": {"name": name},
        "spec": spec,
    }
    stored = check.stored(collector)
    text, errors = check.renderer.run([stored])
    said = [message for _, _, message in check.renderer.said(errors)]
    answers = []
    for value in check.objects(text, name):
        try:
            check.server.apply(value, dry=True)
        except Refused as refused:
            answers.append(f"{value['kind']}: {refused}")
    warned = [message for message in said if message.startswith(case.path + " ") or message.startswith(case.path + ".")]
    if not any(word in message for message in warned for word in ("will refuse", "no pod will")):
        return f"no warning; said {said}; the API server says {answers}"
    if not answers and not any(word in message for message in warned for word in ("no pod will", "refuse the pods")):
        return f"the API server takes it: {warned}"
    return None
