import PrometheusModel
import Testing

@testable import TargetAllocation

struct HandOverTests {
    private static func state(_ collectors: Range<Int>, handsOver: Bool = true, deadline: Int = 60) -> AllocatorState {
        var state = AllocatorState(
            AllocationSettings(handsOver: handsOver, handOverDeadline: .seconds(deadline))
        )
        state.setJobs([job("a")], now: .zero)
        state.setCollectors(pods(collectors), now: .zero)
        state.apply([TargetUpdate(job: "a", changed: groups(0..<100))], now: .zero)
        return state
    }

    /// Who shows a target on its list.
    private static func shown(_ state: AllocatorState) -> [String: [String]] {
        var shown: [String: [String]] = [:]
        for name in state.collectorSlots.keys.sorted() {
            for address in state.addresses("a", name) { shown[address, default: []].append(name) }
        }
        return shown
    }

    @Test func aMovedTargetStaysUntilTheNewOwnerHasIt() {
        var state = Self.state(0..<2)
        let before = state.owners("a")
        state.fetchAll(now: .zero)
        let version = state.version(job: "a", collector: "collector-0")
        state.setCollectors(pods(0..<4), now: .seconds(1))
        let after = state.owners("a")
        let moved = before.filter { after[$0.key] != $0.value }
        #expect(moved.count > 10)
        #expect(
            Self.shown(state).allSatisfy {
                $0.value.sorted() == Set([before[$0.key], after[$0.key]].compactMap { $0 }).sorted()
            }
        )
        // The old owner fetches what it had: what it leaves changes nothing for it, unless it got something.
        #expect(moved.values.contains("collector-0"))
        if !moved.contains(where: { after[$0.key] == "collector-0" }) {
            #expect(state.version(job: "a", collector: "collector-0") == version)
        }
        state.fetch("a", "collector-0", now: .seconds(2))
        state.fetch("a", "collector-1", now: .seconds(2))
        let toNew = moved.filter { ["collector-2", "collector-3"].contains(after[$0.key]) }
        #expect(Self.shown(state).filter { $0.value.count == 2 }.keys.sorted() == toNew.keys.sorted())
        state.fetch("a", "collector-2", now: .seconds(3))
        #expect(
            Self.shown(state).filter { $0.value.count == 2 }.keys.sorted()
                == toNew.keys.filter { after[$0] == "collector-3" }.sorted()
        )
        state.fetch("a", "collector-3", now: .seconds(3))
        #expect(Self.shown(state) == after.mapValues { [$0] })
        // The list of all shows the new owners alone, all the time.
        #expect(state.overview().collectors.map(\.handingOver) == [0, 0, 0, 0])
    }

    @Test func theDeadlineEndsIt() {
        var state = Self.state(0..<2)
        state.fetchAll(now: .zero)
        state.setCollectors(pods(0..<4), now: .seconds(10))
        #expect(state.nextDeadline == .seconds(70))
        let moved = Self.shown(state).filter { $0.value.count == 2 }
        #expect(!moved.isEmpty)
        state.tick(now: .seconds(69))
        #expect(Self.shown(state).filter { $0.value.count == 2 } == moved)
        state.tick(now: .seconds(70))
        #expect(Self.shown(state).allSatisfy { $0.value.count == 1 })
        #expect(state.nextDeadline == nil)
    }

    @Test func nothingIsHandedOverByWhoNeverHadIt() {
        var state = Self.state(0..<2)
        state.setCollectors(pods(0..<4), now: .zero)
        #expect(Self.shown(state).allSatisfy { $0.value.count == 1 })
        // An old list that was fetched does not hold what came later.
        var other = Self.state(0..<2)
        other.fetchAll(now: .zero)
        other.apply([TargetUpdate(job: "a", changed: groups(100..<200))], now: .zero)
        other.setCollectors(pods(0..<4), now: .zero)
        let twice = Self.shown(other).filter { $0.value.count == 2 }.keys
        #expect(!twice.isEmpty)
        #expect(twice.allSatisfy { (0..<100).map(address).contains($0) })
    }

    @Test func switchedOffItIsAsItWas() {
        var state = Self.state(0..<2, handsOver: false)
        state.fetchAll(now: .zero)
        state.setCollectors(pods(0..<4), now: .zero)
        #expect(Self.shown(state).allSatisfy { $0.value.count == 1 })
        #expect(state.nextDeadline == nil)
        var other = Self.state(0..<2)
        other.fetchAll(now: .zero)
        other.setCollectors(pods(0..<4), now: .zero)
        other.setSettings(AllocationSettings(handsOver: false), now: .zero)
        #expect(Self.shown(other).allSatisfy { $0.value.count == 1 })
    }

    @Test func whoIsGoneHandsNothingOver() {
        var state = Self.state(0..<4)
        state.fetchAll(now: .zero)
        let before = state.owners("a")
        state.setCollectors(pods(0..<3), now: .zero)
        let after = state.owners("a")
        for (address, names) in Self.shown(state) {
            let old = before[address] == "collector-3" ? nil : before[address]
            #expect(names == Set([old, after[address]].compactMap { $0 }).sorted())
        }
    }

    @Test func backAndForthIsNoMove() {
        var state = Self.state(0..<2)
        state.fetchAll(now: .zero)
        let before = Self.shown(state)
        state.setCollectors(pods(0..<4), now: .seconds(1))
        state.setCollectors(pods(0..<2), now: .seconds(2))
        #expect(Self.shown(state) == before)
        // And once more: it still counts as fetched.
        state.setCollectors(pods(0..<4), now: .seconds(3))
        let after = state.owners("a")
        #expect(Self.shown(state).contains { $0.value.count == 2 })
        #expect(Self.shown(state).allSatisfy { Set($0.value) == [before[$0.key]?.first, after[$0.key]] })
        state.fetchAll(now: .seconds(4))
        #expect(Self.shown(state) == after.mapValues { [$0] })
        state.tick(now: .seconds(1000))
        #expect(Self.shown(state) == after.mapValues { [$0] })
    }

    @Test func aSecondMoveLeavesItWithWhoHasIt() {
        var state = Self.state(0..<2)
        state.fetchAll(now: .zero)
        let first = state.owners("a")
        state.setCollectors(pods(0..<3), now: .seconds(1))
        let second = state.owners("a")
        state.setCollectors(pods(0..<5), now: .seconds(2))
        let third = state.owners("a")
        let twice = first.filter {
            second[$0.key] != $0.value && third[$0.key] != second[$0.key] && third[$0.key] != $0.value
        }
        #expect(!twice.isEmpty)
        for (address, owner) in twice {
            #expect(Self.shown(state)[address] == [owner, third[address] ?? ""].sorted())
        }
        // What the one in between fetches late is not with it any more.
        state.fetch("a", "collector-2", now: .seconds(3))
        for (address, owner) in twice where third[address] != "collector-2" {
            #expect(Self.shown(state)[address]?.contains(owner) == true)
        }
        state.tick(now: .seconds(61))
        #expect(Self.shown(state).contains { $0.value.count == 2 })
        state.tick(now: .seconds(62))
        #expect(Self.shown(state) == third.mapValues { [$0] })
    }

    @Test func removedTargetsAreGoneForAll() {
        var state = Self.state(0..<2)
        state.fetchAll(now: .zero)
        state.setCollectors(pods(0..<4), now: .zero)
        state.apply([TargetUpdate(job: "a", isComplete: true)], now: .zero)
        #expect(Self.shown(state).isEmpty)
        state.tick(now: .seconds(100))
        state.fetchAll(now: .seconds(100))
        #expect(state.overview().targets == 0)
    }

    /// Collectors that poll at their own times, what they have being what they fetched last: from the time at which a target
    /// was first scraped somebody has it always, and two have it no longer than from the new one's poll to the old one's.
    @Test(arguments: 1...10)
    func nobodyIsWithoutAndNoneTwiceForLong(seed: UInt64) {
        var random = SplitMix(seed)
        var state = Self.state(0..<2)
        var has: [String: Set<String>] = [:]
        var polls: [String: Int] = [:]
        var names = ["collector-0", "collector-1"]
        var scraped: Set<String> = []
        var twice: [String: Int] = [:]
        for second in 0..<600 {
            let now = Duration.seconds(second)
            state.tick(now: now)
            if random.below(40) == 0 {
                // Some come, some go; who goes takes along what it has.
                let count = 1 + random.below(6)
                names = (0..<count).map { "collector-\($0)" }
                state.setCollectors(pods(0..<count), now: now)
                // That of who went is nobody's for a while, though an older owner may not have noticed yet.
                for name in has.keys where !names.contains(name) {
                    scraped.subtract(has.removeValue(forKey: name) ?? [])
                    polls[name] = nil
                }
            }
            for name in names where second >= polls[name] ?? 0 {
                polls[name] = second + 30
                has[name] = Set(state.addresses("a", name))
                scraped.formUnion(has[name] ?? [])
                state.fetch("a", name, now: now)
            }
            var counts: [String: Int] = [:]
            for addresses in has.values { for address in addresses { counts[address, default: 0] += 1 } }
            #expect(scraped.first { counts[$0] == nil } == nil, "second \(second)")
            for address in scraped {
                twice[address] = (counts[address] ?? 0) > 1 ? (twice[address] ?? 0) + 1 : 0
                // A poll of the old one after that of the new one.
                #expect((twice[address] ?? 0) <= 31, "\(address), second \(second)")
            }
        }
    }
}
