import KubeClient
import KubeTesting
import Synchronization
import Testing

@testable import KubeRuntime

@Suite(.timeLimit(.minutes(1))) struct SignalTests {
    @Test func remembersOneRaise() async throws {
        let signal = Signal()
        signal.raise()
        signal.raise()
        try await signal.wait()
        let clock = ManualClock()
        let time = TimeSource(clock)
        async let second: Void = signal.wait(until: .seconds(1), on: time)
        await clock.waitUntilSleeping()
        clock.advance(by: .seconds(1))
        try await second
    }

    @Test func wakesTheOneThatWaits() async throws {
        let signal = Signal()
        let clock = ManualClock()
        async let wait: Void = signal.wait(until: .seconds(1), on: TimeSource(clock))
        await clock.waitUntilSleeping()
        signal.raise()
        try await wait
        #expect(clock.sleeperCount == 0, "the timer ends, too")
    }

    @Test func cancellationEndsTheWait() async {
        let task = Task { try await Signal().wait() }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let latch = Latch()
        let other = Task { try await latch.wait() }
        other.cancel()
        await #expect(throws: CancellationError.self) { try await other.value }
    }

    @Test func aLatchLetsEverybodyThrough() async throws {
        let latch = Latch()
        try await withThrowingDiscardingTaskGroup { group in
            for _ in 0..<10 { group.addTask { try await latch.wait() } }
            latch.open()
        }
        try await latch.wait()
        #expect(latch.isOpen)
    }

    @Test func deadlinesCancelAndReport() async throws {
        let clock = ManualClock()
        let time = TimeSource(clock)
        async let late = time.withDeadline(.seconds(5)) { try await Latch().wait() }
        await clock.waitUntilSleeping()
        clock.advance(by: .seconds(5))
        let answer: Void? = try await late
        #expect(answer == nil)
        let early = try await time.withDeadline(.seconds(50)) { 7 }
        #expect(early == 7)
    }
}

@Suite(.timeLimit(.minutes(1))) struct WorkQueueTests {
    @Test func tellsHowLongWorkIsUnderWay() async {
        let clock = ManualClock()
        let queue = WorkQueue<Int>(name: "test", clock: clock)
        #expect(queue.workUnderWay == (.zero, .zero))
        let (started, release) = (Recorder<Int>(), Latch())
        queue.add(1)
        async let run: Void = queue.run(parallelism: 2) { key in
            started.add(key)
            try? await release.wait()
            return .done()
        }
        await started.wait(count: 1)
        clock.advance(by: .seconds(3))
        queue.add(2)
        await started.wait(count: 2)
        clock.advance(by: .seconds(2))
        #expect(queue.workUnderWay == (.seconds(7), .seconds(5)))
        release.open()
        queue.stop()
        await run
        #expect(queue.workUnderWay == (.zero, .zero))
    }

    @Test func runsWhatWasAddedBeforeAndAfterTheStart() async {
        let queue = WorkQueue<Int>(name: "test", clock: ManualClock())
        let done = Recorder<Int>()
        queue.add([1, 2, 2, 1])
        async let run: Void = queue.run(parallelism: 1) { key in
            done.add(key)
            return .done()
        }
        await done.wait(count: 2)
        queue.add(3)
        await done.wait(count: 3)
        queue.stop()
        await run
        #expect(done.values == [1, 2, 3])
        #expect(queue.isEmpty)
    }

    @Test func neverMoreAtOnceThanAllowed() async {
        let queue = WorkQueue<Int>(name: "test", clock: ManualClock())
        let active = Mutex((now: 0, most: 0))
        let done = Recorder<Int>()
        queue.add(0..<100)
        async let run: Void = queue.run(parallelism: 4) { key in
            active.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
            for _ in 0..<5 { await Task.yield() }
            active.withLock { $0.now -= 1 }
            done.add(key)
            return .done()
        }
        await done.wait(count: 100)
        queue.stop()
        await run
        #expect(active.withLock { $0.most } == 4)
        #expect(done.values.sorted() == Array(0..<100))
    }

    @Test func aKeyDoesNotRunTwiceAtOnce() async {
        let queue = WorkQueue<String>(name: "test", clock: ManualClock())
        let (started, goOn) = (Recorder<Int>(), KubeTesting.Gate())
        let runs = Mutex(0)
        queue.add("a")
        async let run: Void = queue.run(parallelism: 4) { _ in
            let number = runs.withLock { runs in
                runs += 1
                return runs
            }
            started.add(number)
            if number == 1 { await goOn.wait() }
            return .done()
        }
        await started.wait(count: 1)
        for _ in 0..<10 { queue.add("a") }
        queue.add("b")
        await started.wait(count: 2)
        #expect(queue.depth == (0, 0, 1) || queue.depth == (0, 0, 2))
        goOn.open()
        await started.wait(count: 3)
        queue.stop()
        await run
        #expect(runs.withLock { $0 } == 3, "a, b, and a once more")
    }

    @Test func retriesWithGrowingPauses() async {
        let clock = ManualClock()
        let queue = WorkQueue<String>(
            name: "test",
            backoff: Backoff.Policy(base: .seconds(1), cap: .seconds(60), jitter: 0),
            clock: clock
        )
        let done = Recorder<ManualClock.Instant>()
        queue.add("a")
        async let run: Void = queue.run(parallelism: 1) { _ in
            done.add(clock.now)
            return done.values.count < 4 ? .retry(notBefore: .seconds(3)) : .giveUp
        }
        for pause in [3, 3, 4] {
            await clock.waitUntilSleeping()
            clock.advance(by: .milliseconds(pause * 1000 - 1))
            #expect(clock.sleeperCount == 1)
            clock.advance(by: .milliseconds(1))
            // The sleeper of the next round, or after the last one none.
            if pause != 4 { await clock.waitUntilSleeping() }
        }
        await done.wait(count: 4)
        queue.stop()
        await run
        #expect(done.values.map(\.offset.seconds) == [0, 3, 6, 10])
        #expect(queue.statistics.retries == 3 && queue.isEmpty)
    }

    @Test func anEarlierTimeWakesTheDriver() async {
        let clock = ManualClock()
        let queue = WorkQueue<String>(name: "test", clock: clock)
        let done = Recorder<String>()
        queue.add("later", after: .seconds(100))
        async let run: Void = queue.run(parallelism: 1) { key in
            done.add(key)
            return .done()
        }
        await clock.waitUntilSleeping()
        queue.add("later", after: .zero)
        await done.wait(count: 1)
        queue.stop()
        await run
        #expect(clock.now.offset == .zero)
    }

    @Test func stoppingWaitsForTheCurrentKeysAndKeepsTheRest() async {
        let queue = WorkQueue<Int>(name: "test", clock: ManualClock())
        let (started, goOn, ended) = (Recorder<Int>(), KubeTesting.Gate(), Recorder<Int>())
        queue.add([1, 2, 3])
        async let run: Void = queue.run(parallelism: 1) { key in
            started.add(key)
            await goOn.wait()
            ended.add(key)
            return .done()
        }
        await started.wait(count: 1)
        queue.stop()
        goOn.open()
        await run
        #expect(ended.values == [1])
        #expect(queue.depth == (2, 0, 0))
        // And it can be run again.
        async let again: Void = queue.run(parallelism: 1) { key in
            ended.add(key)
            return .done()
        }
        await ended.wait(count: 3)
        queue.stop()
        await again
        #expect(ended.values == [1, 2, 3])
    }

    @Test func cancellationReachesTheWork() async {
        let queue = WorkQueue<Int>(name: "test", clock: ManualClock())
        let started = Recorder<Int>()
        queue.add(1)
        let run = Task {
            await queue.run(parallelism: 1) { key in
                started.add(key)
                // Ends only when cancelled.
                try? await Latch().wait()
                return .retry()
            }
        }
        await started.wait(count: 1)
        run.cancel()
        await run.value
        #expect(queue.depth == (0, 1, 0), "it will be tried again")
    }
}
