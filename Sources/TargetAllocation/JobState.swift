import PrometheusConfig
import PrometheusModel

/// A job with what was discovered for it.
struct JobState: Sendable {
    var name: String
    var discoveries: [DiscoveryConfig] = []
    var filter: TargetFilter?
    /// Groups by discovery and source.
    var sources: [[Symbol: Int32]] = []

    /// Targets before filtering, and after it.
    var discovered = 0
    var kept = 0
    /// Before filtering, by the place of the rule.
    private var dropped: [Int] = []
    /// The last change of one of its lists.
    var version: UInt64 = 0

    static let gone = JobState(name: "")

    private init(name: String) { self.name = name }

    init(_ job: ScrapeJob, _ symbols: inout SymbolTable) {
        self.name = job.name
        self.discoveries = job.discoveries
        self.sources = Array(repeating: [:], count: job.discoveries.count)
        self.filter = TargetFilter(job, &symbols)
    }

    mutating func outcome(
        _ labels: UnsafeBufferPointer<LabelPair>,
        isFiltered: Bool,
        in symbols: inout SymbolTable
    ) -> TargetFilter.Outcome {
        self.filter?.outcome(labels, isFiltered: isFiltered, in: &symbols) ?? .dropped(rule: 0)
    }

    mutating func countDropped(_ rule: Int, _ by: Int) {
        if self.dropped.count <= rule { self.dropped += Array(repeating: 0, count: rule + 1 - self.dropped.count) }
        self.dropped[rule] += by
    }

    var droppedByRule: [Int: Int] {
        self.dropped.enumerated().reduce(into: [:]) { if $1.element > 0 { $0[$1.offset] = $1.element } }
    }

    mutating func forgetCounts() {
        self.discovered = 0
        self.dropped = []
    }
}
