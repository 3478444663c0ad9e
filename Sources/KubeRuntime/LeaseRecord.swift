import JSONTree
package import KubeModel

/// A Lease (coordination.k8s.io/v1) as leader election reads it.
package struct LeaseRecord: Sendable, Hashable {
    /// The whole object: what we do not know (labels, `strategy`, `preferredHolder`) is written back as it was.
    package var object: KubeObject

    package init(_ object: KubeObject) { self.object = object }

    /// Who holds it; empty when it was released. Whatever its format, it is only compared.
    package var holder: String { self.object.spec?[string: "holderIdentity"] ?? "" }
    /// How long its holder may go without renewing it; `nil` when it does not say.
    package var duration: Duration? {
        self.object.spec?[int: "leaseDurationSeconds"].flatMap { $0 > 0 ? .seconds($0) : nil }
    }
    /// As its holder's clock had it: only ever compared for being another one.
    package var renewTime: String { self.object.spec?[string: "renewTime"] ?? "" }
    package var transitions: Int { self.object.spec?[int: "leaseTransitions"] ?? 0 }
    package var resourceVersion: String { self.object.metadata.resourceVersion ?? "" }

    /// True when the server has this record later than `other`. Versions count up; should they not be numbers, whatever
    /// arrives is taken to be newer.
    package func isNewer(than other: LeaseRecord) -> Bool {
        guard let left = UInt64(self.resourceVersion), let right = UInt64(other.resourceVersion) else { return true }
        return left > right
    }

    /// The lease to write so that `identity` holds it from now on.
    ///
    /// - Parameter previous: the lease as it was last read, `nil` to create it. Its resource version goes along, so that
    ///   the server refuses the write if somebody else was faster.
    package static func held(
        by identity: String,
        previous: LeaseRecord?,
        namespace: String,
        name: String,
        duration: Duration,
        now: Timestamp
    ) -> LeaseRecord {
        var record =
            previous
            ?? LeaseRecord(KubeObject(APIResource.leases.groupVersionKind, namespace: namespace, name: name))
        var spec = record.object.spec ?? [:]
        let isRenewal = previous?.holder == identity
        spec["holderIdentity"] = .string(identity)
        spec["leaseDurationSeconds"] = .int(Int(duration.seconds.rounded(.up)))
        if !isRenewal || !spec.contains("acquireTime") { spec["acquireTime"] = .string(now.rfc3339Micro) }
        spec["renewTime"] = .string(now.rfc3339Micro)
        if let previous {
            spec["leaseTransitions"] = .int(previous.transitions + (isRenewal ? 0 : 1))
        } else {
            spec["leaseTransitions"] = 0
        }
        record.object.spec = spec
        return record
    }

    /// The lease to write when its holder leaves it to others.
    package func released(now: Timestamp) -> LeaseRecord {
        var record = self
        var spec = self.object.spec ?? [:]
        spec["holderIdentity"] = ""
        // As client-go does: whoever ignores the empty holder has to wait for one second only.
        spec["leaseDurationSeconds"] = 1
        spec["renewTime"] = .string(now.rfc3339Micro)
        record.object.spec = spec
        return record
    }
}

extension APIResource {
    package static let leases = APIResource(
        group: "coordination.k8s.io",
        version: "v1",
        plural: "leases",
        kind: "Lease"
    )
}
