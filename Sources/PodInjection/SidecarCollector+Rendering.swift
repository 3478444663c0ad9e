import JSONTree
import KubeModel
import Rendering
package import TelemetryAPI

extension SidecarCollector {
    /// A collector as the cluster has it; one of another mode than sidecar is not rendered.
    package init(_ collector: Collector, settings: OperatorSettings, facts: ClusterFacts) {
        guard collector.mode == .sidecar else {
            self.init(other: collector)
            return
        }
        // Whether the sidecar is a native one is decided where the pod is known.
        var facts = facts
        facts.nativeSidecars = false
        let template: Result<SidecarTemplate, SidecarError>
        do throws(PlanError) {
            let parts = try sidecarParts(for: collector, settings: settings, facts: facts)
            template = .success(
                SidecarTemplate(
                    container: parts.container,
                    initContainers: parts.initContainers.compactMap(\.object),
                    volumes: parts.volumes.compactMap(\.object),
                    label: parts.label.value
                )
            )
        } catch {
            template = .failure(SidecarError(error.description))
        }
        self.init(
            key: ObjectKey(namespace: collector.namespace, name: collector.name),
            isSidecar: true,
            template: template
        )
    }
}
