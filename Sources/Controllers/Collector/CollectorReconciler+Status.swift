import CollectorVersions
import JSONTree
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import Rendering
import Synchronization
import TelemetryAPI

extension CollectorReconciler {
    // MARK: Upgrades

    /// Writes the specification that a later collector understands, and after it the version: a stop in between has the
    /// steps run once more, which changes nothing.
    func store(
        _ upgraded: CollectorUpgrade,
        outcome: CollectorUpgradeOutcome,
        of stored: Collector,
        _ version: String?
    ) async throws {
        let key = ObjectKey(namespace: stored.namespace, name: stored.name)
        if upgraded.changesSpec {
            var patch: JSONObject = [
                "spec": .object(JSONMergePatch.diff(from: stored.spec.json, to: upgraded.collector.spec.json))
            ]
            // Whoever changed it meanwhile meant another one.
            if let version { patch["metadata"] = ["resourceVersion": .string(version)] }
            try await self.client.patch(
                ResourceCatalog.collectors,
                namespace: key.namespace,
                name: key.name,
                .merge(patch),
                options: WriteOptions(fieldManager: ApplyEngine.fieldManager)
            )
            APIWrites.count(ResourceCatalog.collectors.kind, .upgraded)
            Logger.current.info(
                "upgraded the collector's specification",
                metadata: ["from": "\(upgraded.from)", "to": "\(upgraded.version)"]
            )
        }
        var status = stored.status
        status.version = upgraded.version
        if let news = outcome.condition(for: stored, now: self.now()) {
            var conditions = status.conditions
            conditions.set(news)
            status.conditions = conditions
        }
        try await self.write(status, over: stored.status, of: key)
        self.tell(stored, outcome)
    }

    /// Says what was taken over, if anything was. Once: what is ours is not taken over again.
    func tell(_ collector: Collector, _ takeover: Takeover) {
        guard let note = takeover.note(from: ApplyEngine.predecessor) else { return }
        self.events?.record(
            .normal,
            reason: "TakenOver",
            action: "TakeOver",
            note: note,
            regarding: KubeObject(collector.json)
        )
    }

    func tell(_ collector: Collector, _ upgrade: CollectorUpgradeOutcome) {
        for event in upgrade.events {
            self.events?.record(
                event.isWarning ? .warning : .normal,
                reason: event.reason,
                action: event.reason,
                note: event.note,
                regarding: KubeObject(collector.json)
            )
        }
    }

    // MARK: Reporting

    /// Writes the status if it is another one now, and tells the collector's users when that is news to them.
    ///
    /// - Parameter version: what the store held when the collector was read from it.
    func report(
        _ collector: Collector,
        _ version: String?,
        _ outcome: StatusInputs.Outcome,
        warnings: [String] = [],
        conditions: [Condition] = []
    ) async throws {
        let key = ObjectKey(namespace: collector.namespace, name: collector.name)
        var status = collectorStatus(
            StatusInputs(
                collector: collector,
                settings: self.settings,
                outcome: outcome,
                workload: self.workload(of: key),
                warnings: warnings,
                now: self.now()
            )
        )
        for condition in conditions {
            var all = status.conditions
            all.set(condition)
            status.conditions = all
        }
        self.readiness.set(key, status.conditions)
        let before = collector.status
        guard status != before, try await self.write(status, over: before, of: key) else { return }
        self.unseenStatus[key, over: version] = status
        self.tell(collector, outcome, before: before, after: status)
    }

    /// - Returns: false when the collector was deleted meanwhile.
    @discardableResult
    private func write(_ status: CollectorStatus, over before: CollectorStatus, of key: ObjectKey) async throws -> Bool
    {
        let patch = JSONMergePatch.diff(from: before.json, to: status.json)
        do {
            try await self.client.patch(
                ResourceCatalog.collectors,
                namespace: key.namespace,
                name: key.name,
                subresource: "status",
                .merge(["status": .object(patch)])
            )
            APIWrites.count(ResourceCatalog.collectors.kind, .status)
            return true
        } catch let error as APIError where error.isNotFound {
            return false
        }
    }

    private func tell(
        _ collector: Collector,
        _ outcome: StatusInputs.Outcome,
        before: CollectorStatus,
        after: CollectorStatus
    ) {
        let object = KubeObject(collector.json)
        switch outcome {
        case .failed(let message):
            self.events?.record(.warning, reason: "Error", note: message, regarding: object)
        case .workloadUnreadable(let message):
            self.events?.record(.warning, reason: "StatusFailure", note: message, regarding: object)
        case .applied:
            // What pods come to is no news; another generation or condition is.
            func news(_ status: CollectorStatus) -> [String] {
                ["\(status.observedGeneration ?? 0)"]
                    + status.conditions.map { "\($0.type)\($0.status.rawValue)\($0.reason)" }
            }
            guard news(before) != news(after) else { return }
            self.events?.record(.normal, reason: "Info", note: "applied status changes", regarding: object)
        }
    }

    /// What the stores know of the collector's workload.
    private func workload(of key: ObjectKey) -> ObservedWorkload? {
        for record in self.owned.records(of: key) {
            let kind = record.object.reference.groupVersionKind.kind
            guard ["Deployment", "StatefulSet", "DaemonSet"].contains(kind) else { continue }
            let isDaemonSet = kind == "DaemonSet"
            return ObservedWorkload(
                replicas: isDaemonSet ? record.workload.desiredNumberScheduled : record.workload.replicas,
                readyReplicas: isDaemonSet ? record.workload.numberReady : record.workload.readyReplicas,
                image: record.workload.image
            )
        }
        return nil
    }
}

/// Status that was written and that the store does not show yet: a reconcile that is woken meanwhile goes on from it.
/// Otherwise it would write the same again, with other times.
final class UnseenStatus<Status: Sendable>: Sendable {
    private struct Write {
        var version: String?
        var status: Status
    }

    private let writes = Mutex<[ObjectKey: Write]>([:])

    /// What was written while the store held a version of the resource.
    subscript(key: ObjectKey, over version: String?) -> Status? {
        get {
            self.writes.withLock { writes in
                guard let write = writes[key] else { return nil }
                if write.version == version { return write.status }
                writes[key] = nil
                return nil
            }
        }
        set { self.writes.withLock { $0[key] = newValue.map { Write(version: version, status: $0) } } }
    }

    func forget(_ key: ObjectKey) { self.writes.withLock { $0[key] = nil } }
}
