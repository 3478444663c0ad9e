package import JSONTree
package import KubeModel

/// What injection came to.
package struct InjectionOutcome: Sendable {
    /// A JSON Patch (the bytes of its array) for the pod as it came; empty when it stays as it is.
    package var patch: [UInt8] = []
    /// One or more for everything that was asked for, in the order of the work: sidecar first.
    package var decisions: [Decision] = []
    /// One line each, for the one who creates the pod.
    package var warnings: [String] = []
    /// About the workload that the pod belongs to, or the pod.
    package var events: [InjectionEvent] = []
    /// What the pod belongs to, as far as it was found out.
    package var workload: ObjectReference? { self.owners?.workload }
    var owners: OwnerChain?
    /// Set when nothing was changed because of an error: the answer lets the pod in with status 500.
    package var error: String?
    /// Set when the object isn't a pod: the answer refuses it with status 400.
    package var rejection: String?

    package init() {}

    package var isChanged: Bool { !self.patch.isEmpty }

    /// The changed pod: what the API server makes of the patch. The pod has to be the one that was decided on.
    ///
    /// - Throws: ``JSONPatchError`` when it isn't.
    package func applied(to pod: JSONObject) throws(JSONPatchError) -> JSONObject {
        guard self.isChanged else { return pod }
        guard let document = try? JSONValue(parsing: self.patch) else {
            throw JSONPatchError(.malformed, "the patch is not a JSON document")
        }
        let changed = try JSONPatch(document).applied(to: .object(pod))
        guard case .object(let object) = changed else { return pod }
        return object
    }
}

/// An event to be emitted (events.k8s.io).
package struct InjectionEvent: Sendable, Hashable {
    /// The workload that the pod belongs to, as pods mostly have no name yet; `nil` for the pod itself.
    package var regarding: ObjectReference?
    package var type: String
    package var reason: String
    package var action: String
    package var note: String

    package init(type: String, reason: String, action: String, note: String, regarding: ObjectReference? = nil) {
        self.type = type
        self.reason = reason
        self.action = action
        self.note = note
        self.regarding = regarding
    }
}
