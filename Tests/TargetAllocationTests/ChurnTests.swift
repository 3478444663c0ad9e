import Glibc
import PrometheusModel
import Testing

@testable import TargetAllocation

/// Random changes, beside an allocator that is as simple as can be. `SWIFTLET_CHURN=1000` tries so many seeds.
struct ChurnTests {
    private static let seeds: ClosedRange<UInt64> =
        1...(getenv("SWIFTLET_CHURN").flatMap { UInt64(String(cString: $0)) } ?? 4)

    /// What was discovered and who is there, as plain sets.
    private struct World {
        struct Source: Hashable, Comparable {
            var job: Int
            var discovery: Int
            var name: Int

            static func < (left: Source, right: Source) -> Bool {
                (left.job, left.discovery, left.name) < (right.job, right.discovery, right.name)
            }
        }

        var groups: [Source: TargetGroup] = [:]
        var collectors: [CollectorPod] = []
        var random: SplitMix

        init(_ seed: UInt64) { self.random = SplitMix(seed) }

        mutating func group(_ source: Source) -> TargetGroup {
            // Few addresses: the same target is in several groups now and then.
            let targets = (0..<self.random.below(5)).map { _ in
                labels([
                    "__address__": address(self.random.below(60)), "zone": "z\(self.random.below(2))",
                    "__meta_pod": "p\(self.random.below(4))",
                ])
            }
            let node = ["__meta_kubernetes_node_name": "node-\(self.random.below(7))"]
            let shared = self.random.below(4) == 0 ? [:] : node
            return TargetGroup(source: "source-\(source.name)", labels: labels(shared), targets: targets)
        }

        mutating func source() -> Source {
            Source(job: self.random.below(3), discovery: self.random.below(2), name: self.random.below(10))
        }

        /// Each job's targets by what makes them one: their labels without `__meta_`.
        var targets: [Int: [[String: String]: [[String: String]]]] {
            var targets: [Int: [[String: String]: [[String: String]]]] = [:]
            for (source, group) in self.groups {
                for target in group.targets {
                    var all: [String: String] = [:]
                    for label in group.labels + target { all[label.name] = label.value }
                    let identity = all.filter { !$0.key.hasPrefix("__meta_") }
                    targets[source.job, default: [:]][identity, default: []].append(all)
                }
            }
            return targets
        }

        /// One change: some groups, or the collectors.
        mutating func step(_ state: inout AllocatorState, now: Duration) {
            if self.random.below(8) == 0 {
                self.collectors = (0..<7).filter { _ in self.random.below(3) > 0 }.map {
                    CollectorPod(name: "collector-\($0)", nodeName: "node-\($0)")
                }
                state.setCollectors(self.collectors, now: now)
                return
            }
            if self.random.below(20) == 0 {
                // A job goes, and comes again.
                let gone = self.random.below(3)
                state.setJobs((0..<3).filter { $0 != gone }.map { job("job-\($0)", discoveries: 2) }, now: now)
                state.setJobs((0..<3).map { job("job-\($0)", discoveries: 2) }, now: now)
                self.groups = self.groups.filter { $0.key.job != gone }
                return
            }
            var updates: [TargetUpdate] = []
            for _ in 0...self.random.below(4) {
                let source = self.source()
                var update = TargetUpdate(job: "job-\(source.job)", discovery: source.discovery)
                if self.random.below(3) == 0 {
                    update.removed = ["source-\(source.name)"]
                    self.groups[source] = nil
                } else {
                    let group = self.group(source)
                    update.changed = [group]
                    self.groups[source] = group
                }
                updates.append(update)
            }
            state.apply(updates, now: now)
        }

        /// The same from scratch.
        func state(_ settings: AllocationSettings) -> AllocatorState {
            var state = AllocatorState(settings)
            state.setJobs((0..<3).map { job("job-\($0)", discoveries: 2) }, now: .zero)
            state.setCollectors(self.collectors, now: .zero)
            let updates = self.groups.sorted { $0.key < $1.key }.map {
                TargetUpdate(job: "job-\($0.key.job)", discovery: $0.key.discovery, changed: [$0.value])
            }
            state.apply(updates, now: .zero)
            return state
        }
    }

    private static func assignment(_ state: AllocatorState) -> [UInt64: String?] {
        var all: [UInt64: String?] = [:]
        for target in state.targets(limit: .max) { all[target.hash] = .some(target.collector) }
        return all
    }

    /// Each target on exactly one list, with labels that were discovered; sums that fit; nothing left over.
    private static func check(_ state: AllocatorState, _ world: World, isHandingOver: Bool) {
        let expected = world.targets
        for number in 0..<3 {
            let name = "job-\(number)"
            var seen: [[String: String]: Int] = [:]
            for collector in world.collectors {
                for target in state.targets(name, collector.name) {
                    let identity = target.filter { !$0.key.hasPrefix("__meta_") }
                    #expect(expected[number]?[identity]?.contains(target) == true)
                    seen[identity, default: 0] += 1
                }
            }
            let unassigned = state.targets(job: name, limit: .max).filter { $0.collector == nil }
            #expect(seen.count + unassigned.count == expected[number]?.count ?? 0)
            if !isHandingOver { #expect(seen.values.allSatisfy { $0 == 1 }) }
            let isThere = state.targets(job: name, limit: .max).count
            #expect(isThere == expected[number]?.count ?? 0)
        }
        let overview = state.overview()
        #expect(overview.collectors.map(\.name) == world.collectors.map(\.name).sorted())
        for collector in overview.collectors {
            #expect(collector.jobs.reduce(0) { $0 + $1.targets } == collector.targets)
            if !isHandingOver { #expect(collector.handingOver == 0) }
        }
        #expect(overview.jobs.reduce(0) { $0 + $1.targets } == overview.targets)
        #expect(overview.jobs.reduce(0) { $0 + $1.unassigned } == overview.unassigned)
        #expect(overview.collectors.reduce(0) { $0 + $1.targets } + overview.unassigned == overview.targets)
        #expect(
            overview.jobs.reduce(0) { $0 + $1.discovered } == world.groups.values.reduce(0) { $0 + $1.targets.count }
        )
        #expect(state.groups.count == world.groups.values.filter { !$0.targets.isEmpty }.count)
        for slot in 0..<Int32(state.lists.capacity) where state.lists[slot].collector >= 0 {
            let list = state.lists[slot]
            for (index, item) in list.items.enumerated() {
                #expect(state.items[item].owner == list.collector && Int(state.items[item].ownerSlot) == index)
            }
            for (index, item) in list.leaving.enumerated() {
                #expect(state.items[item].previous == list.collector && Int(state.items[item].previousSlot) == index)
                #expect(state.items[item].owner >= 0 && state.items[item].owner != list.collector)
            }
        }
        for (item, places) in state.shared { #expect(state.items[item].isShared && !places.isEmpty) }
        #expect(state.itemSlots.count == state.items.count)
    }

    @Test(arguments: [AllocationSettings.Strategy.consistentHashing, .perNode], Self.seeds)
    func incrementalIsAsFromScratch(strategy: AllocationSettings.Strategy, seed: UInt64) {
        let fallback: AllocationSettings.Strategy? = seed % 2 == 0 ? .consistentHashing : nil
        let settings = AllocationSettings(strategy: strategy, fallback: fallback, handsOver: seed % 3 == 0)
        var world = World(seed)
        var state = world.state(settings)
        for step in 0..<100 {
            world.step(&state, now: .seconds(step))
            state.tick(now: .seconds(step))
            if world.random.below(3) == 0 { state.fetchAll(now: .seconds(step)) }
            Self.check(state, world, isHandingOver: settings.handsOver)
            let scratch = world.state(settings)
            #expect(Self.assignment(state) == Self.assignment(scratch))
            #expect(state.targets(limit: .max).map(\.labels) == scratch.targets(limit: .max).map(\.labels))
        }
        state.tick(now: .seconds(1000))
        Self.check(state, world, isHandingOver: false)
    }

    /// The rules of `least-weighted`, each a scan of everything.
    private struct Naive {
        var owners: [UInt64: String] = [:]
        var jobs: [UInt64: String] = [:]
        var collectors: [String] = []

        mutating func set(_ targets: [UInt64: String], _ collectors: [String]) {
            self.owners = self.owners.filter { targets[$0.key] != nil && collectors.contains($0.value) }
            self.jobs = targets
            self.collectors = collectors
            for target in targets.keys.sorted() where self.owners[target] == nil {
                self.owners[target] = collectors.min { self.weight($0, target) < self.weight($1, target) }
            }
        }

        private func weight(_ collector: String, _ target: UInt64) -> (Int, Int, String) {
            let all = self.owners.filter { $0.value == collector }
            return (all.count, all.filter { self.jobs[$0.key] == self.jobs[target] }.count, collector)
        }
    }

    @Test(arguments: Self.seeds)
    func leastWeightedFollowsItsRules(seed: UInt64) {
        let settings = AllocationSettings(strategy: .leastWeighted, handsOver: seed % 2 == 0)
        var world = World(seed)
        var state = world.state(settings)
        var naive = Naive()
        for step in 0..<100 {
            world.step(&state, now: .seconds(step))
            if world.random.below(3) == 0 { state.fetchAll(now: .seconds(step)) }
            let targets = state.targets(limit: .max)
            naive.set(
                Dictionary(uniqueKeysWithValues: targets.map { ($0.hash, $0.job) }),
                world.collectors.map(\.name)
            )
            Self.check(state, world, isHandingOver: false)
            for target in targets { #expect(target.collector == naive.owners[target.hash]) }
        }
    }

    /// All at once they are spread evenly, each job's, too.
    @Test func leastWeightedIsEven() {
        var state = AllocatorState(AllocationSettings(strategy: .leastWeighted))
        state.setJobs([job("a"), job("b")], now: .zero)
        state.setCollectors(pods(0..<7), now: .zero)
        state.apply(
            [TargetUpdate(job: "a", changed: groups(0..<700)), TargetUpdate(job: "b", changed: groups(0..<350))],
            now: .zero
        )
        #expect(state.overview().collectors.allSatisfy { $0.targets == 150 })
        // A new one gets nothing of what is there, and what comes next.
        let before = state.owners("a")
        state.setCollectors(pods(0..<8), now: .zero)
        #expect(state.owners("a") == before)
        state.apply([TargetUpdate(job: "a", changed: groups(700..<800))], now: .zero)
        #expect(state.overview().collectors.last?.targets == 100)
    }

    /// 2 -> 4 -> 2: what moves is what the ring moves, and in the end all is as before.
    @Test(arguments: [AllocationSettings.Strategy.consistentHashing, .leastWeighted])
    func scalingMovesNoMoreThanItMust(strategy: AllocationSettings.Strategy) {
        var state = AllocatorState(AllocationSettings(strategy: strategy))
        state.setJobs([job("a")], now: .zero)
        state.setCollectors(pods(0..<2), now: .zero)
        state.apply([TargetUpdate(job: "a", changed: groups(0..<2000))], now: .zero)
        let two = state.owners("a")
        state.setCollectors(pods(0..<4), now: .zero)
        let four = state.owners("a")
        state.setCollectors(pods(0..<2), now: .zero)
        let again = state.owners("a")
        let moved = two.filter { four[$0.key] != $0.value }.count
        if strategy == .leastWeighted {
            #expect(moved == 0 && again == two)
            return
        }
        #expect(again == two)
        var (old, new) = (HashRing(), HashRing())
        old.rebuild((0..<2).map { ("collector-\($0)", Int32($0)) })
        new.rebuild((0..<4).map { ("collector-\($0)", Int32($0)) })
        let expected = (0..<2000).filter { number in
            let partition = Array(address(number).utf8).withUnsafeBufferPointer { HashRing.partition(of: $0) }
            return old[partition] != new[partition]
        }
        #expect(moved == expected.count)
    }
}
