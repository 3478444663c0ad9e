import JSONTree
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import ServiceLifecycle
import Synchronization
import TargetAllocation

/// Follows the pods that collect and tells who they are.
final class CollectorPodWatcher: Service {
    struct Choice: Sendable, Hashable {
        /// `nil` chooses no pod.
        var selector: LabelSelector?
        var namespace: String
        var grace: Duration
    }

    private static let pods = APIResource(group: "", version: "v1", plural: "pods", kind: "Pod")

    private let choice: Choice
    private let store: Store<ObservedPod>?
    private let changed = Signal()
    private let time = TimeSource(ContinuousClock())
    private let report: @Sendable ([CollectorPod]) -> Void

    init(client: KubeClient, choice: Choice, report: @escaping @Sendable ([CollectorPod]) -> Void) {
        self.choice = choice
        self.report = report
        self.store = choice.selector.map { selector in
            let projection = KubeObject.projection(of: Self.pods)
            return Store(
                client: client,
                target: WatchTarget(
                    Self.pods,
                    namespace: choice.namespace,
                    labelSelector: selector.isEmpty ? nil : selector.query
                ),
                projection: { (cursor) throws(JSONError) in ObservedPod(try projection(&cursor)) }
            )
        }
    }

    func run() async throws {
        guard let store = self.store else {
            Logger.current.warning(
                "no pod is a collector: collector_selector is null",
                metadata: ["mend": "give collector_selector the labels of the collectors' pods, {} for every pod"]
            )
            self.report([])
            return try await untilGracefulShutdown()
        }
        let changed = self.changed
        let subscription = store.subscribe { _ in changed.raise() }
        defer { subscription.cancel() }
        try await untilGracefulShutdown {
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { try await store.run() }
                try await store.waitForSync()
                try await self.follow(store)
            }
        }
    }

    private func follow(_ store: Store<ObservedPod>) async throws {
        var membership = CollectorMembership()
        while true {
            let wall = Timestamp.now()
            let (present, healthUntil) = CollectorPods.choose(store.items(), grace: self.choice.grace, now: wall)
            let now = self.time.now
            let (collectors, until) = membership.update(present, now: now)
            self.report(collectors)
            // Pods of a Deployment come and go in bunches.
            try await self.time.sleep(for: .milliseconds(250))
            let health = healthUntil.map { now + max(.milliseconds(250), $0 - wall + .seconds(1)) }
            let next = [until, health].compactMap { $0 }.min() ?? now + .seconds(30)
            try await self.changed.wait(until: next, on: self.time)
        }
    }
}
