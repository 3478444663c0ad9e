import Controllers
import Diagnostics
import JSONTree
import KubeClient
import KubeModel
import Rendering
import TelemetryAPI

/// Finds what tells how target allocators are: their Deployments and, of those that are not well, pods, Events and what their
/// accounts may not do.
struct AllocatorSearch {
    let reader: ClusterReader

    /// - Parameter collectors: of all namespaces that the resources are in.
    func facts(_ resources: [KubeObject], among collectors: [KubeObject]) async throws -> [AllocatorFacts] {
        var facts: [AllocatorFacts] = []
        for resource in resources {
            let deployment = try await self.reader.get(
                ResourceCatalog.deployments,
                namespace: resource.namespace,
                name: ObjectName.targetAllocator(resource.name)
            ).value
            var one = AllocatorFacts(
                resource,
                deployment: deployment?.metadata.controller?.uid == resource.metadata.uid ? deployment : nil,
                among: collectors
            )
            if Check.targetAllocator(one) != nil { try await self.complete(&one) }
            facts.append(one)
        }
        return facts
    }

    private func complete(_ facts: inout AllocatorFacts) async throws {
        let resource = facts.resource
        facts.pods = try await self.reader.pods(of: resource, .targetAllocator)
        facts.events = try await self.reader.warnings(of: resource, workload: "-targetallocator")
        let allocator = TargetAllocatorResource(resource.json)
        let account = allocator.spec.serviceAccount ?? ObjectName.targetAllocator(resource.name)
        for needs in AccountNeeds.of(allocator, evenIfOwned: true) {
            let answers = try await self.reader.answers(
                to: needs.checks.map { ($0, "", "") },
                of: .serviceAccount(namespace: resource.namespace, name: account)
            )
            facts.missingRights += needs.warnings(missing: answers.filter { $0.isAllowed == false }.map(\.check))
        }
    }

    /// Which kinds of the Prometheus operator the server does not have; of what can't be told nothing is said.
    func missingPrometheusKinds() async -> Set<String> {
        var missing: Set<String> = []
        for kind in ["ServiceMonitor", "PodMonitor", "Probe", "ScrapeConfig"] {
            let asked = GroupKind(group: "monitoring.coreos.com", kind: kind)
            do {
                if try await self.reader.client.discovery.resource(for: asked) == nil { missing.insert(kind) }
            } catch {
                continue
            }
        }
        return missing
    }
}

extension ClusterReader {
    func pods(of resource: KubeObject, _ component: ObjectLabels.Component) async throws -> [KubeObject] {
        let selector = ObjectLabels.selector(resource.metadata, component: component)
            .map { "\($0.key)=\($0.value)" }.sorted().joined(separator: ",")
        return try await self.list(
            ClusterReader.pods,
            namespace: resource.namespace,
            options: ListOptions(labelSelector: selector)
        ).value ?? []
    }

    /// Events of a resource itself and of objects whose names begin with that of its workload.
    func warnings(of resource: KubeObject, workload suffix: String) async throws -> [KubeObject] {
        let all =
            try await self.list(
                ClusterReader.events,
                namespace: resource.namespace,
                options: ListOptions(fieldSelector: "type=Warning")
            ).value ?? []
        return all.filter { event in
            let name = event.json["involvedObject"]?["name"]?.string ?? ""
            return name == resource.name || name.hasPrefix(resource.name + suffix)
        }.suffix(4)
    }
}
