import JSONTree
import KubeTesting
import Synchronization
import Testing

/// The test helpers themselves.
struct KubeTestingTests {
    @Test func aClockThatStandsStill() async throws {
        let clock = ManualClock()
        let woken = [Gate(), Gate(), Gate()]
        let tasks = zip([30, 10, 20], woken).map { seconds, gate in
            Task {
                try await clock.sleep(for: .seconds(seconds))
                gate.open()
            }
        }
        await clock.waitUntilSleeping(count: 3)
        #expect(clock.nextDeadline?.offset == .seconds(10))
        clock.advance(by: .seconds(9))
        #expect(clock.sleeperCount == 3)
        clock.advance(by: .seconds(1))
        try await tasks[1].value
        #expect(woken.map(\.isOpen) == [false, true, false])
        clock.advance(by: .seconds(60))
        for task in tasks { try await task.value }
        #expect(clock.now.offset == .seconds(70))
        // What is past needs no sleep.
        try await clock.sleep(until: .init(offset: .seconds(5)))
    }

    @Test func sleepersCanBeCancelled() async throws {
        let clock = ManualClock()
        let task = Task { try await clock.sleep(for: .seconds(1)) }
        await clock.waitUntilSleeping()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(clock.sleeperCount == 0)
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await clock.sleep(for: .seconds(1))
        }
        await #expect(throws: CancellationError.self) { try await late.value }
    }

    @Test func fixturesLieBesideTheTest() {
        #expect(Fixtures("case", filePath: "/a/b/SomeTests.swift").folder == "/a/b/Fixtures/case")
        #expect(Fixtures(filePath: "/a/b/SomeTests.swift").path("x.yaml") == "/a/b/Fixtures/x.yaml")
    }

    @Test func differences() throws {
        func difference(_ actual: String, _ expected: String) throws -> String? {
            Fixtures.difference(between: [try JSONValue(parsing: actual)], and: [try JSONValue(parsing: expected)])
        }
        #expect(try difference(#"{"a":1,"b":[1,2]}"#, #"{"b":[1,2],"a":1}"#) == nil)
        #expect(try difference(#"{"a":{"b":[1,2]}}"#, #"{"a":{"b":[1,3]}}"#) == "document 1.a.b[1]: expected 3, got 2")
        #expect(try difference(#"{"a":1}"#, #"{"a":1,"b":null}"#) == "document 1.b: expected null, got nothing")
        #expect(try difference(#"{"a":1,"c":"x"}"#, #"{"a":1}"#) == #"document 1.c: expected nothing, got "x""#)
        #expect(Fixtures.difference(between: [], and: [1]) == "document 1: expected 1, got nothing")
    }

    @Test func goldenFiles() async throws {
        try await withFolder { folder in
            let fixtures = Fixtures("case", filePath: "\(folder)/Tests.swift")
            try TestFile.write(Array("a: 1\nb: 2\n".utf8), to: fixtures.path("expected.yaml"))
            #expect(try fixtures.difference(of: "a: 1\nb: 2\n", from: "expected.yaml") == nil)
            #expect(
                try fixtures.difference(of: "a: 1\nb: 3\n", from: "expected.yaml")
                    == "expected.yaml, line 2: expected 'b: 2', got 'b: 3'"
            )
            #expect(try fixtures.difference(ofYAML: "{b: 2, a: 1}", from: "expected.yaml") == nil)
            #expect(
                try fixtures.difference(ofYAML: "{b: 2, a: 2}", from: "expected.yaml")
                    == "expected.yaml: document 1.a: expected 1, got 2"
            )
            #expect(try fixtures.names() == ["expected.yaml"])
            #expect(throws: TestFile.Failure.self) { try fixtures.text("missing") }
        }
    }

    @Test func gates() async {
        let gate = Gate()
        let opened = Mutex(0)
        gate.whenOpen { opened.withLock { $0 += 1 } }
        #expect(!gate.isOpen)
        gate.open()
        gate.whenOpen { opened.withLock { $0 += 1 } }
        await gate.wait()
        #expect(opened.withLock { $0 } == 2)
    }
}
