// The state of the target allocator as one value: filter, strategies, hand-over, lists. Time is a parameter, everything
// else comes in as values; `TargetLists` is the same for many readers at once.

package import PrometheusConfig
import PrometheusModel

/// How targets are filtered and spread.
package struct AllocationSettings: Sendable, Hashable {
    package enum Strategy: String, Sendable, Hashable, CaseIterable {
        case consistentHashing = "consistent-hashing"
        case leastWeighted = "least-weighted"
        case perNode = "per-node"
    }

    package var strategy: Strategy
    /// Decides for targets without a node, where the strategy is `per-node`.
    package var fallback: Strategy?
    /// Whether targets that a job's relabel rules drop are left out.
    package var filters: Bool
    /// Whether a moved target stays with its old collector until the new one has fetched it.
    package var handsOver: Bool
    /// How long it stays there when the new one fetches nothing.
    package var handOverDeadline: Duration

    package init(
        strategy: Strategy = .consistentHashing,
        fallback: Strategy? = nil,
        filters: Bool = true,
        handsOver: Bool = true,
        handOverDeadline: Duration = .seconds(60)
    ) {
        self.strategy = strategy
        self.fallback = fallback == .perNode ? nil : fallback
        self.filters = filters
        self.handsOver = handsOver
        self.handOverDeadline = handOverDeadline
    }

    /// From the allocator's configuration, whose names of strategies were checked.
    package init(_ settings: AllocatorSettings) {
        self.init(
            strategy: Strategy(rawValue: settings.allocationStrategy) ?? .consistentHashing,
            fallback: Strategy(rawValue: settings.allocationFallbackStrategy),
            filters: settings.filters,
            handsOver: settings.handOver.isEnabled,
            handOverDeadline: .nanoseconds(settings.handOver.deadline.nanoseconds)
        )
    }

    /// Whether some target's collector depends on how many the collectors have, and so on what was before.
    package var weighs: Bool {
        self.strategy == .leastWeighted || (self.strategy == .perNode && self.fallback == .leastWeighted)
    }

    var hashes: Bool {
        self.strategy == .consistentHashing || (self.strategy == .perNode && self.fallback == .consistentHashing)
    }
}

/// A pod that scrapes.
package struct CollectorPod: Sendable, Hashable {
    package var name: String
    /// Empty where it is not known; then it gets nothing from `per-node`.
    package var nodeName: String

    package init(name: String, nodeName: String = "") {
        self.name = name
        self.nodeName = nodeName
    }
}
