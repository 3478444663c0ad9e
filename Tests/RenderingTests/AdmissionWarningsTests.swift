import Testing

@testable import Rendering

/// What of a list of warnings gets through to the user.
struct AdmissionWarningsTests {
    @Test func whatFitsStays() {
        let long = String(repeating: "é", count: 1000)
        #expect(AdmissionWarnings.bounded(["b", long, "a"]) == ["b", long, "a"])
        #expect(AdmissionWarnings.bounded([]) == [])
    }

    @Test(arguments: [
        ("one\r\ntwo", "one two"), ("a\tb\u{0}c\u{85}d\u{2028}e", "a b c d e"), ("a  b", "a  b"), ("", ""), ("\n", ""),
    ])
    func oneLineEach(_ text: String, _ line: String) {
        #expect(AdmissionWarnings.bounded([text]) == [line])
    }

    @Test func twiceTheSameIsSaidOnce() {
        #expect(AdmissionWarnings.bounded(["a", "b", "a\n"]) == ["a", "b"])
    }

    @Test func whatIsTooMuchIsCutAndCounted() {
        let warnings = (0..<100).map { "\($0) " + String(repeating: "x", count: $0 == 0 ? 3000 : 300) }
        let bounded = AdmissionWarnings.bounded(warnings)
        #expect(bounded.reduce(0) { $0 + $1.unicodeScalars.count } <= 4096)
        #expect(bounded.dropLast().allSatisfy { $0.unicodeScalars.count == 256 && $0.hasSuffix("…") })
        #expect(bounded.first?.hasPrefix("0 xxx") == true)
        #expect(bounded.last == "and \(100 - bounded.count + 1) more warnings: `swiftlet render` shows them all")
    }

    @Test func oneHugeWarningIsCutAlone() {
        let bounded = AdmissionWarnings.bounded([String(repeating: "x", count: 5000), "a"])
        #expect(bounded.map(\.count) == [256, 1])
    }
}
