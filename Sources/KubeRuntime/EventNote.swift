import JSONTree
package import KubeModel

/// Something worth telling the users of an object.
package struct EventNote: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable {
        case normal = "Normal"
        case warning = "Warning"
    }

    package var kind: Kind
    /// Why: one word in upper camel case, such as `Unhealthy`. At most 128 bytes.
    package var reason: String
    /// What was done or tried, such as `Apply`. At most 128 bytes; empty takes the reason.
    package var action: String
    /// For people; shortened to 1 KiB.
    package var note: String
    /// What it is about. The uid makes `kubectl describe` show it.
    package var regarding: ObjectReference
    /// A second object that has to do with it.
    package var related: ObjectReference?

    package init(
        _ kind: Kind,
        reason: String,
        action: String = "",
        note: String,
        regarding: ObjectReference,
        related: ObjectReference? = nil
    ) {
        self.kind = kind
        self.reason = reason.truncated(toBytes: 128)
        self.action = (action.isEmpty ? reason : action).truncated(toBytes: 128)
        self.note = note.truncated(toBytes: 1024)
        self.regarding = regarding
        self.related = related
    }

    /// Events of cluster-scoped objects lie in the namespace `default`.
    var namespace: String { self.regarding.key.namespace.isEmpty ? "default" : self.regarding.key.namespace }
}

/// Who reports events.
package struct EventReporter: Sendable, Hashable {
    /// What kind of program, such as `opentelemetry-operator`.
    package var controller: String
    /// Which copy of it, such as the pod's name. At most 128 bytes.
    package var instance: String

    package init(controller: String, instance: String) {
        self.controller = controller
        self.instance = (instance.isEmpty ? controller : instance).truncated(toBytes: 128)
    }
}

/// The two APIs that events are served under. Both show the same objects.
enum EventAPI: Sendable {
    case events
    case core

    var resource: APIResource {
        switch self {
        case .events: APIResource(group: "events.k8s.io", version: "v1", plural: "events", kind: "Event")
        case .core: APIResource(group: "", version: "v1", plural: "events", kind: "Event")
        }
    }

    /// The event as it is created.
    ///
    /// - Parameter count: how often it was seen before this could be sent.
    func object(
        _ note: EventNote,
        name: String,
        reporter: EventReporter,
        first: Timestamp,
        last: Timestamp,
        count: Int
    ) -> KubeObject {
        var event = KubeObject(self.resource.groupVersionKind, namespace: note.namespace, name: name)
        event.json["type"] = .string(note.kind.rawValue)
        event.json["reason"] = .string(note.reason)
        event.json["action"] = .string(note.action)
        event.json["reportingInstance"] = .string(reporter.instance)
        if let related = note.related { event.json["related"] = .object(Self.reference(related)) }
        switch self {
        case .events:
            event.json["regarding"] = .object(Self.reference(note.regarding))
            event.json["note"] = .string(note.note)
            event.json["reportingController"] = .string(reporter.controller)
            event.json["eventTime"] = .string(first.rfc3339Micro)
            // A series has two members or more, says the API.
            if count > 1 { event.json["series"] = .object(Self.series(count, last)) }
        case .core:
            event.json["involvedObject"] = .object(Self.reference(note.regarding))
            event.json["message"] = .string(note.note)
            event.json["reportingComponent"] = .string(reporter.controller)
            event.json["source"] = ["component": .string(reporter.controller)]
            event.json["firstTimestamp"] = .string(first.rfc3339)
            event.json["lastTimestamp"] = .string(last.rfc3339)
            event.json["count"] = .int(count)
        }
        return event
    }

    /// The merge patch that tells of more of the same.
    func patch(last: Timestamp, count: Int) -> JSONObject {
        switch self {
        case .events: ["series": .object(Self.series(count, last))]
        case .core: ["count": .int(count), "lastTimestamp": .string(last.rfc3339)]
        }
    }

    private static func series(_ count: Int, _ last: Timestamp) -> JSONObject {
        ["count": .int(count), "lastObservedTime": .string(last.rfc3339Micro)]
    }

    private static func reference(_ object: ObjectReference) -> JSONObject {
        var json: JSONObject = [
            "apiVersion": .string(object.groupVersionKind.apiVersion), "kind": .string(object.groupVersionKind.kind),
        ]
        if !object.key.namespace.isEmpty { json["namespace"] = .string(object.key.namespace) }
        json["name"] = .string(object.key.name)
        if let uid = object.uid, !uid.isEmpty { json["uid"] = .string(uid) }
        return json
    }
}

extension String {
    /// The text, or as much of its start as fits, with an ellipsis in place of the rest.
    func truncated(toBytes limit: Int) -> String {
        guard self.utf8.count > limit else { return self }
        let ellipsis = "…"
        var count = 0
        var kept = Substring.UnicodeScalarView()
        for scalar in self.unicodeScalars {
            count += UTF8.width(scalar)
            if count > limit - ellipsis.utf8.count { break }
            kept.append(scalar)
        }
        return String(kept) + ellipsis
    }
}
