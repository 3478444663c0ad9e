package import JSONTree
package import KubeModel
package import TelemetryAPI

/// A collector as far as injection needs it: whether it is a sidecar, and what it adds to a pod. Made once per change of
/// the collector and kept, as rendering its configuration costs more than all the rest.
package struct SidecarCollector: Sendable {
    package var key: ObjectKey
    package var isSidecar: Bool
    /// What is added, or why that cannot be told (a configuration that cannot be rendered).
    package var template: Result<SidecarTemplate, SidecarError>

    package init(key: ObjectKey, isSidecar: Bool, template: Result<SidecarTemplate, SidecarError>) {
        self.key = key
        self.isSidecar = isSidecar
        self.template = template
    }

    /// A collector of another mode: nothing to render.
    package init(other collector: Collector) {
        self.key = ObjectKey(namespace: collector.namespace, name: collector.name)
        self.isSidecar = false
        self.template = .failure(SidecarError("the OpenTelemetry Collector's mode is not set to sidecar"))
    }
}

/// Why a sidecar cannot be made.
package struct SidecarError: Error, Sendable, Hashable {
    package var message: String

    package init(_ message: String) { self.message = message }
}

/// What a sidecar collector adds to every pod (specification section 8.2), without what depends on the pod.
package struct SidecarTemplate: Sendable, Hashable {
    package var container: JSONObject
    package var initContainers: [JSONObject]
    package var volumes: [JSONObject]
    /// The value of `sidecar.opentelemetry.io/injected`.
    package var label: String

    package init(container: JSONObject, initContainers: [JSONObject], volumes: [JSONObject], label: String) {
        self.container = container
        self.initContainers = initContainers
        self.volumes = volumes
        self.label = label
    }
}
