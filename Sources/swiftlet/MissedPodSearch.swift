import Controllers
import Diagnostics
import JSONTree
import KubeClient
import KubeModel
import PodInjection
import TelemetryAPI

/// Finds pods that ask for injection and have nothing to show for it, as the operator itself does.
struct MissedPodSearch {
    /// So many are read whole: metadata does not tell whether another operator injected them.
    private static let readLimit = 50

    let client: KubeClient

    /// - Parameter namespace: `nil` for all.
    func find(namespace: String?) async throws -> Fact<[MissedWorkload]> {
        let reader = ClusterReader(client: self.client)
        let options = ListOptions(metadataOnly: true)
        let pods: [KubeObject]
        switch try await reader.list(ClusterReader.pods, namespace: namespace, options: options) {
        case .found(let found): pods = found
        case .absent: return .absent
        case .unreadable(let reason): return .unreadable(reason)
        }
        let namespaces = try await reader.list(ResourceCatalog.namespaces, options: options).value ?? []
        let annotations = Dictionary(
            namespaces.map { ($0.name, Self.annotations(of: $0)) },
            uniquingKeysWith: { first, _ in first }
        )
        let suspects = pods.filter { pod in
            !pod.metadata.isDeleting && pod.metadata.annotations[InjectionStamp.annotation] == nil
                && pod.metadata.labels["app.kubernetes.io/managed-by"] != "opentelemetry-operator"
                && InjectionAnnotations.isInjectionAsked(
                    pod: Self.annotations(of: pod),
                    namespace: annotations[pod.namespace] ?? InjectionAnnotations()
                )
        }
        if suspects.isEmpty { return .found([]) }
        let injector = try await LiveInjector(
            client: self.client,
            languages: Set(Language.allCases),
            allowsMultipleLanguages: true
        )
        var counts: [WorkloadName: Int] = [:]
        for suspect in suspects.prefix(Self.readLimit) {
            guard
                let pod = try await reader.get(ClusterReader.pods, namespace: suspect.namespace, name: suspect.name)
                    .value, !["Succeeded", "Failed"].contains(pod.status?[string: "phase"] ?? ""),
                let outcome = try? await injector.inject(pod.json, namespace: pod.namespace),
                outcome.decisions.contains(where: { $0.code == .injected })
            else { continue }
            counts[WorkloadName(of: pod), default: 0] += 1
        }
        return .found(
            counts.sorted { $0.key < $1.key }.map {
                MissedWorkload(namespace: $0.key.namespace, workload: $0.key.text, pods: $0.value)
            }
        )
    }

    private static func annotations(of object: KubeObject) -> InjectionAnnotations {
        InjectionAnnotations(object.metadata.annotations.map { (key: $0.key, value: $0.value) })
    }
}
