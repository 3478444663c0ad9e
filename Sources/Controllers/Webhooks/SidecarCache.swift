import JSONTree
package import KubeModel
import KubeRuntime
package import PodInjection
import Rendering
import Synchronization
package import TelemetryAPI

/// Sidecar collectors as injection wants them, rendered once for each change of a collector and not for each pod.
package final class SidecarCache: Sendable {
    private struct Entry {
        var record: CollectorRecord
        var collector: SidecarCollector
    }

    private let stores: ClusterStores
    private let settings: OperatorSettings
    private let facts: @Sendable () -> ClusterFacts
    private let entries = Mutex<[ObjectKey: Entry]>([:])

    package init(stores: ClusterStores, settings: OperatorSettings, facts: @escaping @Sendable () -> ClusterFacts) {
        self.stores = stores
        self.settings = settings
        self.facts = facts
    }

    /// The collectors of a namespace whose mode is sidecar.
    package func sidecars(in namespace: String) -> [SidecarCollector] {
        self.stores.collectors.items(in: namespace) { _, record in record.isSidecar }.map(self.sidecar)
    }

    /// One collector of whatever mode, `nil` when there is none of that name.
    package func collector(_ key: ObjectKey) -> SidecarCollector? {
        self.stores.collectors[key].map(self.sidecar)
    }

    /// A collector that the store does not have yet.
    package func render(_ collector: Collector) -> SidecarCollector {
        SidecarCollector(collector, settings: self.settings, facts: self.facts())
    }

    private func sidecar(_ record: CollectorRecord) -> SidecarCollector {
        if let known = self.entries.withLock({ $0[record.key] }), known.record == record { return known.collector }
        let made = self.render(record)
        self.entries.withLock { entries in
            // Bounded by what exists: entries of deleted collectors go when the map has grown past the store.
            if entries.count > self.stores.collectors.count + 16 {
                entries = entries.filter { self.stores.collectors[$0.key] != nil }
            }
            entries[record.key] = Entry(record: record, collector: made)
        }
        return made
    }

    private func render(_ record: CollectorRecord) -> SidecarCollector {
        do {
            return self.render(try record.collector())
        } catch {
            return SidecarCollector(
                key: record.key,
                isSidecar: record.isSidecar,
                template: .failure(SidecarError("\(error)"))
            )
        }
    }
}
