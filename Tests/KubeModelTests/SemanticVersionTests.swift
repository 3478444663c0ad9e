import KubeModel
import Testing

struct SemanticVersionTests {
    @Test func ordersAsSemverDoes() throws {
        let ascending = [
            "0.2.0", "v0.2.10", "0.60", "0.103.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta",
            "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1", "1.0.1",
        ]
        let versions = try ascending.map { try #require(SemanticVersion(lenient: $0)) }
        for (one, other) in zip(versions, versions.dropFirst()) {
            #expect(one < other && !(other < one) && one != other)
        }
    }

    @Test func buildsAndPrefixesAreEqual() {
        #expect(SemanticVersion(lenient: "v1.2+build.7") == SemanticVersion(lenient: "1.2.0"))
    }

    @Test(arguments: ["", "v", "latest", "1.", ".1", "1..2", "1.2.3.4", "1.x", "-1", "1-", "1.0.0-a..b", " 1", "٣.1"])
    func refusesOthers(_ text: String) {
        #expect(SemanticVersion(lenient: text) == nil)
    }
}
