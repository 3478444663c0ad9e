/// Chooses label or annotation keys by regular expressions that may match anywhere in the key.
///
/// Expressions are read once, when the filter is made, so that a wrong one stops the operator at its start instead of
/// each rendering. Syntax and answers are RE2's, see ``KeyPattern``.
package struct KeyFilter: Sendable, Hashable {
    private var patterns: [KeyPattern]

    /// Throws for the first expression that is not one, naming it.
    package init(_ expressions: [String]) throws(KeyPattern.SyntaxError) {
        var patterns: [KeyPattern] = []
        for expression in expressions { patterns.append(try KeyPattern(expression)) }
        self.patterns = patterns
    }

    private init(literally patterns: [KeyPattern]) { self.patterns = patterns }

    /// Chooses nothing.
    package static let none = KeyFilter(literally: [])

    /// The default of `--annotations-filter`.
    package static let lastAppliedPattern = "^kubectl\\.kubernetes\\.io/last-applied-configuration$"
    package static let lastApplied = (try? KeyFilter([lastAppliedPattern])) ?? .none

    package func matches(_ key: String) -> Bool { self.patterns.contains { $0.matches(key) } }

    /// The entries whose keys are not chosen.
    package func removing(from map: [String: String]) -> [String: String] {
        self.patterns.isEmpty ? map : map.filter { !self.matches($0.key) }
    }
}
