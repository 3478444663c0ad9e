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

    init(_ job: ScrapeJob, _ symbols: inout SymbolTable) throws {
        self.job = job.name
        self.rules = job.relabelRules
        self.seeds = job.seeds()
        self.relabelling = try Relabelling(rules: job.relabelRules)
    }

    /// Whether it does the same with every target as that of the job would.
    func isThat(of job: ScrapeJob) -> Bool { self.rules == job.relabelRules && self.seeds == job.seeds() }

    mutating func outcome(
        _ labels: UnsafeBufferPointer<LabelPair>,
        isFiltered: Bool,
        in symbols: inout SymbolTable
    ) -> Outcome {
        let set = LabelSet(merging: Array(labels), own: [], in: symbols)
        return .kept(TargetIdentity.hash(set, job: self.job, in: symbols))
    }
}
