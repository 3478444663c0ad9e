package import JSONTree

/// Answers `ConversionReview` of apiextensions.k8s.io, as the API server sends it to `/convert`.
package enum ConversionReview {
    /// The answer to the bytes of a request; a request that can't be read is answered with a failure, too.
    package static func answer(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        do throws(JSONError) {
            return self.answer(try JSONValue(parsing: bytes)).bytes()
        } catch {
            return self.review(of: .null, .failure("the ConversionReview is not valid JSON: \(error)")).bytes()
        }
    }

    package static func answer(_ review: JSONValue) -> JSONObject {
        self.review(of: review, self.outcome(review))
    }

    private enum Outcome {
        case success([JSONValue])
        case failure(String)
    }

    private static func outcome(_ review: JSONValue) -> Outcome {
        guard let request = review["request"]?.object else { return .failure("the ConversionReview has no request") }
        let desired = request[string: "desiredAPIVersion"] ?? ""
        guard let version = CollectorVersion(apiVersion: desired) else {
            return .failure("\(CollectorVersion.kind) can't be converted to \"\(desired)\"")
        }
        var converted: [JSONValue] = []
        switch request["objects"] {
        case nil, .null: break
        case .array(let objects):
            for (place, object) in objects.enumerated() {
                guard let object = self.converted(object, to: version) else {
                    let kind = object["kind"]?.string ?? ""
                    let from = object["apiVersion"]?.string ?? ""
                    return .failure("object \(place): kind \"\(kind)\" of \"\(from)\" can't be converted to \(desired)")
                }
                converted.append(object)
            }
        default: return .failure("the objects of the ConversionReview are not a list")
        }
        return .success(converted)
    }

    /// `nil` for what is neither a collector nor a list of collectors.
    private static func converted(_ value: JSONValue, to version: CollectorVersion) -> JSONValue? {
        guard var object = value.object else { return nil }
        if CollectorVersion(of: object) != nil { return .object(CollectorConversion.convert(object, to: version)) }
        guard object[string: "kind"] == CollectorVersion.kind + "List",
            CollectorVersion(apiVersion: object[string: "apiVersion"] ?? "") != nil
        else { return nil }
        if let items = object[array: "items"] {
            var converted: [JSONValue] = []
            for item in items {
                guard let item = item.object, CollectorVersion(of: item) != nil else { return nil }
                converted.append(.object(CollectorConversion.convert(item, to: version)))
            }
            object["items"] = .array(converted)
        }
        object["apiVersion"] = .string(version.apiVersion)
        return .object(object)
    }

    private static func review(of request: JSONValue, _ outcome: Outcome) -> JSONObject {
        var response: JSONObject = ["uid": request["request"]?["uid"] ?? ""]
        switch outcome {
        case .success(let objects):
            response["convertedObjects"] = .array(objects)
            response["result"] = ["status": "Success"]
        case .failure(let message):
            // The API server wants the list even then.
            response["convertedObjects"] = []
            response["result"] = ["status": "Failure", "message": .string(message)]
        }
        // Servers below 1.22 may ask in v1beta1, which has the same form.
        let apiVersion = request["apiVersion"]?.string ?? "apiextensions.k8s.io/v1"
        return ["apiVersion": .string(apiVersion), "kind": "ConversionReview", "response": .object(response)]
    }
}
