import Testing

@testable import PodInjection

/// Specification sections 6.3 and 9.3.
struct ImageReferenceTests {
    static let digest = "sha256:" + String(repeating: "a1", count: 32)

    static let references: [(String, String?)] = [
        ("img", ""), ("img:1", "1"), ("img:1@\(Self.digest)", "1@\(Self.digest)"), ("img@\(Self.digest)", Self.digest),
        ("registry.io/img", ""), ("registry.io:8080/img", ""), ("registry:8080/img", ""), ("registry:8080/img:2", "2"),
        ("host:10443/imagename", ""), ("img:latest", "latest"), ("a/b/c/d:v1.2-rc_3", "v1.2-rc_3"),
        ("UPPER.example/img:1", "1"), ("[fe80::1]:5000/img:1", "1"), ("a__b/c-d--e/f.g:1", "1"),
        ("localhost/img:1", "1"),
        // Not references.
        ("", nil), ("Img", nil), ("registry.io/Img:1", nil), ("img@sha256:abc", nil), ("img@md5:abc", nil),
        ("img:", nil),
        ("img:-x", nil), ("/img", nil), ("img/", nil), ("a//b", nil), ("a b:1", nil), ("-a", nil), ("a..b", nil),
        ("a___b", nil), ("img:" + String(repeating: "x", count: 129), nil), ("host:port/img", nil),
        (String(repeating: "x", count: 256), nil), ("img@" + Self.digest.uppercased(), nil),
    ]

    @Test(arguments: Self.references) func version(_ text: String, _ version: String?) {
        #expect(ImageReference(text)?.version == version)
    }
}

/// Specification section 5.7.
struct NameTruncationTests {
    @Test func keepsShortNames() {
        #expect(NameTruncation.name("otel-auto-secret-", "client-certs") == "otel-auto-secret-client-certs")
    }

    @Test func cutsTheValue() {
        let name = NameTruncation.name("otel-auto-secret-", String(repeating: "x", count: 60))
        #expect(name == "otel-auto-secret-" + String(repeating: "x", count: 46))
        #expect(name.utf8.count == 63)
    }

    @Test func trimsBothEnds() {
        #expect(NameTruncation.name("-a-", "b--") == "a-b")
        #expect(
            NameTruncation.name("otel-auto-secret-", String(repeating: "x", count: 45) + "-" + "yyy").hasSuffix("xx")
        )
        #expect(NameTruncation.name("-", "-") == "")
    }

    @Test func dropsAValueThatIsShorterThanTheExcess() {
        #expect(NameTruncation.name(String(repeating: "p", count: 64), "v") == String(repeating: "p", count: 63))
    }
}
