import Testing

@testable import OTLPExport

struct TraceIdentityTests {
    static let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test func readsAndWrites() throws {
        let identity = try #require(TraceIdentity(traceparent: Self.text, state: "vendor=1"))
        #expect(identity.traceID == "4bf92f3577b34da6a3ce929d0e0e4736" && identity.spanID == "00f067aa0ba902b7")
        #expect(identity.isSampled && identity.state == "vendor=1")
        #expect(identity.traceparent == Self.text)
        let silent = try #require(TraceIdentity(traceparent: String(Self.text.dropLast()) + "2"))
        #expect(!silent.isSampled, "other flags than the first do not count")
        #expect(TraceIdentity(traceparent: Self.text, state: String(repeating: "x", count: 513))?.state == "")
    }

    /// A later version may have more; this one may not.
    private static let headers: [(String, Bool)] = {
        let rest = String(Self.text.dropFirst(2))
        let span = "00f067aa0ba902b7-01"
        return [
            ("", false), ("00", false), (Self.text, true), (Self.text + "-", false), (Self.text + "-00", false),
            ("01" + rest + "-00", true), ("ff" + rest, false), ("0x" + rest, false),
            (Self.text.uppercased(), false), (" " + Self.text, false),
            ("00-00000000000000000000000000000000-" + span, false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e473-" + span, false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902é-01", false),
        ]
    }()

    @Test(arguments: Self.headers)
    func knowsWhatIsNone(_ text: String, _ isOne: Bool) {
        #expect((TraceIdentity(traceparent: text) != nil) == isOne, "\(text)")
    }
}

struct SpanSamplerTests {
    @Test func followsTheParentOrNot() {
        let parent = TraceIdentity(traceHigh: 1, traceLow: 1, span: 1, isSampled: true)
        var silent = parent
        silent.isSampled = false
        let never = SpanSampler(root: .never)
        #expect(never.samples(traceLow: 1, parent: parent) && !never.samples(traceLow: 1, parent: nil))
        #expect(!SpanSampler(root: .never, followsParent: false).samples(traceLow: 1, parent: parent))
        let always = SpanSampler(root: .always)
        #expect(!always.samples(traceLow: 1, parent: silent) && always.samples(traceLow: 1, parent: nil))
    }

    @Test(arguments: [0.0, 0.1, 0.5, 1.0]) func takesThatPart(_ ratio: Double) {
        let sampler = SpanSampler(root: .ratio(ratio))
        var random = SystemRandomNumberGenerator()
        let taken = (0..<10_000).count { _ in sampler.samples(traceLow: random.next(), parent: nil) }
        #expect(abs(Double(taken) - ratio * 10_000) <= (ratio == 0 || ratio == 1 ? 0 : 400))
    }
}
