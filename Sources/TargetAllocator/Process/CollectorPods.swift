import JSONTree
package import KubeModel
package import TargetAllocation

/// What counts of a pod when it is asked whether it collects.
package struct ObservedPod: Sendable, Equatable {
    package var name: String
    package var nodeName: String
    package var phase: String
    package var startTime: Timestamp?
    /// `nil` without such a condition.
    package var isReady: Bool?
    package var readySince: Timestamp?

    package init(
        name: String,
        nodeName: String,
        phase: String = "Running",
        startTime: Timestamp? = nil,
        isReady: Bool? = true,
        readySince: Timestamp? = nil
    ) {
        self.name = name
        self.nodeName = nodeName
        self.phase = phase
        self.startTime = startTime
        self.isReady = isReady
        self.readySince = readySince
    }

    package init(_ object: KubeObject) {
        let status = object.status ?? [:]
        let conditions = status[array: "conditions"] ?? []
        let ready = conditions.first { $0["type"]?.string == "Ready" }
        self.init(
            name: object.name,
            nodeName: object.spec?[string: "nodeName"] ?? "",
            phase: status[string: "phase"] ?? "",
            startTime: status[string: "startTime"].flatMap { Timestamp($0) },
            isReady: ready.map { $0["status"]?.string == "True" },
            readySince: ready?["lastTransitionTime"]?.string.flatMap { Timestamp($0) }
        )
    }
}

/// Which pods collect (specification targetallocator.md section 6).
package enum CollectorPods {
    /// - Parameter grace: how long a pod may be unready before its targets go to others; zero asks for no readiness.
    /// - Returns: the collectors by name, and when time alone makes another set of them.
    package static func choose(
        _ pods: [ObservedPod],
        grace: Duration,
        now: Timestamp
    ) -> (collectors: [CollectorPod], until: Timestamp?) {
        var collectors: [CollectorPod] = []
        var until: Timestamp?
        for pod in pods where !pod.nodeName.isEmpty {
            if grace > .zero {
                var end: Timestamp?
                if pod.phase != "Running" { end = pod.startTime.map { $0 + grace } }
                if pod.isReady == false, let since = pod.readySince {
                    end = min(end ?? since + grace, since + grace)
                }
                if let end {
                    if end < now { continue }
                    until = min(until ?? end, end)
                }
            }
            collectors.append(CollectorPod(name: pod.name, nodeName: pod.nodeName))
        }
        return (collectors.sorted { $0.name < $1.name }, until)
    }
}

/// Lets a collector that went stay for a moment: a pod of a StatefulSet comes back under its name, and its targets need not
/// go to others and back. Who comes is there at once.
package struct CollectorMembership: Sendable {
    private let patience: Duration
    private var members: [String: CollectorPod] = [:]
    private var goneSince: [String: Duration] = [:]

    package init(patience: Duration = .seconds(5)) { self.patience = patience }

    /// - Returns: who is a collector now, and when to ask again if nothing else happens.
    package mutating func update(
        _ present: [CollectorPod],
        now: Duration
    ) -> (collectors: [CollectorPod], until: Duration?) {
        let names = Set(present.map(\.name))
        for pod in present {
            self.members[pod.name] = pod
            self.goneSince[pod.name] = nil
        }
        for name in self.members.keys where !names.contains(name) {
            let since = self.goneSince[name] ?? now
            if now - since >= self.patience {
                self.members[name] = nil
                self.goneSince[name] = nil
            } else {
                self.goneSince[name] = since
            }
        }
        let until = self.goneSince.values.min().map { $0 + self.patience }
        return (self.members.values.sorted { $0.name < $1.name }, until)
    }
}
