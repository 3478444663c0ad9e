package import JSONTree

/// The server answered, and the answer was not a success.
package struct APIError: Error, Sendable {
    /// The HTTP status; for an error within a watch the `code` of its `Status`.
    package var code: Int
    /// The machine-readable reason of the `Status`, such as `NotFound` or `Conflict`; empty when there is none.
    package var reason: String
    /// For people. When the body was no `Status` (a proxy's page), a shortened text of it.
    package var message: String
    /// The whole `Status` as the server sent it; empty when the body was none.
    package var status: JSONObject
    /// How long the server asks to wait.
    package var retryAfter: Duration?
    /// The request that failed.
    package var method: String
    package var path: String

    package init(
        code: Int,
        reason: String = "",
        message: String = "",
        status: JSONObject = [:],
        retryAfter: Duration? = nil,
        method: String = "",
        path: String = ""
    ) {
        self.code = code
        self.reason = reason
        self.message = message
        self.status = status
        self.retryAfter = retryAfter
        self.method = method
        self.path = path
    }

    /// The object, or the resource itself, is not there.
    package var isNotFound: Bool { self.code == 404 }
    /// Somebody else changed the object, or owns a field that was applied without force; not: it exists already.
    package var isConflict: Bool { self.code == 409 && !self.isAlreadyExists }
    package var isAlreadyExists: Bool { self.code == 409 && self.reason == "AlreadyExists" }
    /// The resource version or continue token is too old: list anew. (Reasons `Expired` and `Gone`.)
    package var isGone: Bool { self.code == 410 }
    package var isUnauthorized: Bool { self.code == 401 }
    package var isForbidden: Bool { self.code == 403 }
    /// The object was refused by validation.
    package var isInvalid: Bool { self.code == 422 }
    package var isTooManyRequests: Bool { self.code == 429 }
    /// The server could not finish in time (`ServerTimeout`, or 504 `Timeout`); it may still be at it.
    package var isServerTimeout: Bool { self.code == 504 || self.reason == "ServerTimeout" }
    /// The namespace is being deleted, so nothing can be created in it.
    package var isNamespaceTerminating: Bool {
        self.causes.contains { $0[string: "reason"] == "NamespaceTerminating" }
    }

    /// `details.causes` of the `Status`.
    package var causes: [JSONObject] {
        (self.status[path: "details", "causes"]?.array ?? []).compactMap(\.object)
    }
}

extension APIError: CustomStringConvertible {
    package var description: String {
        var text = self.method.isEmpty ? "" : "\(self.method) \(self.path): "
        text += self.reason.isEmpty ? "\(self.code)" : "\(self.code) \(self.reason)"
        if !self.message.isEmpty { text += ": \(self.message)" }
        return text
    }
}
