import Diagnostics
import KubeModel
import Rendering

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
            facts.append(
                CollectorFacts(
                    collector,
                    pods: try await self.reader.pods(of: collector, .collector),
                    events: try await self.reader.warnings(of: collector, workload: "-collector")
                )
            )
        }
        return facts
    }
}
