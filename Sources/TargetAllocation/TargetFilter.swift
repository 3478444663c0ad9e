import PrometheusConfig
import PrometheusModel

/// Whether a job wants a target, and which of its targets are the same: runs the job's relabel rules on a copy of the labels.
struct TargetFilter: Sendable {
    enum Outcome: Sendable, Equatable {
        /// With the target's identity.
        case kept(UInt64)
        /// By the rule at this place in the job's `relabel_configs`.
        case dropped(rule: Int)
    }

    private let job: String
    private let rules: [RelabelRule]
    private let seeds: [Label]
    private var relabelling: Relabelling
    /// Set before the rules and gone after them: with it the rules of the Prometheus operator that give each shard its part
    /// keep every target.
    private let disablesSharding: Symbol

    init(_ job: ScrapeJob, _ symbols: inout SymbolTable) {
        self.job = job.name
        self.rules = job.relabelRules
        self.seeds = job.seeds()
        let label = Label(name: "__tmp_disable_sharding", value: "true")
        self.disablesSharding = symbols.intern(label.name)
        self.relabelling = Relabelling(rules: job.relabelRules, seeds: self.seeds + [label])
    }

    /// Whether it does the same with every target as that of the job would.
    func isThat(of job: ScrapeJob) -> Bool { self.rules == job.relabelRules && self.seeds == job.seeds() }

    var live: Symbol { self.disablesSharding }

    mutating func outcome(
        _ labels: UnsafeBufferPointer<LabelPair>,
        isFiltered: Bool,
        in symbols: inout SymbolTable
    ) -> Outcome {
        guard isFiltered else { return .kept(TargetIdentity.hash(labels, job: self.job, in: symbols)) }
        let rule: Int?
        if labels.contains(where: { $0.name == self.disablesSharding }) {
            // Whatever it says.
            let others = labels.filter { $0.name != self.disablesSharding }
            rule = others.withUnsafeBufferPointer { self.relabelling.droppingRule($0, in: &symbols) }
        } else {
            rule = self.relabelling.droppingRule(labels, in: &symbols)
        }
        if let rule { return .dropped(rule: rule) }
        return .kept(self.relabelling.identity(job: self.job, without: self.disablesSharding, in: symbols))
    }
}
