package import KubeClient
import KubeModel
package import PodInjection
package import TelemetryAPI

/// Answers the lookups of injection from the API server: for what stores don't have yet, and for commands, which have none.
package struct InjectionFetcher: Sendable {
    private let client: KubeClient
    private let sidecar: @Sendable (Collector) -> SidecarCollector

    /// - Parameter sidecar: renders a collector into what it adds to a pod.
    package init(client: KubeClient, sidecar: @escaping @Sendable (Collector) -> SidecarCollector) {
        self.client = client
        self.sidecar = sidecar
    }

    /// All at once, each within its time.
    package func answers(
        to lookups: [InjectionLookup],
        within time: Duration
    ) async -> [(InjectionLookup, InjectionAnswer)] {
        if lookups.count == 1 { return [(lookups[0], await self.answer(to: lookups[0], within: time))] }
        return await withTaskGroup { group in
            for lookup in lookups { group.addTask { (lookup, await self.answer(to: lookup, within: time)) } }
            var answers: [(InjectionLookup, InjectionAnswer)] = []
            for await answer in group { answers.append(answer) }
            return answers
        }
    }

    /// The annotations of a namespace, or why they can't be had.
    package func namespace(_ name: String, within time: Duration) async -> InjectionInputs.NamespaceAnswer {
        do {
            let object = try await self.get(ResourceCatalog.namespaces, ObjectKey(name: name), time, metadataOnly: true)
            let pairs = object.metadata.annotations.map { (key: $0.key, value: $0.value) }
            return .found(InjectionNamespace(name: name, annotations: InjectionAnnotations(pairs)))
        } catch {
            return .failed((error as? APIError)?.message ?? "\(error)")
        }
    }

    private func answer(to lookup: InjectionLookup, within time: Duration) async -> InjectionAnswer {
        do {
            switch lookup {
            case .instrumentations(let namespace):
                let list = try await self.list(ResourceCatalog.instrumentations, namespace, time)
                return .instrumentations(list.map { .init($0.json) })
            case .collectors(let namespace):
                let list = try await self.list(ResourceCatalog.collectors, namespace, time)
                return .collectors(list.map { self.sidecar(.init($0.json)) })
            case .instrumentation(let key):
                let object = try await self.get(ResourceCatalog.instrumentations, key, time)
                return .instrumentations([.init(object.json)])
            case .collector(let key):
                let object = try await self.get(ResourceCatalog.collectors, key, time)
                return .collectors([self.sidecar(.init(object.json))])
            case .owners(let kind, let key):
                let object = try await self.get(kind.resource, key, time, metadataOnly: true)
                return .owners(object.metadata.ownerReferences)
            case .secret(let key):
                _ = try await self.get(ResourceCatalog.secrets, key, time, metadataOnly: true)
                return .found
            case .configMap(let key):
                _ = try await self.get(ResourceCatalog.configMaps, key, time, metadataOnly: true)
                return .found
            }
        } catch let error as APIError where error.isNotFound || error.code == 400 {
            // The API server refuses names that no object can have, such as `a%`.
            return .notFound
        } catch let error as KubeClientError where error.code == .invalidRequest {
            // So does the client, such as the one of `a/b/c`.
            return .notFound
        } catch {
            return .failed((error as? APIError)?.message ?? "\(error)")
        }
    }

    private func list(_ resource: APIResource, _ namespace: String, _ time: Duration) async throws -> [KubeObject] {
        try await self.client.listAll(resource, namespace: namespace, options: ListOptions(timeout: time)).items
    }

    private func get(
        _ resource: APIResource,
        _ key: ObjectKey,
        _ time: Duration,
        metadataOnly: Bool = false
    ) async throws -> KubeObject {
        try await self.client.get(
            resource,
            namespace: resource.isNamespaced ? key.namespace : nil,
            name: key.name,
            metadataOnly: metadataOnly,
            timeout: time
        )
    }
}
