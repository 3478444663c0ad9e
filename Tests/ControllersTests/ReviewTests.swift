import JSONTree
import KubeModel
import Testing

@testable import Controllers

/// AdmissionReviews about our own resources.
struct ReviewTests {
    private func parse(_ text: String) throws -> Review { try Review(parsing: Array(text.utf8)) }

    static let request = """
        {"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"7","operation":"UPDATE",\
        "dryRun":true,"userInfo":{"username":"jane","groups":["a"]},"object":{"metadata":{"name":"a"}},\
        "oldObject":{"metadata":{"name":"b"}}}}
        """

    @Test func members() throws {
        let review = try self.parse(Self.request)
        #expect(review.uid == "7" && review.operation == .update && review.isDryRun)
        #expect(review.object?.name == "a" && review.oldObject?.name == "b")
        #expect(review.user["username"] == "jane")
    }

    @Test func nulls() throws {
        let review = try self.parse(
            #"{"request":{"uid":"7","operation":"DELETE","object":null,"oldObject":null,"dryRun":null,"userInfo":null}}"#
        )
        #expect(review.operation == .delete && review.object == nil && review.oldObject == nil && !review.isDryRun)
    }

    @Test(arguments: [
        ("", ""), ("nonsense", ""), ("[]", "it is not an object"), ("null", "it is not an object"),
        (#"{"kind":"Pod","metadata":{}}"#, "it has no request"), (#"{"request":null}"#, "it has no request"),
        (#"{"request":[]}"#, "it has no request"), (#"{"request":{}}"#, "the request has no uid"),
        (#"{"request":{"uid":"","operation":"CREATE"}}"#, "the request has no uid"),
        (#"{"request":{"uid":7,"operation":"CREATE"}}"#, "the request has no uid"),
        (#"{"request":{"uid":"7"}}"#, "the request has no known operation"),
        (#"{"request":{"uid":"7","operation":"BREW"}}"#, "the request has no known operation"),
    ])
    func refused(_ text: String, _ reason: String) throws {
        let error = try #require(throws: JSONError.self) { try self.parse(text) }
        #expect(error.description.contains(reason), "\(error)")
        #expect(!error.description.contains("\n"))
    }

    @Test func everyTruncationIsAnError() {
        let bytes = Array(Self.request.utf8)
        for end in 0..<bytes.count {
            #expect(throws: JSONError.self) { try Review(parsing: Array(bytes[..<end])) }
        }
    }

    @Test func tenMegabytes() throws {
        let filler = String(repeating: "0123456789", count: 1 << 20)
        let text = #"{"request":{"uid":"7","operation":"CREATE","object":{"data":"\#(filler)"}}}"#
        #expect(try self.parse(text).object?.json[string: "data"]?.utf8.count == 10 << 20)
        #expect(throws: JSONError.self) { try self.parse(String(text.dropLast(4))) }
        #expect(throws: JSONError.self) { try self.parse(String(repeating: "[", count: 10 << 20)) }
    }

    // MARK: Answers

    private func response(_ answer: ReviewAnswer) throws -> JSONObject {
        let review = try #require(try JSONValue(parsing: answer.bytes).object)
        #expect(review[string: "kind"] == "AdmissionReview" && review[string: "apiVersion"] == "admission.k8s.io/v1")
        return try #require(review[object: "response"])
    }

    @Test func allowed() throws {
        let review = try self.parse(Self.request)
        #expect(
            try self.response(.allowed(review)) == ["uid": "7", "allowed": true, "status": ["code": 200]]
        )
        let patch: [JSONValue] = [["op": "add", "path": "/a~1b", "value": "ü\n"]]
        let changed = try self.response(.allowed(review, patch: patch, warnings: ["one\r\ntwo", "", "x"]))
        #expect(changed[string: "patchType"] == "JSONPatch")
        #expect(changed["warnings"] == ["one two", "", "x"])
        let bytes = try #require(Self.base64(changed[string: "patch"] ?? ""))
        #expect(try JSONValue(parsing: bytes) == .array(patch))
    }

    @Test func denied() throws {
        let review = try self.parse(Self.request)
        let plain = try self.response(.denied(review, #"no "x""#))
        #expect(
            plain == [
                "uid": "7", "allowed": false, "status": ["code": 403, "reason": "Forbidden", "message": #"no "x""#],
            ]
        )
        let detailed = try self.response(
            .denied(review, "no", causes: [.init(field: "spec.x", reason: "Invalid", message: "m")], warnings: ["w"])
        )
        #expect(detailed["warnings"] == ["w"])
        #expect(
            detailed["status"]?["details"]?["causes"] == [["field": "spec.x", "reason": "Invalid", "message": "m"]]
        )
    }

    @Test func failed() throws {
        let answer = try self.response(.failed(try self.parse(Self.request), "the server is away"))
        #expect(answer[bool: "allowed"] == false && answer["status"]?["code"] == 500)
        #expect(answer["status"]?["message"] == "the server is away")
    }

    /// A decoder of its own, as the encoder is ours.
    static func base64(_ text: String) -> [UInt8]? {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        guard text.utf8.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in text.utf8 where byte != UInt8(ascii: "=") {
            guard let value = alphabet.firstIndex(of: byte) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bytes
    }
}
