import PrometheusModel
import Testing

@testable import TargetAllocation

struct SnapshotTests {
    private static func state(
        _ strategy: AllocationSettings.Strategy,
        _ collectors: Range<Int>,
        _ numbers: [Range<Int>]
    ) -> AllocatorState {
        var state = AllocatorState(AllocationSettings(strategy: strategy))
        state.setJobs([job("a"), job("b")], now: .zero)
        state.setCollectors(pods(collectors), now: .zero)
        for numbers in numbers {
            state.apply(
                [TargetUpdate(job: "a", changed: groups(numbers)), TargetUpdate(job: "b", changed: groups(numbers))],
                now: .zero
            )
        }
        return state
    }

    /// Fully of history: collectors came one after the other.
    private static func grown() -> AllocatorState {
        var state = Self.state(.leastWeighted, 0..<2, [0..<50])
        state.setCollectors(pods(0..<4), now: .zero)
        state.apply([TargetUpdate(job: "a", changed: groups(50..<90))], now: .zero)
        state.apply([TargetUpdate(job: "a", removed: (0..<20).map { "source-\($0)" })], now: .zero)
        return state
    }

    private static func assignment(_ state: AllocatorState) -> [String: String] {
        var all: [String: String] = [:]
        for target in state.targets(limit: .max) { all["\(target.hash)"] = target.collector }
        return all
    }

    @Test func bytesThereAndBack() throws {
        var state = Self.grown()
        state.setSettings(AllocationSettings(strategy: .consistentHashing), now: .zero)
        state.fetchAll(now: .zero)
        state.setCollectors(pods(0..<7), now: .zero)
        let snapshot = state.snapshot()
        #expect(snapshot.entries.contains { $0.previous != nil })
        #expect(snapshot.entries.count == state.overview().targets)
        #expect(try AssignmentSnapshot(parsing: snapshot.bytes) == snapshot)
        #expect(try AssignmentSnapshot(parsing: AssignmentSnapshot().bytes) == AssignmentSnapshot())
    }

    @Test func aRestartShakesNobody() throws {
        let old = Self.grown()
        let bytes = old.snapshot().bytes
        var new = AllocatorState(AllocationSettings(strategy: .leastWeighted), isHolding: true)
        new.restore(try AssignmentSnapshot(parsing: bytes))
        new.setJobs([job("a"), job("b")], now: .zero)
        new.setCollectors(pods(0..<4), now: .zero)
        for numbers in [30..<90, 20..<30] { new.apply([TargetUpdate(job: "a", changed: groups(numbers))], now: .zero) }
        new.apply([TargetUpdate(job: "b", changed: groups(0..<50))], now: .zero)
        new.release(now: .zero)
        #expect(Self.assignment(new) == Self.assignment(old))
        // What collectors have from before the restart is handed over, though they have not fetched since.
        new.setSettings(AllocationSettings(strategy: .consistentHashing), now: .zero)
        #expect(new.overview().collectors.contains { $0.handingOver > 0 })
    }

    @Test func aCollectorThatWentMeanwhileIsNotAskedFor() throws {
        let old = Self.grown()
        var new = AllocatorState(AllocationSettings(strategy: .leastWeighted))
        new.restore(old.snapshot())
        new.setJobs([job("a"), job("b")], now: .zero)
        new.apply(
            [TargetUpdate(job: "a", changed: groups(20..<90)), TargetUpdate(job: "b", changed: groups(0..<50))],
            now: .zero
        )
        new.setCollectors(pods(1..<4), now: .zero)
        let (before, after) = (Self.assignment(old), Self.assignment(new))
        #expect(after.count == before.count)
        for (target, owner) in before where owner != "collector-0" { #expect(after[target] == owner) }
        new.forgetRestored()
        #expect(new.known.isEmpty)
    }

    @Test func aMoveDuringARestartIsHandedOver() {
        let old = Self.state(.consistentHashing, 0..<2, [0..<60])
        var new = AllocatorState(AllocationSettings(strategy: .consistentHashing))
        new.restore(old.snapshot())
        new.setJobs([job("a"), job("b")], now: .zero)
        new.setCollectors(pods(0..<3), now: .zero)
        new.apply([TargetUpdate(job: "a", changed: groups(0..<60))], now: .zero)
        let (before, after) = (old.owners("a"), new.owners("a"))
        var moved = 0
        for (address, owner) in before where after[address] != owner {
            moved += 1
            #expect(new.addresses("a", owner).contains(address))
            #expect(new.addresses("a", after[address] ?? "").contains(address))
        }
        #expect(moved > 0)
        #expect(new.overview().collectors.reduce(0) { $0 + $1.handingOver } == moved)
    }

    @Test func aHandOverGoesOnAfterARestart() {
        var old = Self.state(.consistentHashing, 0..<2, [0..<60])
        old.fetchAll(now: .zero)
        old.setCollectors(pods(0..<3), now: .zero)
        let lists = (0..<3).map { old.addresses("a", "collector-\($0)") }
        var new = AllocatorState(AllocationSettings(strategy: .consistentHashing))
        new.restore(old.snapshot())
        new.setJobs([job("a"), job("b")], now: .zero)
        new.setCollectors(pods(0..<3), now: .zero)
        new.apply([TargetUpdate(job: "a", changed: groups(0..<60))], now: .zero)
        #expect((0..<3).map { new.addresses("a", "collector-\($0)") } == lists)
        new.fetch("a", "collector-2", now: .seconds(1))
        new.tick(now: .seconds(100))
        #expect((0..<3).reduce(0) { $0 + new.addresses("a", "collector-\($1)").count } == 60)
    }

    @Test func twoReplicasGiveTheSameAnswers() {
        var leader = Self.grown()
        var follower = Self.state(.leastWeighted, 0..<4, [0..<50, 50..<90])
        #expect(Self.assignment(follower) != Self.assignment(leader))
        leader.apply(
            [TargetUpdate(job: "b", changed: groups(50..<90)), TargetUpdate(job: "a", changed: groups(0..<20))],
            now: .zero
        )
        follower.follow(leader.snapshot(), now: .zero)
        #expect(Self.assignment(follower) == Self.assignment(leader))
        for name in pods(0..<4).map(\.name) {
            #expect(follower.list(job: "a", collector: name) == leader.list(job: "a", collector: name))
        }
        // The leader knows of something first.
        leader.apply([TargetUpdate(job: "a", changed: groups(90..<95))], now: .zero)
        follower.follow(leader.snapshot(), now: .zero)
        follower.apply([TargetUpdate(job: "a", changed: groups(90..<95))], now: .zero)
        #expect(Self.assignment(follower) == Self.assignment(leader))
    }

    /// Whatever the bytes are: a snapshot or an error, and a snapshot that is sound.
    @Test(arguments: 1...20)
    func hostileBytes(seed: UInt64) {
        var random = SplitMix(seed)
        let good = Self.grown().snapshot().bytes
        for _ in 0..<300 {
            var bytes = good
            for _ in 0...random.below(4) {
                switch random.below(4) {
                case 0: bytes.removeLast(random.below(bytes.count))
                case 1: bytes.insert(UInt8(random.below(256)), at: random.below(bytes.count + 1))
                default: if !bytes.isEmpty { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
                }
            }
            // With a checksum that fits, so that what is behind it is read.
            if bytes.count > 14, random.below(2) == 0 { bytes = Self.signed(Array(bytes.dropLast(8))) }
            guard let snapshot = try? AssignmentSnapshot(parsing: bytes) else { continue }
            #expect(snapshot.entries.allSatisfy { Int($0.owner) < snapshot.collectors.count })
            var state = Self.grown()
            state.follow(snapshot, now: .zero)
            #expect(state.overview().unassigned == 0)
        }
        for bytes in [
            [], Array("SWTA1\n".utf8), Array("SWTA2\n0000000000".utf8),
            Self.signed(Array("SWTA1\n".utf8) + [UInt8](repeating: 0xFF, count: 30)),
        ] {
            #expect(throws: AssignmentSnapshot.Failure.self) { try AssignmentSnapshot(parsing: bytes) }
        }
    }

    private static func signed(_ bytes: [UInt8]) -> [UInt8] {
        let sum = bytes.withUnsafeBufferPointer { XXH64.hash($0) }
        return bytes + (0..<8).map { UInt8(truncatingIfNeeded: sum >> (8 * UInt64($0))) }
    }

    /// A snapshot whose numbers don't fit, made by hand.
    @Test func unsoundSnapshotsAreIgnored() {
        var state = Self.grown()
        let targets = state.snapshot().entries.map(\.target)
        let entries = targets.map { AssignmentSnapshot.Entry(target: $0, owner: 7, previous: 9) }
        let before = Self.assignment(state)
        state.follow(AssignmentSnapshot(collectors: ["collector-0"], entries: entries), now: .zero)
        #expect(Self.assignment(state) == before)
    }
}
