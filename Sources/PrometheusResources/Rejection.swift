package import KubeModel

/// Why a resource, or one job of it, is not scraped. The raw values are reasons of events and values of a metric's label.
package enum RejectionReason: String, Sendable, Hashable, CaseIterable {
    /// A field holds what it can't hold.
    case invalidField = "InvalidField"
    case invalidSelector = "InvalidSelector"
    case invalidRelabeling = "InvalidRelabeling"
    case conflictingAuthentication = "ConflictingAuthentication"
    case missingSecret = "MissingSecret"
    case missingConfigMap = "MissingConfigMap"
    case missingKey = "MissingKey"
    /// A Secret or ConfigMap can't be read, or does not hold what it should.
    case unreadableAsset = "UnreadableAsset"
    case unknownScrapeClass = "UnknownScrapeClass"
    case timeoutAboveInterval = "TimeoutAboveInterval"
    /// A kind of discovery that this allocator does not have.
    case unsupportedDiscovery = "UnsupportedDiscovery"
    /// The job reads a file, and `deny_fs_access_through_sms` is on.
    case fileAccessDenied = "FileAccessDenied"
    /// Prometheus would not take the job.
    case invalidConfiguration = "InvalidConfiguration"
}

/// A resource without jobs, or without one of its jobs.
package struct RejectedResource: Sendable, Hashable {
    package var id: PrometheusResourceID
    package var uid: String
    /// The one job that is left out; `nil` when it is all of the resource.
    package var job: String?
    package var reason: RejectionReason
    /// What is wrong, where, and how to mend it. Holds no secret.
    package var message: String

    package init(
        _ id: PrometheusResourceID,
        uid: String = "",
        job: String? = nil,
        reason: RejectionReason,
        message: String
    ) {
        self.id = id
        self.uid = uid
        self.job = job
        self.reason = reason
        self.message = message
    }

    /// For events.
    package var reference: ObjectReference {
        ObjectReference(self.id.kind.groupVersionKind, self.id.key, uid: self.uid.isEmpty ? nil : self.uid)
    }
}

/// What ends the translation of a resource.
struct Rejection: Error {
    var reason: RejectionReason
    var message: String

    init(_ reason: RejectionReason, _ message: String) {
        self.reason = reason
        self.message = message
    }
}
