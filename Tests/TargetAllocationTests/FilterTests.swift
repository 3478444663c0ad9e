import JSONTree
import PrometheusConfig
import PrometheusModel
import Testing

@testable import TargetAllocation

struct FilterTests {
    private static func rules(_ texts: String...) throws -> [RelabelRule] {
        try texts.map { text in
            guard case .object(let json) = try JSONValue(parsing: text) else { return try RelabelRule(json: [:]) }
            return try RelabelRule(json: json)
        }
    }

    private static func state(_ job: ScrapeJob, filters: Bool = true, _ groups: TargetGroup...) -> AllocatorState {
        var state = AllocatorState(AllocationSettings(filters: filters))
        state.setJobs([job], now: .zero)
        state.setCollectors(pods(0..<1), now: .zero)
        state.apply([TargetUpdate(job: job.name, changed: groups)], now: .zero)
        return state
    }

    private static let shop = group("one", ["ns": "shop"], ["__address__": "a:1"])
    private static let bank = group("two", ["ns": "bank"], ["__address__": "b:1"])
    private static let none = group("three", [:], ["__address__": "c:1"])

    @Test func whatARuleDropsIsNobodysAndTheRuleIsKnown() throws {
        let rules = try Self.rules(
            #"{"source_labels":["ns"],"regex":"bank","action":"drop"}"#,
            #"{"source_labels":["ns"],"target_label":"namespace"}"#,
            #"{"source_labels":["ns"],"regex":".+","action":"keep"}"#
        )
        var state = Self.state(job("a", rules: rules), Self.shop, Self.bank, Self.none)
        // Served as discovered: the receiver relabels itself.
        #expect(state.targets("a", "collector-0") == [["__address__": "a:1", "ns": "shop"]])
        #expect(state.overview().jobs.first?.dropped == [0: 1, 2: 1])
        #expect(state.overview().jobs.first?.discovered == 3)
        let dropped = state.droppedTargets(job: "a", limit: 9)
        #expect(dropped.map(\.source).sorted() == ["three", "two"])
        #expect(dropped.first { $0.source == "two" }?.rule == 0)
        #expect(dropped.first { $0.source == "three" }?.rule == 2)
        #expect(dropped.first { $0.source == "two" }?.labels == labels(["__address__": "b:1", "ns": "bank"]))
        #expect(state.droppedTargets(job: "a", limit: 1).count == 1)
        // Other rules count at once, for all that is there.
        state.setJobs([job("a", rules: [rules[0]])], now: .zero)
        #expect(state.addresses("a", "collector-0") == ["a:1", "c:1"])
        #expect(state.overview().jobs.first?.dropped == [0: 1])
        state.setSettings(AllocationSettings(filters: false), now: .zero)
        #expect(state.addresses("a", "collector-0") == ["a:1", "b:1", "c:1"])
        #expect(state.overview().jobs.first?.dropped == [:])
        state.setSettings(AllocationSettings(), now: .zero)
        #expect(state.addresses("a", "collector-0") == ["a:1", "c:1"])
        state.apply([TargetUpdate(job: "a", removed: ["two", "three"])], now: .zero)
        #expect(state.overview().jobs.first?.dropped == [:])
        #expect(state.overview().jobs.first?.discovered == 1)
    }

    @Test func newRulesLeaveTargetsWhereTheyAre() throws {
        var state = Self.state(job("a"), group("x", [:], ["__address__": "x:1"]))
        state.setSettings(AllocationSettings(strategy: .leastWeighted), now: .zero)
        state.apply([TargetUpdate(job: "a", changed: groups(0..<50))], now: .zero)
        state.setCollectors(pods(0..<3), now: .zero)
        let owners = state.owners("a")
        // The targets' identities stay, too: the rule says nothing about them.
        let rules = try Self.rules(#"{"source_labels":["none"],"regex":"x","action":"drop"}"#)
        state.setJobs([job("a", rules: rules)], now: .zero)
        #expect(state.owners("a") == owners)
        #expect(state.groups.count == 51)
    }

    /// What Prometheus adds before it relabels is there, unless the target has it; it is never served.
    @Test func labelsThatPrometheusAddsAreThere() throws {
        var scrape = job(
            "a",
            rules: try Self.rules(
                #"{"source_labels":["job","__scheme__","__metrics_path__","__param_module"],"regex":"a;http;/metrics;tcp","action":"keep"}"#
            )
        )
        scrape.params = ["module": ["tcp", "udp"]]
        let state = Self.state(
            scrape,
            group("one", [:], ["__address__": "a:1"]),
            group("two", [:], ["__address__": "b:1", "job": "other"]),
            group("three", ["__scheme__": ""], ["__address__": "c:1"])
        )
        #expect(state.addresses("a", "collector-0") == ["a:1", "c:1"])
        #expect(state.targets("a", "collector-0").contains(["__address__": "a:1"]))
    }

    /// The rules that give each shard its part keep all, and leave nothing behind that tells targets apart.
    @Test func shardingIsForTheReceiver() throws {
        let rules = try Self.rules(
            #"{"source_labels":["__address__","__tmp_hash"],"regex":"(.+);","target_label":"__tmp_hash","replacement":"$1"}"#,
            #"{"source_labels":["__tmp_hash"],"modulus":1,"target_label":"__tmp_hash","action":"hashmod"}"#,
            #"{"source_labels":["__tmp_hash","__tmp_disable_sharding"],"regex":"$(SHARD);|.+;.+","action":"keep"}"#
        )
        let one = Self.state(job("a", rules: rules), Self.shop, Self.bank, Self.none)
        #expect(one.addresses("a", "collector-0") == ["a:1", "b:1", "c:1"])
        let own = Self.state(
            job("a", rules: rules),
            group("one", ["ns": "shop"], ["__address__": "a:1", "__tmp_disable_sharding": ""])
        )
        #expect(own.targets(limit: 1).first?.hash == one.targets(limit: 9).first { $0.sources[0].name == "one" }?.hash)
    }

    /// Section 5.4: what is left after relabelling, without `__meta_`, and the job's name.
    @Test func identityIsWhatRelabellingLeaves() throws {
        let rules = try Self.rules(#"{"regex":"pod","action":"labeldrop"}"#)
        let groups = [
            group("one", ["__meta_x": "1", "pod": "p1"], ["__address__": "a:1"]),
            group("two", ["__meta_x": "2", "pod": "p2"], ["__address__": "a:1"]),
        ]
        let filtered = Self.state(job("a", rules: rules), groups[0], groups[1])
        #expect(filtered.overview().targets == 1)
        let raw = Self.state(job("a", rules: rules), filters: false, groups[0], groups[1])
        #expect(raw.overview().targets == 2)
        // Computed by hand of the raw labels.
        let text =
            Array("__address__".utf8) + [0xFF] + Array("a:1".utf8) + [0xFF] + Array("pod".utf8) + [0xFF]
            + Array("p1".utf8) + [0xFF] + Array("a".utf8)
        let hash = text.withUnsafeBufferPointer { XXH64.hash($0) }
        #expect(raw.target(hash)?.labels.contains(Label(name: "pod", value: "p1")) == true)
        #expect(raw.target(1) == nil)
    }

    /// Text that no target has any more goes, and what is left means the same.
    @Test func textIsThrownAway() throws {
        let rules = try Self.rules(#"{"source_labels":["name"],"target_label":"copy","replacement":"copy of $1"}"#)
        var state = Self.state(job("a", rules: rules), Self.shop)
        let hash = state.targets(limit: 1)[0].hash
        for round in 0..<300 {
            let passing = (0..<20).map {
                group("p\($0)", [:], ["__address__": "p:\($0)", "name": "a name of round \(round), \($0)"])
            }
            state.apply([TargetUpdate(job: "a", changed: passing)], now: .zero)
        }
        #expect(state.overview().targets == 21)
        #expect(state.symbols.byteCount < 300_000)
        #expect(state.targets("a", "collector-0").count == 21)
        state.apply([TargetUpdate(job: "a", changed: [Self.shop])], now: .zero)
        #expect(state.target(hash)?.labels == labels(["__address__": "a:1", "ns": "shop"]))
        #expect(state.targets("a", "collector-0").contains { $0["name"] == "a name of round 299, 19" })
    }
}
