package import JSONTree

/// What to list, and how much of it (meta/v1 ListOptions).
package struct ListOptions: Sendable, Hashable {
    /// A label selector in the API's text form, such as `app=web,tier in (a,b)`.
    package var labelSelector: String?
    /// A field selector, such as `spec.nodeName=a`.
    package var fieldSelector: String?
    /// At most this many objects in one page.
    package var limit: Int?
    /// Where the page starts: ``ObjectList/continueToken`` of the page before.
    package var continueToken: String?
    /// `"0"` for whatever the server's cache holds, a version for "at least as new as", `nil` for the newest.
    package var resourceVersion: String?
    /// How ``resourceVersion`` counts; the server wants it set only together with one.
    package var resourceVersionMatch: ResourceVersionMatch?
    /// Asks for `PartialObjectMetadata`: objects without spec, status and data.
    package var metadataOnly: Bool
    /// The client's limit for this request; `nil` is ``ClientConfiguration/requestTimeout``.
    package var timeout: Duration?

    package enum ResourceVersionMatch: String, Sendable, Hashable {
        case exact = "Exact"
        case notOlderThan = "NotOlderThan"
    }

    package init(
        labelSelector: String? = nil,
        fieldSelector: String? = nil,
        limit: Int? = nil,
        continueToken: String? = nil,
        resourceVersion: String? = nil,
        resourceVersionMatch: ResourceVersionMatch? = nil,
        metadataOnly: Bool = false,
        timeout: Duration? = nil
    ) {
        self.labelSelector = labelSelector
        self.fieldSelector = fieldSelector
        self.limit = limit
        self.continueToken = continueToken
        self.resourceVersion = resourceVersion
        self.resourceVersionMatch = resourceVersionMatch
        self.metadataOnly = metadataOnly
        self.timeout = timeout
    }
}

/// What to watch and from where.
package struct WatchOptions: Sendable, Hashable {
    package var labelSelector: String?
    package var fieldSelector: String?
    /// Events after this version; `nil` starts with an ADDED event for whatever exists, then goes on.
    package var resourceVersion: String?
    /// BOOKMARK events tell a newer version now and then, so that a later resume is not too old.
    package var allowBookmarks: Bool
    /// After this time the server ends the stream; the client itself gives up 5 s later. The server takes whole seconds.
    package var timeout: Duration
    package var metadataOnly: Bool
    /// "Watch list" (1.27+): the present objects come as events first, then a bookmark annotated
    /// `k8s.io/initial-events-end: "true"`.
    package var sendInitialEvents: Bool

    package init(
        labelSelector: String? = nil,
        fieldSelector: String? = nil,
        resourceVersion: String? = nil,
        allowBookmarks: Bool = true,
        timeout: Duration = .seconds(290),
        metadataOnly: Bool = false,
        sendInitialEvents: Bool = false
    ) {
        self.labelSelector = labelSelector
        self.fieldSelector = fieldSelector
        self.resourceVersion = resourceVersion
        self.allowBookmarks = allowBookmarks
        self.timeout = timeout
        self.metadataOnly = metadataOnly
        self.sendInitialEvents = sendInitialEvents
    }
}

/// What create, update, patch and apply have in common.
package struct WriteOptions: Sendable, Hashable {
    /// The server runs admission and validation and answers as if it had stored the object, but does not.
    package var dryRun: Bool
    /// Who owns the fields that are written. Without one the server derives it from the user agent.
    package var fieldManager: String?
    /// What becomes of unknown and duplicate fields; `nil` leaves it to the server (a warning from 1.27 on). Servers before
    /// 1.25 ignore it.
    package var fieldValidation: FieldValidation?
    /// The client's limit for this request; `nil` is ``ClientConfiguration/requestTimeout``.
    package var timeout: Duration?

    package enum FieldValidation: String, Sendable, Hashable {
        case strict = "Strict"
        case warn = "Warn"
        case ignore = "Ignore"
    }

    package init(
        dryRun: Bool = false,
        fieldManager: String? = nil,
        fieldValidation: FieldValidation? = nil,
        timeout: Duration? = nil
    ) {
        self.dryRun = dryRun
        self.fieldManager = fieldManager
        self.fieldValidation = fieldValidation
        self.timeout = timeout
    }
}

/// How to delete (meta/v1 DeleteOptions).
package struct DeleteOptions: Sendable, Hashable {
    /// Only delete the object with this uid; another one of the same name gives a conflict.
    package var uid: String?
    /// Only delete the object in this version.
    package var resourceVersion: String?
    package var propagation: Propagation?
    /// Zero deletes at once.
    package var gracePeriodSeconds: Int?
    package var dryRun: Bool
    package var timeout: Duration?

    /// What becomes of the objects that this one owns.
    package enum Propagation: String, Sendable, Hashable {
        /// They go first.
        case foreground = "Foreground"
        /// They go afterwards.
        case background = "Background"
        /// They stay, without their owner.
        case orphan = "Orphan"
    }

    package init(
        uid: String? = nil,
        resourceVersion: String? = nil,
        propagation: Propagation? = nil,
        gracePeriodSeconds: Int? = nil,
        dryRun: Bool = false,
        timeout: Duration? = nil
    ) {
        self.uid = uid
        self.resourceVersion = resourceVersion
        self.propagation = propagation
        self.gracePeriodSeconds = gracePeriodSeconds
        self.dryRun = dryRun
        self.timeout = timeout
    }
}

/// A change to an object, in one of the forms the server takes.
package enum PatchBody: Sendable, Hashable {
    /// JSON Patch (RFC 6902): a list of operations.
    case json([JSONValue])
    /// JSON Patch, already written.
    case jsonBytes([UInt8])
    /// JSON Merge Patch (RFC 7386): null removes a member.
    case merge(JSONObject)
    /// Server-side apply: exactly the fields to own. Needs a field manager; see ``KubeClient/apply(_:_:subresource:fieldManager:force:options:)``.
    case apply(JSONObject)
}
