package import JSONTree

/// A `ConversionReview` (apiextensions.k8s.io, v1 or v1beta1): the API server's question what objects look like in another
/// version.
package struct ConversionReview: Sendable {
    package var apiVersion: String
    package var uid: String
    package var desiredAPIVersion: String
    package var objects: [JSONValue]

    /// - Throws: ``JSONError`` for what is no JSON or no ConversionReview with a request.
    package init(parsing body: [UInt8]) throws(JSONError) {
        func refused(_ what: String) -> JSONError {
            JSONError(.unexpectedKind, "the document is not a ConversionReview: \(what)", offset: 0, line: 1, column: 1)
        }
        guard case .object(let review) = try JSONValue(parsing: body) else { throw refused("it is not an object") }
        guard let request = review[object: "request"] else { throw refused("it has no request") }
        guard let uid = request[string: "uid"], !uid.isEmpty else { throw refused("the request has no uid") }
        self.apiVersion = review[string: "apiVersion"] ?? "apiextensions.k8s.io/v1"
        self.uid = uid
        self.desiredAPIVersion = request[string: "desiredAPIVersion"] ?? ""
        self.objects = request[array: "objects"] ?? []
    }

    /// The answer, in the version of the question: all objects converted, or none and one sentence why.
    package var answer: [UInt8] {
        var response: JSONObject = ["uid": .string(self.uid)]
        do throws(Refusal) {
            response["convertedObjects"] = .array(try self.converted())
            response["result"] = ["status": "Success"]
        } catch {
            response["convertedObjects"] = []
            response["result"] = ["status": "Failure", "message": .string(error.message)]
        }
        let review: JSONObject = [
            "apiVersion": .string(self.apiVersion), "kind": "ConversionReview", "response": .object(response),
        ]
        return review.bytes()
    }

    private struct Refusal: Error {
        var message: String
    }

    private func converted() throws(Refusal) -> [JSONValue] {
        guard let version = CollectorConversion.Version(apiVersion: self.desiredAPIVersion) else {
            throw Refusal(
                message:
                    "cannot convert to \"\(self.desiredAPIVersion)\": collectors are converted between opentelemetry.io/v1alpha1 and opentelemetry.io/v1beta1"
            )
        }
        var converted: [JSONValue] = []
        for object in self.objects { converted.append(try Self.converted(object, to: version)) }
        return converted
    }

    private static func converted(
        _ value: JSONValue,
        to version: CollectorConversion.Version
    ) throws(Refusal) -> JSONValue {
        let kind = value["kind"]?.string ?? ""
        guard var object = value.object, let apiVersion = object[string: "apiVersion"],
            CollectorConversion.Version(apiVersion: apiVersion) != nil,
            kind == CollectorConversion.kind || kind == CollectorConversion.kind + "List"
        else {
            let what = "\(value["apiVersion"]?.string ?? "?")/\(kind.isEmpty ? "?" : kind)"
            throw Refusal(
                message: "cannot convert \(what): only \(CollectorConversion.kind) of opentelemetry.io is known"
            )
        }
        guard kind.hasSuffix("List") else { return .object(CollectorConversion.converted(object, to: version)) }
        object["apiVersion"] = .string(version.apiVersion)
        var items: [JSONValue] = []
        for item in object[array: "items"] ?? [] { items.append(try self.converted(item, to: version)) }
        object["items"] = .array(items)
        return .object(object)
    }
}
