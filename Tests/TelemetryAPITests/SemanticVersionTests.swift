import TelemetryAPI
import Testing

struct SemanticVersionTests {
    @Test(
        arguments: [
            ("1", [1, 0, 0], []), ("v1.2", [1, 2, 0], []), ("1.2.3", [1, 2, 3], []), ("01.002.3", [1, 2, 3], []),
            ("1.2.3-rc.1", [1, 2, 3], ["rc", "1"]), ("v1-x-y", [1, 0, 0], ["x-y"]), ("1.2.3+build-7", [1, 2, 3], []),
            ("1.2.3-a+b-c", [1, 2, 3], ["a"]),
        ] as [(String, [Int], [String])]
    )
    func reads(_ text: String, _ numbers: [Int], _ prerelease: [String]) throws {
        let version = try #require(SemanticVersion(lenient: text))
        #expect(version.numbers == numbers)
        #expect(version.prerelease == prerelease)
    }

    @Test(arguments: [
        "", "v", "V1", "vv1", "latest", "main", "0.64b0", "1.2.3.4", "1.", ".1", "1..2", "1.x", "-1", "+1", "1.2.3-",
        "1-a..b",
        " 1", "1 ", "1.-2", "99999999999999999999", "\u{661}.0", "sha256:00",
    ])
    func readsNothingElse(_ text: String) { #expect(SemanticVersion(lenient: text) == nil) }

    /// The order of semver.org's section 11, and numbers by their size.
    @Test func order() throws {
        let texts = [
            "0.9.9", "1.0.0-1", "1.0.0-2", "1.0.0-11", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta",
            "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.9", "1.10", "2",
        ]
        let versions = try texts.map { try #require(SemanticVersion(lenient: $0)) }
        for (one, left) in versions.enumerated() {
            for (other, right) in versions.enumerated() {
                #expect((left < right) == (one < other), "\(texts[one]) \(texts[other])")
            }
        }
    }
}
