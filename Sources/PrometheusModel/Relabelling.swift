/// The relabel rules of one job, ready to be run on the labels of its targets.
///
/// It remembers what it found out about symbols, within bounds. Give all targets in one table; after a table has thrown
/// symbols away, or with another table, it starts anew by itself.
package struct Relabelling: Sendable {
    package enum Outcome: Sendable, Hashable {
        case kept(LabelSet)
        /// By the rule at this place.
        case dropped(rule: Int)
    }

    package let rules: [RelabelRule]
    private let seeds: [Label]
    /// Whether shortcuts and memory are in use; tests compare with what comes without.
    private let isPlain: Bool
    private var steps: [RelabelStep] = []
    private var seedPairs: [LabelPair] = []
    /// Of the table that the symbols in `steps` and `seedPairs` are of.
    private var epoch: UInt64 = 0
    private var work = RelabelWork()

    /// - Parameter rules: in the order of the configuration.
    package init(rules: [RelabelRule]) throws {
        self.init(rules: rules, seeds: [])
    }

    /// - Parameters:
    ///   - rules: in the order of the configuration.
    ///   - seeds: labels that a target has before the first rule runs if it hasn't got them already: `job`, `__scheme__`.
    ///   - isPlain: every expression through RE2, nothing remembered.
    package init(rules: [RelabelRule], seeds: [Label], isPlain: Bool = false) {
        self.rules = rules
        self.seeds = seeds
        self.isPlain = isPlain
    }

    /// Runs the rules on a copy of the labels. An empty label is one that is not there.
    package mutating func apply(_ labels: LabelSet, in table: inout SymbolTable) -> Outcome {
        let rule = labels.pairs.withUnsafeBufferPointer { self.droppingRule($0, in: &table) }
        if let rule { return .dropped(rule: rule) }
        self.work.sort(table)
        return .kept(LabelSet(sorted: self.work.sorted))
    }

    /// The same without a set for the answer: which rule drops the target, if one does. If none does,
    /// ``identity(job:without:in:)`` says what is left.
    /// - Parameter labels: those of a ``LabelSet``.
    package mutating func droppingRule(
        _ labels: UnsafeBufferPointer<LabelPair>,
        in table: inout SymbolTable
    ) -> Int? {
        if self.epoch != table.epoch { self.bind(&table) }
        self.work.start(labels, seeds: self.seedPairs)
        for index in self.steps.indices where !self.steps[index].run(&self.work, &table) { return index }
        return nil
    }

    /// ``TargetIdentity`` of the last target that ``droppingRule(_:in:)`` kept.
    /// - Parameter name: a label that doesn't count.
    package mutating func identity(job: String, without name: Symbol, in table: borrowing SymbolTable) -> UInt64 {
        self.work.set(name, .empty)
        self.work.sort(table, isLasting: true)
        return self.work.sorted.withUnsafeBufferPointer { TargetIdentity.hash($0, job: job, in: table) }
    }

    private mutating func bind(_ table: inout SymbolTable) {
        self.steps = []
        for rule in self.rules { self.steps.append(RelabelStep(rule, isPlain: self.isPlain, &table)) }
        self.seedPairs = LabelSet(self.seeds, in: &table).pairs
        self.work = RelabelWork()
        self.epoch = table.epoch
    }
}
