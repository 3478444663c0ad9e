import Testing

@testable import KubeRuntime

@Suite struct KeyQueueTests {
    private typealias Step = KeyQueue<String>.Step

    @Test func runsInTheOrderOfBecomingDue() {
        var queue = KeyQueue<String>()
        queue.add("late", due: .seconds(2), now: .zero)
        queue.add("a", due: .zero, now: .zero)
        queue.add("b", due: .zero, now: .zero)
        queue.add("early", due: .seconds(1), now: .zero)
        #expect(queue.readyCount == 2 && queue.delayedCount == 2)
        #expect(queue.next(now: .seconds(3)) == .run("a", waited: .seconds(3)))
        #expect(queue.next(now: .seconds(3)) == .run("b", waited: .seconds(3)))
        #expect(queue.next(now: .seconds(3)) == .run("early", waited: .seconds(2)))
        #expect(queue.next(now: .seconds(3)) == .run("late", waited: .seconds(1)))
        #expect(queue.next(now: .seconds(3)) == .idle)
        #expect(queue.runningCount == 4)
    }

    @Test func aKeyIsQueuedOnce() {
        var queue = KeyQueue<String>()
        for _ in 0..<3 { queue.add("a", due: .zero, now: .zero) }
        #expect(queue.next(now: .zero) == .run("a", waited: .zero))
        #expect(queue.next(now: .zero) == .idle)
        #expect(queue.statistics.adds == 1)
    }

    @Test func theEarlierTimeWins() {
        var queue = KeyQueue<String>()
        queue.add("a", due: .seconds(10), now: .zero)
        queue.add("a", due: .seconds(20), now: .zero)
        #expect(queue.next(now: .zero) == .wait(until: .seconds(10)))
        queue.add("a", due: .seconds(5), now: .zero)
        #expect(queue.next(now: .zero) == .wait(until: .seconds(5)))
        #expect(queue.delayedCount == 1)
        queue.add("a", due: .zero, now: .seconds(1))
        #expect(queue.delayedCount == 0)
        #expect(queue.next(now: .seconds(1)) == .run("a", waited: .zero))
        queue.finish("a", now: .seconds(1))
        // The timers that were overtaken must not bring it back.
        #expect(queue.next(now: .seconds(30)) == .idle)
        #expect(queue.isEmpty)
    }

    @Test func aReadyKeyIsNotPutOff() {
        var queue = KeyQueue<String>()
        queue.add("a", due: .zero, now: .zero)
        queue.add("a", due: .seconds(9), now: .zero)
        #expect(queue.next(now: .zero) == .run("a", waited: .zero))
    }

    @Test func aRunningKeyIsHeldUntilItEnds() {
        var queue = KeyQueue<String>()
        queue.add("a", due: .zero, now: .zero)
        #expect(queue.next(now: .zero) == .run("a", waited: .zero))
        queue.add("a", due: .seconds(1), now: .seconds(1))
        queue.add("a", due: .seconds(8), now: .seconds(1))
        #expect(queue.next(now: .seconds(2)) == .idle, "the key runs")
        queue.finish("a", now: .seconds(3))
        #expect(queue.next(now: .seconds(3)) == .run("a", waited: .zero))
        queue.finish("a", now: .seconds(4))
        #expect(queue.next(now: .seconds(60)) == .idle)
    }

    @Test func requeueYieldsToAnEarlierWish() {
        var queue = KeyQueue<String>()
        queue.add("a", due: .zero, now: .zero)
        _ = queue.next(now: .zero)
        queue.add("a", due: .seconds(5), now: .zero)
        queue.finish("a", requeue: .seconds(60), now: .seconds(1))
        #expect(queue.next(now: .seconds(1)) == .wait(until: .seconds(5)))
        #expect(queue.next(now: .seconds(5)) == .run("a", waited: .zero))
        queue.finish("a", requeue: .seconds(60), now: .seconds(5))
        #expect(queue.next(now: .seconds(5)) == .wait(until: .seconds(60)))
    }

    @Test func failuresBackOffPerKeyUntilASuccess() {
        var queue = KeyQueue<String>(backoff: Backoff.Policy(base: .seconds(1), cap: .seconds(4), jitter: 0))
        var now = Duration.zero
        queue.add("a", due: now, now: now)
        var pauses: [Duration] = []
        for _ in 0..<4 {
            #expect(queue.next(now: now) == .run("a", waited: .zero))
            pauses.append(queue.fail("a", now: now))
            now += pauses.last ?? .zero
        }
        #expect(pauses == [.seconds(1), .seconds(2), .seconds(4), .seconds(4)])
        #expect(queue.failureCount(of: "a") == 4 && queue.statistics.retries == 4)
        // Another key has its own count.
        queue.add("b", due: now, now: now)
        #expect(queue.next(now: now) == .run("a", waited: .zero))
        #expect(queue.next(now: now) == .run("b", waited: .zero))
        #expect(queue.fail("b", now: now) == .seconds(1))
        queue.finish("a", now: now)
        #expect(queue.failureCount(of: "a") == 0)
        queue.forget("b")
        #expect(queue.failureCount(of: "b") == 0)
    }

    @Test func aFailedKeyRunsAtOnceWhenItChanged() {
        var queue = KeyQueue<String>()
        queue.add("a", due: .zero, now: .zero)
        _ = queue.next(now: .zero)
        queue.add("a", due: .zero, now: .zero)
        queue.fail("a", notBefore: .seconds(30), now: .zero)
        #expect(queue.next(now: .zero) == .run("a", waited: .zero))
        queue.fail("a", notBefore: .seconds(30), now: .zero)
        #expect(queue.next(now: .zero) == .wait(until: .seconds(30)))
        queue.add("a", due: .seconds(1), now: .seconds(1))
        #expect(queue.next(now: .seconds(1)) == .run("a", waited: .zero))
    }

    @Test func endingAKeyThatDoesNotRunChangesNothing() {
        var queue = KeyQueue<String>()
        queue.finish("a", requeue: .zero, now: .zero)
        #expect(queue.isEmpty && queue.runningCount == 0)
        queue.add("a", due: .zero, now: .zero)
        queue.finish("a", now: .zero)
        #expect(queue.next(now: .zero) == .run("a", waited: .zero))
    }

    @Test func overtakenTimersDoNotPileUp() {
        var queue = KeyQueue<Int>()
        for round in 0..<1000 {
            for key in 0..<10 { queue.add(key, due: .seconds(5000 - round), now: .zero) }
        }
        #expect(queue.delayedCount == 10)
        #expect(queue.timerCount < 200)
        for key in 0..<10 { #expect(queue.next(now: .seconds(9000)) == .run(key, waited: .seconds(4999 - 0))) }
        #expect(queue.next(now: .seconds(9000)) == .idle)
    }

    /// Random operations against the rules, stated naively.
    @Test(arguments: 0..<20)
    func keepsTheRulesUnderRandomOperations(seed: UInt64) {
        var random = SplitMix(state: seed)
        var queue = KeyQueue<Int>(backoff: Backoff.Policy(base: .seconds(1), cap: .seconds(8), jitter: 0))
        var now = Duration.zero
        // When each key should run next; and for running keys, what was asked meanwhile.
        var due: [Int: Duration] = [:]
        var running: [Int: Duration?] = [:]
        for _ in 0..<2000 {
            let key = Int.random(in: 0..<12, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0, 1:
                let at = now + .seconds(Int.random(in: 0...5, using: &random))
                queue.add(key, due: at, now: now)
                if let again = running[key] {
                    running[key] = .some(again.map { min($0, at) } ?? at)
                } else {
                    due[key] = min(due[key] ?? at, at)
                }
            case 2:
                now += .seconds(Int.random(in: 0...3, using: &random))
            case 3 where running[key] != nil:
                let requeue = Bool.random(using: &random) ? now + .seconds(2) : nil
                queue.finish(key, requeue: requeue, now: now)
                due[key] = [requeue, running.removeValue(forKey: key) ?? nil].compactMap { $0 }.min()
            default:
                switch queue.next(now: now) {
                case .run(let key, _):
                    #expect(running[key] == nil, "no key runs twice at once")
                    #expect((due.removeValue(forKey: key) ?? .seconds(1_000_000)) <= now, "no key runs early")
                    running[key] = .some(nil)
                case .wait(let until):
                    #expect(until == due.values.min(), "the wait ends with the first key")
                case .idle:
                    #expect(due.isEmpty, "no key is forgotten")
                }
            }
            #expect(queue.runningCount == running.count)
            #expect(queue.readyCount + queue.delayedCount == due.count)
        }
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
