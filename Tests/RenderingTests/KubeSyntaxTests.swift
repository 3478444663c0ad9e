import Testing

@testable import Rendering

/// What Kubernetes takes for names; the API server itself is asked by hack/check-properties.
struct KubeSyntaxTests {
    @Test(arguments: [
        ("a", true), ("a-1", true), ("0", true), (String(repeating: "x", count: 63), true),
        (String(repeating: "x", count: 64), false), ("", false), ("-a", false), ("a-", false), ("A", false),
        ("a.b", false), ("é", false),
    ])
    func labels(_ text: String, _ isValid: Bool) { #expect(KubeSyntax.isLabel(text) == isValid) }

    @Test(arguments: [
        ("example.com", true), ("a.b-c.d", true), ("a..b", false), (".a", false), ("a_b", false), ("", false),
        (String(repeating: "a.", count: 126) + "a", true), (String(repeating: "a.", count: 127) + "a", false),
    ])
    func subdomains(_ text: String, _ isValid: Bool) { #expect(KubeSyntax.isSubdomain(text) == isValid) }

    @Test(arguments: [
        ("example.com", true), ("*.example.com", true), ("*", false), ("*.", false), ("a.*.b", false),
        ("10.0.0.1", false), ("fd00::1", false), ("http://a", false), ("a:80", false),
    ])
    func hosts(_ text: String, _ isValid: Bool) { #expect(KubeSyntax.isIngressHost(text) == isValid) }

    @Test(arguments: [
        ("a", true), ("example.com/A_b.c-d", true), ("a/b/c", false), ("/a", false), ("a/", false), ("a b", false),
        ("", false), ("A.com/a", false), ("-a", false),
    ])
    func keys(_ text: String, _ isValid: Bool) { #expect(KubeSyntax.isQualifiedName(text) == isValid) }

    @Test(arguments: [("", true), ("A.b_c-1", true), ("a-", false), ("a b", false), ("é", false)])
    func labelValues(_ text: String, _ isValid: Bool) { #expect(KubeSyntax.isLabelValue(text) == isValid) }

    @Test(arguments: [
        ("A", true), ("_x.y-1", true), ("0A", false), ("a b", false), ("a=b", false), ("", false), (".", false),
        ("..a", false),
    ])
    func variables(_ text: String, _ isValid: Bool) { #expect(KubeSyntax.isVariable(text) == isValid) }

    @Test(arguments: [
        ("10.0.0.1", true), ("255.255.255.255", true), ("fd00::1", true), ("::", true), ("::ffff:10.0.0.1", true),
        ("10.0.0", false), ("10.0.0.256", false), ("010.0.0.1", false), ("a", false), ("", false), ("g::", false),
    ])
    func addresses(_ text: String, _ isValid: Bool) { #expect(KubeSyntax.isAddress(text) == isValid) }

    @Test(arguments: [
        ("a", true), ("a:1", true), ("example.com/a/b:v1.2_3-x", true), ("localhost:5000/a:b", true),
        ("HOST.example.com/a", true), ("a_b/c--d", true), ("a@sha256:" + String(repeating: "0", count: 64), true),
        ("r:5/a:1@sha256:" + String(repeating: "f", count: 64), true), ("[::1]:5000/a", true), ("", false),
        ("A", false),
        ("a b", false), (" a", false), ("a:", false), ("a:-1", false), ("a:b c", false), ("a/", false), ("/a", false),
        ("a@sha256:xyz", false), ("a@b@c", false), ("https://example.com/a", false), ("example.com/", false),
    ])
    func images(_ text: String, _ isValid: Bool) { #expect(KubeSyntax.isImage(text) == isValid) }
}
