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
        // Without a slash what follows the colon is a tag, also if a port was meant.
        ("host:10443", "10443"), ("host.example:443", "443"), ("HOST:443/img", ""), ("Host.Example/a/b", ""),
        ("registry.io:8080/a/b:1.0@\(Self.digest)", "1.0@\(Self.digest)"), ("host:1/img@\(Self.digest)", Self.digest),
        ("img@sha512:" + String(repeating: "0", count: 128), "sha512:" + String(repeating: "0", count: 128)),
        ("img@sha384:" + String(repeating: "f", count: 96), "sha384:" + String(repeating: "f", count: 96)),
        ("img:_", "_"), ("img:A.b-C_d", "A.b-C_d"), ("1/2/3:4", "4"),
        ("img:" + String(repeating: "x", count: 128), String(repeating: "x", count: 128)),
        ("xn--bcher-kva.example/img:1", "1"), ("a.b/c", ""),
        // Not references.
        ("", nil), ("Img", nil), ("registry.io/Img:1", nil), ("img@sha256:abc", nil), ("img@md5:abc", nil),
        ("img:", nil),
        ("img:-x", nil), ("/img", nil), ("img/", nil), ("a//b", nil), ("a b:1", nil), ("-a", nil), ("a..b", nil),
        ("a___b", nil), ("img:" + String(repeating: "x", count: 129), nil), ("host:port/img", nil),
        (String(repeating: "x", count: 256), nil), ("img@" + Self.digest.uppercased(), nil),
        ("host/IMG:1", nil), ("IMG", nil), ("a/B/c", nil), ("img:1:2", nil), ("img:1/", nil), ("host:/img", nil),
        ("img@", nil), ("img@\(Self.digest)0", nil), ("img@\(Self.digest):1", nil),
        ("img@\(Self.digest)@\(Self.digest)", nil),
        ("img:1@", nil), ("-host/img:1", nil), ("host-/img:1", nil), (".host/img:1", nil), ("_img", nil), ("img_", nil),
        ("img:.x", nil), ("img:ü", nil), ("ümg:1", nil), ("http://host/img:1", nil), (" img", nil), ("img:1\n", nil),
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

    /// What is cut in the middle of a character goes with it, and what isn't a letter or digit is no end.
    @Test func cutsBetweenCharacters() {
        let prefix = "otel-auto-secret-"
        func name(_ count: Int, _ end: String) -> String {
            NameTruncation.name(prefix, String(repeating: "x", count: count) + end)
        }
        // 17 bytes of prefix leave 46: of "é" (2 bytes) one byte is left, of a bird (4 bytes) two.
        #expect(name(45, "é") == prefix + String(repeating: "x", count: 45))
        #expect(name(44, "\u{1F426}") == prefix + String(repeating: "x", count: 44))
        #expect(name(40, "éab") == prefix + String(repeating: "x", count: 40) + "éab")
        #expect(name(44, "..zz") == prefix + String(repeating: "x", count: 44))
        #expect(NameTruncation.name(prefix, String(repeating: "é", count: 30)) == "otel-auto-secret")
        #expect(NameTruncation.name(prefix, "é") == "otel-auto-secret")
        #expect(name(46, "") == prefix + String(repeating: "x", count: 46))
        #expect(name(47, "") == prefix + String(repeating: "x", count: 46))
    }

    @Test func dropsAValueThatIsShorterThanTheExcess() {
        #expect(NameTruncation.name(String(repeating: "p", count: 64), "v") == String(repeating: "p", count: 63))
    }
}
