package import JSONTree
package import KubeModel
import Rendering

/// An AdmissionReview (admission.k8s.io/v1) about one of our own resources, as a tree: these are few, pods are many.
package struct Review: Sendable {
    package enum Operation: String, Sendable {
        case create = "CREATE"
        case update = "UPDATE"
        case delete = "DELETE"
        case connect = "CONNECT"
    }

    package var uid: String
    /// Empty for what has none.
    package var namespace: String
    /// Empty for a new object whose name the server makes up.
    package var name: String
    package var operation: Operation
    package var object: KubeObject?
    package var oldObject: KubeObject?
    package var isDryRun: Bool
    package var user: JSONObject

    /// - Throws: ``JSONError`` for what is not JSON or not an AdmissionReview with a request.
    package init(parsing body: [UInt8]) throws(JSONError) {
        func refused(_ what: String) -> JSONError {
            JSONError(.unexpectedKind, "the document is not an AdmissionReview: \(what)", offset: 0, line: 1, column: 1)
        }
        guard case .object(let review) = try JSONValue(parsing: body) else { throw refused("it is not an object") }
        guard let request = review[object: "request"] else { throw refused("it has no request") }
        guard let uid = request[string: "uid"], !uid.isEmpty else { throw refused("the request has no uid") }
        guard let operation = request[string: "operation"].flatMap(Operation.init) else {
            throw refused("the request has no known operation")
        }
        self.uid = uid
        self.namespace = request[string: "namespace"] ?? ""
        self.name = request[string: "name"] ?? ""
        self.operation = operation
        self.object = request[object: "object"].map(KubeObject.init)
        self.oldObject = request[object: "oldObject"].map(KubeObject.init)
        self.isDryRun = request[bool: "dryRun"] ?? false
        self.user = request[object: "userInfo"] ?? [:]
    }
}

/// What is answered to a ``Review``.
package struct ReviewAnswer: Sendable {
    private var response: JSONObject

    /// Allowed, with a JSON Patch if there is something to change.
    package static func allowed(_ review: Review, patch: [JSONValue] = [], warnings: [String] = []) -> ReviewAnswer {
        var response: JSONObject = ["uid": .string(review.uid), "allowed": true]
        if !patch.isEmpty {
            var encoded: [UInt8] = []
            Base64.append(JSONValue.array(patch).bytes(), to: &encoded)
            response["patch"] = .string(String(decoding: encoded, as: UTF8.self))
            response["patchType"] = "JSONPatch"
        }
        response["status"] = ["code": 200]
        return ReviewAnswer(response, warnings)
    }

    /// One thing that is wrong, as `status.details.causes` lists them.
    package struct Cause: Sendable, Hashable {
        package var field: String
        package var reason: String
        package var message: String

        package init(field: String, reason: String, message: String) {
            self.field = field
            self.reason = reason
            self.message = message
        }
    }

    /// Refused for what the resource says.
    package static func denied(
        _ review: Review,
        _ message: String,
        causes: [Cause] = [],
        warnings: [String] = []
    ) -> ReviewAnswer {
        var status: JSONObject = ["code": 403, "reason": "Forbidden", "message": .string(message)]
        if !causes.isEmpty {
            status["details"] = [
                "causes": .array(
                    causes.map {
                        ["field": .string($0.field), "reason": .string($0.reason), "message": .string($0.message)]
                    }
                )
            ]
        }
        return ReviewAnswer(
            ["uid": .string(review.uid), "allowed": false, "status": .object(status)],
            warnings
        )
    }

    /// Refused because it can't be told: something we depend on failed.
    package static func failed(_ review: Review, _ message: String) -> ReviewAnswer {
        ReviewAnswer(
            [
                "uid": .string(review.uid), "allowed": false,
                "status": ["code": 500, "reason": "InternalError", "message": .string(message)],
            ],
            []
        )
    }

    private init(_ response: JSONObject, _ warnings: [String]) {
        self.response = response
        if !warnings.isEmpty { self.response["warnings"] = .strings(AdmissionWarnings.bounded(warnings)) }
    }

    package var isAllowed: Bool { self.response[bool: "allowed"] ?? false }
    /// Of the response's status.
    package var code: Int { self.response[object: "status"]?[int: "code"] ?? 0 }

    package var bytes: [UInt8] {
        let review: JSONObject = [
            "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": .object(self.response),
        ]
        return review.bytes()
    }
}
