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
    /// What is there before the rules run if the target does not say otherwise.
    private let seedPairs: [LabelPair]
    /// Set before the rules and gone after them: with it the rules of the Prometheus operator that give each shard its part
    /// keep every target.
    private let disablesSharding: LabelPair

    init(_ job: ScrapeJob, _ symbols: inout SymbolTable) throws {
        self.job = job.name
        self.rules = job.relabelRules
        self.seeds = job.seeds()
        self.relabelling = try Relabelling(rules: job.relabelRules)
        self.disablesSharding = LabelPair(
            name: symbols.intern("__tmp_disable_sharding"),
            value: symbols.intern("true")
        )
        self.seedPairs = self.seeds.map { LabelPair(name: symbols.intern($0.name), value: symbols.intern($0.value)) }
    }

    /// Whether it does the same with every target as that of the job would.
    func isThat(of job: ScrapeJob) -> Bool { self.rules == job.relabelRules && self.seeds == job.seeds() }

    var live: [LabelPair] { self.seedPairs + [self.disablesSharding] }

    mutating func outcome(
        _ labels: UnsafeBufferPointer<LabelPair>,
        isFiltered: Bool,
        in symbols: inout SymbolTable,
        _ merger: inout LabelMerger
    ) -> Outcome {
        guard isFiltered else {
            return .kept(TargetIdentity.hash(LabelSet(sorted: Array(labels)), job: self.job, in: symbols))
        }
        var given = self.seedPairs
        given.reserveCapacity(given.count + labels.count + 1)
        // An empty label is one that isn't there.
        for pair in labels where pair.value != .empty || !self.seedPairs.contains(where: { $0.name == pair.name }) {
            given.append(pair)
        }
        given.append(self.disablesSharding)
        var seeded: [LabelPair] = []
        seeded.reserveCapacity(given.count)
        merger.merge(given, in: symbols, to: &seeded)
        switch self.relabelling.apply(LabelSet(sorted: seeded), in: &symbols) {
        case .dropped(let rule): return .dropped(rule: rule)
        case .kept(let result):
            let wanted = result.pairs.filter { $0.name != self.disablesSharding.name }
            return .kept(TargetIdentity.hash(LabelSet(sorted: wanted), job: self.job, in: symbols))
        }
    }
}
