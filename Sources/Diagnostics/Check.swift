/// What is told of a cluster before and after the operator is installed into it.
package enum Check {
    /// Before: would it work here?
    package static func before(_ facts: CheckFacts) -> [Finding] {
        self.server(facts) + self.installer(facts) + self.leftovers(facts)
    }

    /// After: does it work?
    package static func after(_ facts: CheckFacts) -> [Finding] {
        self.server(facts) + self.definitions(facts) + self.operatorPods(facts) + self.lease(facts)
            + self.registration(facts) + self.certificates(facts) + self.probes(facts) + self.operatorAccount(facts)
            + self.collectors(facts) + self.targetAllocators(facts) + self.missed(facts)
    }

    /// Names of a few things, and how many more there are.
    static func some(_ names: [String], of limit: Int = 6) -> String {
        let shown = names.prefix(limit).joined(separator: ", ")
        return names.count > limit ? "\(shown) and \(names.count - limit) more" : shown
    }
}
