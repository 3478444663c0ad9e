import KubeClient
import KubeRuntime
import PrometheusModel

/// Looks for groups again and again.
protocol GroupRefresh: Sendable {
    /// Looks once.
    ///
    /// - Returns: all groups there are now; `nil` when there is nothing new to tell, or nothing could be learned.
    /// - Throws: `CancellationError`, nothing else.
    mutating func refresh() async throws -> [TargetGroup]?
}

/// A discovery that asks instead of being told.
struct RefreshingFinder<Refresh: GroupRefresh>: GroupFinder {
    let refresh: Refresh
    let interval: Duration
    var time = TimeSource(ContinuousClock())

    func run(_ channel: GroupChannel) async throws {
        var refresh = self.refresh
        var known: [TargetGroup]?
        while true {
            let due = self.time.now + self.interval
            if let found = try await refresh.refresh() {
                if let known {
                    let (changed, removed) = Self.difference(from: known, to: found)
                    channel.publish(changed: changed, removed: removed)
                }
                known = found
            }
            repeat {
                if let known { channel.admitNewcomers { known } }
                try await channel.signal.wait(until: due, on: self.time)
            } while self.time.now < due
        }
    }

    static func difference(
        from known: [TargetGroup],
        to found: [TargetGroup]
    ) -> (changed: [TargetGroup], removed: [String]) {
        let before = Dictionary(known.map { ($0.source, $0) }, uniquingKeysWith: { $1 })
        let sources = Set(found.map(\.source))
        return (
            changed: found.filter { before[$0.source] != $0 },
            removed: known.map(\.source).filter { !sources.contains($0) }
        )
    }
}

/// The groups that stand in the configuration itself.
struct StaticFinder: GroupFinder {
    let groups: [TargetGroup]

    func run(_ channel: GroupChannel) async throws {
        while true {
            channel.admitNewcomers { self.groups }
            try await channel.signal.wait()
        }
    }
}

extension PrometheusDuration {
    var interval: Duration { .milliseconds(self.milliseconds) }
}
