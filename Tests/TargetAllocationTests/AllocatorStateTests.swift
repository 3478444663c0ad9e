import JSONTree
import PrometheusConfig
import PrometheusModel
import Testing

@testable import TargetAllocation

struct AllocatorStateTests {
    private static func state(
        _ strategy: AllocationSettings.Strategy = .consistentHashing,
        jobs: [ScrapeJob] = [job("a")],
        collectors: Int = 2,
        _ updates: TargetUpdate...
    ) -> AllocatorState {
        var state = AllocatorState(AllocationSettings(strategy: strategy))
        state.setJobs(jobs, now: .zero)
        state.setCollectors(pods(0..<collectors), now: .zero)
        state.apply(updates, now: .zero)
        return state
    }

    @Test func listsAsTheReceiverReadsThem() {
        let update = TargetUpdate(
            job: "a",
            changed: [
                group(
                    "one",
                    ["__meta_kubernetes_namespace": "shop", "zone": "x"],
                    ["__address__": "10.0.0.1:9090", "zone": "\"y\"\n\\\u{1}é"]
                )
            ]
        )
        let state = Self.state(jobs: [job("a"), job("b/c d")], update)
        let list = String(decoding: state.list(job: "a", collector: "collector-1"), as: UTF8.self)
        #expect(
            list == """
                [{"targets":["10.0.0.1:9090"],"labels":{"__address__":"10.0.0.1:9090",\
                "__meta_kubernetes_namespace":"shop","zone":"\\"y\\"\\n\\\\\\u0001é"}}]

                """
        )
        for (job, collector) in [
            ("a", "collector-0"), ("a", "nobody"), ("nothing", "collector-1"), ("b/c d", "collector-1"),
        ] {
            #expect(state.list(job: job, collector: collector) == Array("[]\n".utf8))
        }
        #expect(String(decoding: state.jobList(), as: UTF8.self) == "{\"a\":{\"_link\":\"/jobs/a/targets\"}}\n")
        let all = String(decoding: state.list(job: "a"), as: UTF8.self)
        #expect(
            all.hasPrefix(
                "{\"collector-0\":{\"_link\":\"/debug/jobs/a/targets?collector_id=collector-0\",\"targets\":[]},"
            )
        )
        #expect(all.hasSuffix("\"targets\":" + list.dropLast() + "}}\n"))
        let none = String(decoding: state.list(job: "no"), as: UTF8.self)
        #expect(
            none == """
                {"collector-0":{"_link":"/debug/jobs/no/targets?collector_id=collector-0","targets":[]},\
                "collector-1":{"_link":"/debug/jobs/no/targets?collector_id=collector-1","targets":[]}}

                """
        )
    }

    /// An é of one code point and one of two are two values, however alike they look and to Swift are.
    @Test func valuesOfOtherBytesAreOtherValues() {
        let update = TargetUpdate(
            job: "a",
            changed: [
                group(
                    "one",
                    [:],
                    ["__address__": "10.0.0.1:1", "zone": "caf\u{E9}"],
                    [
                        "__address__": "10.0.0.2:1", "zone": "cafe\u{301}",
                    ]
                )
            ]
        )
        let state = Self.state(collectors: 1, update)
        let zones = state.targets("a", "collector-0").map { Array(($0["zone"] ?? "").utf8) }
        #expect(Set(zones) == [Array("caf\u{E9}".utf8), Array("cafe\u{301}".utf8)])
    }

    /// What is copied from the target before is that target's only where the label is.
    @Test(arguments: 1...20)
    func listsOfManyKindsOfTargets(seed: UInt64) {
        var random = SplitMix(seed)
        var changed: [TargetGroup] = []
        var expected: [[String: String]] = []
        for number in 0..<200 {
            var target = ["__address__": address(number)]
            for _ in 0..<random.below(7) {
                target["label\(random.below(6))"] = ["", "same", "\"", "a longer value \n \(number)"][random.below(4)]
            }
            expected.append(target)
            changed.append(group("\(number)", [:], target))
        }
        let state = Self.state(collectors: 1, TargetUpdate(job: "a", changed: changed))
        let seen = state.targets("a", "collector-0").sorted { $0["__address__"] ?? "" < $1["__address__"] ?? "" }
        #expect(seen == expected.sorted { $0["__address__"] ?? "" < $1["__address__"] ?? "" })
    }

    @Test func namesInLinksAreEscapedAsInQueries() {
        var state = Self.state(jobs: [job("serviceMonitor/ns/app/0"), job("b \"é")])
        state.apply(
            [
                TargetUpdate(job: "serviceMonitor/ns/app/0", changed: groups(0..<1)),
                TargetUpdate(job: "b \"é", changed: groups(0..<1)),
            ],
            now: .zero
        )
        #expect(
            String(decoding: state.jobList(), as: UTF8.self) == """
                {"b \\"é":{"_link":"/jobs/b+%22%C3%A9/targets"},\
                "serviceMonitor/ns/app/0":{"_link":"/jobs/serviceMonitor%2Fns%2Fapp%2F0/targets"}}

                """
        )
    }

    @Test func targetsAreKeptWithoutCollectors() {
        var state = Self.state(collectors: 0, TargetUpdate(job: "a", changed: groups(0..<10)))
        #expect(state.overview().unassigned == 10)
        #expect(state.targets(state.unassignedHashes).map(\.unassigned) == Array(repeating: .noCollectors, count: 10))
        state.setCollectors(pods(0..<3), now: .zero)
        #expect(state.overview().unassigned == 0)
        #expect((0..<3).reduce(0) { $0 + state.targets("a", "collector-\($1)").count } == 10)
        state.setCollectors([], now: .zero)
        #expect(state.overview().unassigned == 10)
        #expect(state.overview().targets == 10)
    }

    /// What a page shows: hashes of all, then what is shown.
    @Test func hashesAreThoseOfTheTargets() {
        var state = Self.state(
            jobs: [job("a"), job("b")],
            collectors: 3,
            TargetUpdate(job: "a", changed: groups(0..<30)),
            TargetUpdate(job: "b", changed: groups(0..<20))
        )
        state.apply([TargetUpdate(job: "a", removed: ["source-3", "source-4"])], now: .zero)
        #expect(state.hashes().count == 48)
        #expect(state.hashes(job: "a").count == 28)
        #expect(state.hashes(job: "none").isEmpty && state.hashes(collector: "none").isEmpty)
        let all = Set(state.hashes())
        #expect(all.count == 48)
        let byCollector = (0..<3).map { state.hashes(collector: "collector-\($0)") }
        #expect(Set(byCollector.joined()) == all && byCollector.joined().count == 48)
        for number in 0..<3 {
            let both = state.hashes(job: "b", collector: "collector-\(number)")
            let details = state.targets(both)
            #expect(details.count == both.count)
            #expect(details.allSatisfy { $0.job == "b" && $0.collector == "collector-\(number)" })
        }
        // Who went meanwhile is left out.
        let hashes = state.hashes(job: "b")
        state.apply([TargetUpdate(job: "b", removed: ["source-0"])], now: .zero)
        #expect(state.targets(hashes).count == 19)
    }

    @Test func equalTargetsOfAJobAreOne() {
        var state = Self.state(
            jobs: [job("a", discoveries: 2), job("b")],
            TargetUpdate(
                job: "a",
                discovery: 1,
                changed: [group("x", ["__meta_from": "second"], ["__address__": "h:1"])]
            ),
            TargetUpdate(
                job: "a",
                changed: [group("y", ["__meta_from": "first"], ["__address__": "h:1"], ["__address__": "h:1"])]
            ),
            TargetUpdate(job: "b", changed: [group("y", [:], ["__address__": "h:1"])])
        )
        #expect(state.overview().jobs.map(\.targets) == [1, 1])
        #expect(state.overview().jobs.map(\.discovered) == [3, 1])
        // The labels of the first discovery, whatever came first.
        #expect(
            state.targets(job: "a", limit: 9).first?.labels.contains(Label(name: "__meta_from", value: "first")) == true
        )
        #expect(state.targets(job: "a", limit: 9).first?.sources.count == 3)
        state.apply([TargetUpdate(job: "a", removed: ["y"])], now: .zero)
        #expect(
            state.targets(job: "a", limit: 9).first?.labels.contains(Label(name: "__meta_from", value: "second"))
                == true
        )
        #expect(state.targets(job: "a", limit: 9).first?.sources.count == 1)
        state.apply([TargetUpdate(job: "a", discovery: 1, removed: ["x"])], now: .zero)
        #expect(state.overview().jobs.map(\.targets) == [0, 1])
        #expect(String(decoding: state.jobList(), as: UTF8.self) == "{\"b\":{\"_link\":\"/jobs/b/targets\"}}\n")
    }

    @Test(arguments: AllocationSettings.Strategy.allCases)
    func retainedTargetsGetNewLabelsAndStay(strategy: AllocationSettings.Strategy) {
        let meta = { (value: String) in ["__meta_pod": value, "__meta_kubernetes_node_name": "node-1"] }
        var state = Self.state(strategy, TargetUpdate(job: "a", changed: groups(0..<5, meta("old"))))
        let owners = state.owners("a")
        #expect(owners.count == 5)
        let before = state.change
        state.apply([TargetUpdate(job: "a", changed: groups(0..<5, meta("new")))], now: .zero)
        #expect(state.owners("a") == owners)
        for name in Set(owners.values) {
            #expect(state.targets("a", name).allSatisfy { $0["__meta_pod"] == "new" })
            #expect(state.version(job: "a", collector: name) ?? 0 > before)
        }
        // What is as it was makes no list out of date.
        let version = state.lists.elements.map(\.version)
        state.apply([TargetUpdate(job: "a", changed: groups(0..<5, meta("new")))], now: .zero)
        #expect(state.lists.elements.map(\.version) == version)
    }

    @Test func oneChangeMakesOneListOutOfDate() {
        var state = Self.state(collectors: 4, TargetUpdate(job: "a", changed: groups(0..<200)))
        _ = state.takeChanges()
        state.apply([TargetUpdate(job: "a", changed: groups([7], ["__meta_x": "y"]))], now: .zero)
        let changes = state.takeChanges()
        #expect(changes.changed.count == 1)
        #expect(!changes.jobsChanged)
        #expect(changes.changed.first?.collector == state.owners("a")[address(7)])
    }

    @Test func completeStateReplacesWhatWasThere() {
        var state = Self.state(.consistentHashing, TargetUpdate(job: "a", changed: groups(0..<10)))
        state.apply([TargetUpdate(job: "a", changed: groups(8..<12), isComplete: true)], now: .zero)
        #expect(state.owners("a").keys.sorted() == (8..<12).map(address).sorted())
        state.apply([TargetUpdate(job: "a", isComplete: true)], now: .zero)
        #expect(state.overview().targets == 0)
        #expect(state.contents.count == 0 && state.groups.count == 0 && state.itemSlots.count == 0)
    }

    @Test func largeGroupsAreComparedTargetByTarget() {
        let large = { (numbers: [Int]) in
            TargetGroup(
                source: "file",
                labels: labels(["x": "y"]),
                targets: numbers.map { labels(["__address__": address($0)]) }
            )
        }
        var state = Self.state(.consistentHashing, TargetUpdate(job: "a", changed: [large(Array(0..<100))]))
        let owners = state.owners("a")
        for numbers in [
            Array(0..<50) + Array(51..<100), [7] + Array(0..<100), Array(0..<100) + [200, 201], Array(90..<95),
        ] {
            state.apply([TargetUpdate(job: "a", changed: [large(numbers)])], now: .zero)
            let now = state.owners("a")
            #expect(now.keys.sorted() == Set(numbers).map(address).sorted())
            for (address, owner) in now where owners[address] != nil { #expect(owners[address] == owner) }
        }
    }

    @Test func jobsThatGoTakeTheirTargetsAlong() {
        var state = Self.state(
            jobs: [job("a"), job("b")],
            TargetUpdate(job: "a", changed: groups(0..<5)),
            TargetUpdate(job: "b", changed: groups(0..<7)),
            TargetUpdate(job: "unknown", changed: groups(0..<7)),
            TargetUpdate(job: "a", discovery: 5, changed: groups(0..<7))
        )
        // Both discover the same: the labels are there once.
        #expect(state.contents.count == 7)
        state.setJobs([job("b"), job("c")], now: .zero)
        #expect(state.overview().jobs.map(\.name) == ["b", "c"])
        #expect(state.overview().targets == 7)
        #expect(state.targets("a", "collector-0").isEmpty)
        state.setJobs([], now: .zero)
        #expect(state.overview().targets == 0)
        #expect(state.lists.count == 0)
    }

    @Test func changedDiscoveriesKeepTheirTargetsUntilTheyAreComplete() {
        let other = { (address: String) in DiscoveryConfig.statics([group("0", [:], ["__address__": address])]) }
        var first = job("a")
        first.discoveries = [other("a:1"), other("b:1")]
        var state = Self.state(jobs: [first])
        for discovery in 0..<2 {
            state.apply(
                [
                    TargetUpdate(
                        job: "a",
                        discovery: discovery,
                        changed: [group("0", [:], ["__address__": "\(discovery):1"])]
                    )
                ],
                now: .zero
            )
        }
        // The first one goes: the second one takes its groups along.
        first.discoveries = [other("b:1")]
        state.setJobs([first], now: .zero)
        #expect(state.owners("a").keys.sorted() == ["1:1"])
        // It becomes another one: its targets are replaced when the new ones are known.
        first.discoveries = [other("c:1")]
        state.setJobs([first], now: .zero)
        #expect(state.owners("a").keys.sorted() == ["1:1"])
        state.apply(
            [TargetUpdate(job: "a", changed: [group("0", [:], ["__address__": "c:1"])], isComplete: true)],
            now: .zero
        )
        #expect(state.owners("a").keys.sorted() == ["c:1"])
    }

    @Test func nothingIsGivenOutWhileHolding() {
        var state = AllocatorState(AllocationSettings(strategy: .leastWeighted), isHolding: true)
        state.setJobs([job("a")], now: .zero)
        state.setCollectors(pods(0..<2), now: .zero)
        for number in 0..<50 { state.apply([TargetUpdate(job: "a", changed: groups([number]))], now: .zero) }
        #expect(state.overview().unassigned == 50)
        #expect(state.targets(state.unassignedHashes).first?.unassigned == .waitingForDiscovery)
        state.release(now: .zero)
        // As if all had come at once: in the order of their hashes.
        let other = Self.state(.leastWeighted, TargetUpdate(job: "a", changed: groups(0..<50)))
        #expect(state.owners("a") == other.owners("a"))
    }

    // MARK: Per node

    @Test func nodesAreReadFromTheLabelsInTheirOrder() {
        let slice = "__meta_kubernetes_endpointslice_address_target_"
        let cases: [([String: String], String?)] = [
            (["__meta_kubernetes_pod_node_name": "node-1", "__meta_kubernetes_node_name": "node-0"], "collector-1"),
            (["__meta_kubernetes_pod_node_name": "", "__meta_kubernetes_node_name": "node-0"], "collector-0"),
            (["__meta_kubernetes_endpoint_node_name": "node-1"], "collector-1"),
            (["__meta_kubernetes_endpointslice_endpoint_node_name": "node-1"], nil),
            ([slice + "kind": "Node", slice + "name": "node-1"], "collector-1"),
            ([slice + "kind": "Pod", slice + "name": "node-1"], nil),
            ([slice + "name": "node-1"], nil),
            (["__meta_kubernetes_node_name": "node-9"], nil),
            ([:], nil),
        ]
        for (labels, owner) in cases {
            let state = Self.state(.perNode, TargetUpdate(job: "a", changed: groups([1], labels)))
            #expect(state.owners("a") == (owner.map { [address(1): $0] } ?? [:]), "\(labels)")
            let reason = state.target(state.targets(job: "a", limit: 1)[0].hash)?.unassigned
            let isElsewhere = labels.values.contains("node-9")
            #expect(reason == (owner != nil ? nil : isElsewhere ? .noCollectorOnNode : .noNode), "\(labels)")
        }
    }

    @Test(arguments: [AllocationSettings.Strategy.consistentHashing, .leastWeighted])
    func fallbackIsForTargetsWithoutANodeOnly(fallback: AllocationSettings.Strategy) {
        var state = AllocatorState(AllocationSettings(strategy: .perNode, fallback: fallback))
        state.setJobs([job("a")], now: .zero)
        state.setCollectors(pods(0..<2) + [CollectorPod(name: "without")], now: .zero)
        state.apply(
            [
                TargetUpdate(job: "a", changed: groups(0..<1, ["__meta_kubernetes_node_name": "node-7"])),
                TargetUpdate(job: "a", changed: groups(1..<31)),
            ],
            now: .zero
        )
        let owners = state.owners("a")
        #expect(owners[address(0)] == nil)
        #expect(owners.count == 30)
        let reference = Self.state(fallback, collectors: 0)
        var other = reference
        other.setCollectors(pods(0..<2) + [CollectorPod(name: "without")], now: .zero)
        other.apply([TargetUpdate(job: "a", changed: groups(1..<31))], now: .zero)
        #expect(owners == other.owners("a"))
    }

    @Test func targetsFollowTheirNodeAndItsCollector() {
        let node = { (name: String) in ["__meta_kubernetes_node_name": name] }
        var state = Self.state(.perNode, TargetUpdate(job: "a", changed: groups([1], node("node-0"))))
        #expect(state.owners("a") == [address(1): "collector-0"])
        state.apply([TargetUpdate(job: "a", changed: groups([1], node("node-1")))], now: .zero)
        #expect(state.owners("a") == [address(1): "collector-1"])
        // A pod of the same name on another node.
        state.setCollectors(
            [
                CollectorPod(name: "collector-0", nodeName: "node-1"),
                CollectorPod(name: "collector-1", nodeName: "node-0"),
            ],
            now: .zero
        )
        #expect(state.owners("a") == [address(1): "collector-0"])
        // Of two on one node the last by name has it.
        state.setCollectors(["x", "z", "y"].map { CollectorPod(name: $0, nodeName: "node-1") }, now: .zero)
        #expect(state.owners("a") == [address(1): "z"])
    }

    @Test func anotherStrategyMovesWhatItMust() {
        var state = Self.state(.leastWeighted, collectors: 3, TargetUpdate(job: "a", changed: groups(0..<60)))
        state.setSettings(AllocationSettings(strategy: .consistentHashing), now: .zero)
        let other = Self.state(.consistentHashing, collectors: 3, TargetUpdate(job: "a", changed: groups(0..<60)))
        #expect(state.owners("a") == other.owners("a"))
        let owners = state.owners("a")
        state.setSettings(AllocationSettings(strategy: .leastWeighted), now: .zero)
        #expect(state.owners("a") == owners)
    }
}
