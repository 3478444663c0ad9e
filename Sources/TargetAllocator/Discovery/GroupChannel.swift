import KubeRuntime
import PrometheusModel
import Synchronization

/// Finds the groups of one discovery, for all jobs that have the same.
protocol GroupFinder: Sendable {
    /// Runs until cancelled. Publishes what it finds and answers ``GroupChannel/newcomers``, both on one task.
    ///
    /// - Throws: `CancellationError`, nothing else.
    func run(_ channel: GroupChannel) async throws
}

/// Where a discovery is configured.
struct DiscoveryPlace: Sendable, Hashable {
    var job: String
    var index: Int
}

/// Carries what a finder finds to the jobs that asked for it.
final class GroupChannel: Sendable {
    private struct State {
        /// Those that have had the first complete state.
        var members: Set<DiscoveryPlace> = []
        var newcomers: Set<DiscoveryPlace> = []
    }

    private let state = Mutex(State())
    private let report: @Sendable (DiscoveryUpdate) -> Void
    /// Raised for newcomers; finders raise it for what wakes them themselves.
    let signal = Signal()

    init(report: @escaping @Sendable (DiscoveryUpdate) -> Void) { self.report = report }

    func join(_ place: DiscoveryPlace) {
        self.state.withLock { _ = $0.newcomers.insert(place) }
        self.signal.raise()
    }

    /// Nothing is reported for the place any more once this returns.
    func leave(_ place: DiscoveryPlace) {
        self.state.withLock { state in
            state.members.remove(place)
            state.newcomers.remove(place)
        }
    }

    var isEmpty: Bool { self.state.withLock { $0.members.isEmpty && $0.newcomers.isEmpty } }

    /// Jobs by name, for log lines.
    var jobs: [String] {
        self.state.withLock { state in Set((state.members.union(state.newcomers)).map(\.job)).sorted() }
    }

    var hasNewcomers: Bool { self.state.withLock { !$0.newcomers.isEmpty } }

    /// Tells those who know all before this.
    func publish(changed: [TargetGroup], removed: [String]) {
        if changed.isEmpty, removed.isEmpty { return }
        // Reported under the lock, so that nothing comes for a place that has left.
        self.state.withLock { state in
            for place in state.members {
                self.report(
                    DiscoveryUpdate(job: place.job, discovery: place.index, changed: changed, removed: removed)
                )
            }
        }
    }

    /// Tells a part of what there is to those who have nothing yet: the rest can't be had for now.
    func publishPart(_ groups: [TargetGroup], removed: [String]) {
        if groups.isEmpty, removed.isEmpty { return }
        self.state.withLock { state in
            for place in state.newcomers {
                self.report(
                    DiscoveryUpdate(job: place.job, discovery: place.index, changed: groups, removed: removed)
                )
            }
        }
    }

    /// Gives everything to newcomers, who are members from then on.
    func admitNewcomers(_ everything: () -> [TargetGroup]) {
        guard self.hasNewcomers else { return }
        let groups = everything()
        self.state.withLock { state in
            for place in state.newcomers {
                self.report(
                    DiscoveryUpdate(job: place.job, discovery: place.index, changed: groups, isInitial: true)
                )
                state.members.insert(place)
            }
            state.newcomers = []
        }
    }
}
