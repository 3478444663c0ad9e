import KubeModel
import TelemetryAPI
import Testing

/// What the operator is told at its start.
struct CollectorSettingsTests {
    @Test(
        arguments: [
            ("a.c", "xabcx", true), ("^a.c$", "xabc", false), (".*filter.out", "label.filter.out", true),
            ("filter.out", "filterXout", true),
            ("filter\\.out", "filterXout", false), ("config.*.gke.io.*", "config.x.gke.io/y", true),
            ("^kube", "my.kube", false),
            ("a|b", "xxb", true), ("^(a|bc)+$", "abcbca", true), ("^(?:a|bc)+$", "abcb", false),
            ("^a{2,3}$", "aaa", true),
            ("^a{2,3}$", "aaaa", false), ("^a{2}$", "aa", true), ("^a{2,}$", "aaaaa", true), ("a{,2}", "a{,2}", true),
            ("^[a-c]+$", "abc", true), ("^[a-c]+$", "abd", false), ("^[^a-c]+$", "xyz", true),
            ("^[^a-c]+$", "xaz", false),
            ("^[]a]+$", "]a", true), ("^[a\\]]+$", "a]", true), ("^[a-]+$", "-a", true),
            ("^\\d+\\.\\w\\s?$", "12.x", true),
            ("^[\\d.]+$", "1.2", true), ("^\\D$", "x", true), ("x?y", "y", true), ("^a??b$", "ab", true),
            ("(?i)^ABC$", "aBc", true),
            ("(?i)[x-z]", "Y", true), ("", "anything", true), ("^$", "", true), ("^$", "x", false), ("a**b", "x", nil),
            ("(", "x", nil),
            (")", "x", nil), ("[a", "x", nil), ("*a", "x", nil), ("a\\", "x", nil), ("[b-a]", "x", nil),
            ("(?P<n>a)", "xa", true),
            ("a{3,2}", "x", nil), ("\\q", "x", nil), ("[[:alpha:]]", "x", true), ("(((a{100}){100}){100})", "x", nil),
            ("a{1001}", "x", nil),
            ("é", "café", true), ("(a|)b", "b", true),
        ] as [(String, String, Bool?)]
    )
    func patterns(_ expression: String, _ key: String, _ matches: Bool?) throws {
        guard let matches else {
            #expect(throws: KeyPattern.SyntaxError.self) { try KeyPattern(expression) }
            return
        }
        #expect(try KeyPattern(expression).matches(key) == matches)
    }

    /// A pattern that makes a backtracking matcher run for ever.
    @Test(.timeLimit(.minutes(1))) func matchingIsLinear() throws {
        let pattern = try KeyPattern("^(a*)*(a*)*(a*)*b$")
        #expect(!pattern.matches(String(repeating: "a", count: 5_000)))
    }

    @Test func deepNestingIsRefused() {
        #expect(throws: KeyPattern.SyntaxError.self) { try KeyPattern(String(repeating: "(", count: 100_000)) }
    }

    @Test func filtersRemoveWhatAnyExpressionChooses() throws {
        let filter = try KeyFilter(["^a", "b$"])
        #expect(filter.removing(from: ["a1": "", "xb": "", "c": "1"]) == ["c": "1"])
        #expect(KeyFilter.none.removing(from: ["a": "1"]) == ["a": "1"])
        #expect(KeyFilter.lastApplied.matches("kubectl.kubernetes.io/last-applied-configuration"))
        #expect(!KeyFilter.lastApplied.matches("kubectl.kubernetes.io/last-applied-configuration2"))
        let error = #expect(throws: KeyPattern.SyntaxError.self) { try KeyFilter(["a", "("]) }
        #expect(error?.description == "invalid regular expression \"(\": missing ): (")
    }

    @Test func gates() throws {
        let gates = try FeatureGates(parsing: "-operand.networkpolicy, +operator.clusterobservability")
        #expect(!gates.isOn(FeatureGates.operandNetworkPolicy))
        #expect(gates.isOn(FeatureGates.clusterObservability))
        #expect(gates.isOn(FeatureGates.operatorNetworkPolicy))
        #expect(!FeatureGates().isOn(FeatureGates.fallbackStrategy))
        #expect(throws: FeatureGates.ParseError.self) { try FeatureGates(parsing: "x") }
        #expect(throws: FeatureGates.ParseError.self) { try FeatureGates(parsing: "-operator.golang.flags") }
        #expect(try FeatureGates(parsing: "") == FeatureGates())
    }

    @Test func proxyVariablesComeInBothCases() {
        let proxy = ProxyEnvironment(http: "a", https: "", no: "b")
        #expect(proxy.variables.map(\.name) == ["HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"])
    }

    @Test(arguments: [("1", "20", 20), ("1", "24+", 24), ("1", "", nil), ("x", "1", nil)] as [(String, String, Int?)])
    func versions(_ major: String, _ minor: String, _ expected: Int?) {
        #expect(KubernetesVersion(major: major, minor: minor)?.minor == expected)
    }

    @Test func versionsCompare() {
        #expect(KubernetesVersion(major: 1, minor: 9) < KubernetesVersion(major: 1, minor: 20))
        #expect(KubernetesVersion(major: 1, minor: 20) < KubernetesVersion(major: 2, minor: 0))
    }
}
