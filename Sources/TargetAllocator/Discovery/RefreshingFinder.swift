import KubeClient
import KubeRuntime
import PrometheusModel

/// Looks for groups again and again.
protocol GroupRefresh: Sendable {
    /// Looks once.
    ///
    /// - Returns: all groups there are now, by where they came from, a list that has not changed as the same one; `nil` when there is nothing new to tell, or nothing could be learned.
    /// - Throws: `CancellationError`, nothing else.
    mutating func refresh() async throws -> [GroupList]?
}

/// A discovery that asks instead of being told.
struct RefreshingFinder<Refresh: GroupRefresh>: GroupFinder {
    let refresh: Refresh
    let interval: Duration
    var time = TimeSource(ContinuousClock())

    func run(_ channel: GroupChannel) async throws {
        var refresh = self.refresh
        var known: [GroupList]?
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
                if let known { channel.admitNewcomers { known.flatMap(\.groups) } }
                try await channel.signal.wait(until: due, on: self.time)
            } while self.time.now < due
        }
    }

    static func difference(
        from known: [GroupList],
        to found: [GroupList]
    ) -> (changed: [TargetGroup], removed: [String]) {
        let before = Dictionary(known.map { ($0.place, $0) }, uniquingKeysWith: { $1 })
        let places = Set(found.map(\.place))
        var changed: [TargetGroup] = []
        var removed = known.filter { !places.contains($0.place) }.flatMap(\.sources)
        for list in found {
            guard let old = before[list.place] else {
                changed += list.groups
                continue
            }
            if old === list { continue }
            let groups = Dictionary(old.groups.map { ($0.source, $0) }, uniquingKeysWith: { $1 })
            let sources = Set(list.sources)
            changed += list.groups.filter { groups[$0.source] != $0 }
            removed += old.sources.filter { !sources.contains($0) }
        }
        return (changed, removed)
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
