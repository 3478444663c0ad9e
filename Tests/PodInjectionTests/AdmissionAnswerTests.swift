import JSONTree
import KubeModel
import Testing

@testable import PodInjection

struct AdmissionAnswerTests {
    /// RFC 4648, section 10, and what JSON Patches hold.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"), ("\u{0}", "AA=="), ("ÿ?>~", "w78/Pn4="),
    ])
    func encodesBase64(_ text: String, _ encoded: String) {
        var output: [UInt8] = [UInt8(ascii: ">")]
        Base64.append(Array(text.utf8), to: &output)
        #expect(String(decoding: output, as: UTF8.self) == ">" + encoded)
    }

    @Test func encodesEveryByte() throws {
        let bytes = (0...255).map { UInt8($0) }
        var output: [UInt8] = []
        Base64.append(bytes, to: &output)
        #expect(decode(output) == bytes)
    }

    private func response(_ bytes: [UInt8]) throws -> JSONValue {
        let review = try JSONValue(parsing: bytes)
        #expect(review["kind"]?.string == "AdmissionReview")
        #expect(review["apiVersion"]?.string == "admission.k8s.io/v1")
        return try #require(review["response"])
    }

    @Test func allows() throws {
        #expect(
            try self.response(AdmissionAnswer.allowed("a\"b"))
                == ["uid": "a\"b", "allowed": true, "status": ["code": 200]]
        )
    }

    @Test func denies() throws {
        #expect(
            try self.response(AdmissionAnswer.denied("u", code: 400, message: "no \"pod\""))
                == ["uid": "u", "allowed": false, "status": ["message": "no \"pod\"", "code": 400]]
        )
    }

    @Test func carriesPatchAndWarnings() throws {
        var outcome = InjectionOutcome()
        outcome.patch = Array(#"[{"op":"add","path":"/x","value":1}]"#.utf8)
        outcome.warnings = ["one", "two"]
        let response = try self.response(AdmissionAnswer.answer("u", outcome))
        #expect(response["allowed"] == true)
        #expect(response["patchType"] == "JSONPatch")
        #expect(response["warnings"] == ["one", "two"])
        #expect(response["status"] == ["code": 200])
        #expect(decode(Array(try #require(response["patch"]?.string).utf8)) == outcome.patch)
    }

    @Test func letsThePodInOnErrors() throws {
        var outcome = InjectionOutcome()
        outcome.error = "first\nsecond"
        #expect(
            try self.response(AdmissionAnswer.answer("u", outcome))
                == ["uid": "u", "allowed": true, "status": ["message": "first\nsecond", "code": 500]]
        )
    }

    @Test func refusesWhatIsNoPod() throws {
        var outcome = InjectionOutcome()
        outcome.rejection = "no pod"
        #expect(
            try self.response(AdmissionAnswer.answer("u", outcome))
                == ["uid": "u", "allowed": false, "status": ["message": "no pod", "code": 400]]
        )
    }

    @Test func unchangedHasNoPatchType() throws {
        let response = try self.response(AdmissionAnswer.answer("u", InjectionOutcome()))
        #expect(response == ["uid": "u", "allowed": true, "status": ["code": 200]])
    }
}

/// Base64 the slow way.
func decode(_ text: [UInt8]) -> [UInt8] {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var bits = 0
    var count = 0
    var bytes: [UInt8] = []
    for character in text {
        guard let value = alphabet.firstIndex(of: character) else { break }
        bits = bits << 6 | value
        count += 6
        if count >= 8 {
            count -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> count))
        }
    }
    return bytes
}
