package import JSONTree
package import TelemetryAPI

/// What a collector of mode sidecar adds to a pod.
package struct SidecarParts: Sendable, Hashable {
    /// Where native sidecars are on it has `restartPolicy: Always` and a startup probe, and belongs at the end of
    /// `spec.initContainers`; otherwise at the end of `spec.containers`.
    package var container: JSONObject
    /// The collector's own init containers, to be added behind the pod's, in front of a native sidecar.
    package var initContainers: [JSONValue]
    package var volumes: [JSONValue]
    /// Marks the pod with the collector it carries.
    package var label: Label

    package struct Label: Sendable, Hashable {
        package var key: String
        package var value: String

        package init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }
}

/// The parts an injected collector adds to a pod (specification sections 2.8 and 3.3), without the
/// `OTEL_RESOURCE_ATTRIBUTES` variables, which depend on the pod and belong at the end of the container's `env`.
///
/// Throws for an unknown mode and for a configuration of the wrong shape.
package func sidecarParts(
    for collector: Collector,
    settings: OperatorSettings,
    facts: ClusterFacts
) throws(PlanError) -> SidecarParts {
    let context = try CollectorContext(collector, settings: settings, facts: facts)
    var container = context.container(isSidecar: true)
    if facts.nativeSidecars {
        container["restartPolicy"] = "Always"
        if container["startupProbe"] == nil, let readiness = container["readinessProbe"] {
            container["startupProbe"] = readiness
        }
    }
    return SidecarParts(
        container: container.withoutNulls,
        initContainers: context.spec.list("initContainers"),
        volumes: context.spec.list("volumes") + context.configMapVolumes,
        label: SidecarParts.Label(
            key: "sidecar.opentelemetry.io/injected",
            value: ObjectName.instance(collector.name, namespace: collector.namespace)
        )
    )
}
