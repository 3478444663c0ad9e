import Diagnostics
import JSONTree
import KubeClient
import KubeModel

/// Finds what tells why collectors are not ready: their pods, and Events of what belongs to them.
struct CollectorSearch {
    let reader: ClusterReader

    func facts(_ collectors: [KubeObject]) async throws -> [CollectorFacts] {
        var facts: [CollectorFacts] = []
        for collector in collectors {
            // Most are well, and nobody wants to read the pods of a thousand of them.
            guard Check.collector(CollectorFacts(collector, pods: [], events: [])) != nil else {
                facts.append(CollectorFacts(collector, pods: [], events: []))
                continue
            }
            let selector = "app.kubernetes.io/instance=\(collector.namespace).\(collector.name)"
            let pods =
                try await self.reader.list(
                    ClusterReader.pods,
                    namespace: collector.namespace,
                    options: ListOptions(labelSelector: selector)
                ).value ?? []
            facts.append(CollectorFacts(collector, pods: pods, events: try await self.events(of: collector)))
        }
        return facts
    }

    /// Warnings of the collector itself and of objects whose names begin with that of its workload.
    private func events(of collector: KubeObject) async throws -> [KubeObject] {
        let all =
            try await self.reader.list(
                ClusterReader.events,
                namespace: collector.namespace,
                options: ListOptions(fieldSelector: "type=Warning")
            ).value ?? []
        return all.filter { event in
            let name = event.json["involvedObject"]?["name"]?.string ?? ""
            return name == collector.name || name.hasPrefix(collector.name + "-collector")
        }.suffix(4)
    }
}
