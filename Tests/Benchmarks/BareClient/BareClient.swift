// The yardstick of `hack/bench converge`: the same writes as the operator's, by the same client, without an operator.

import ArgumentParser
import JSONTree
import KubeClient
import KubeModel
import Logging
import Synchronization

/// Writes numbered copies of objects, several sets at a time, the objects of a set one after the other.
@main
struct BareClient: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "BareClient",
        abstract: "Writes numbered copies of objects to an API server.",
        discussion: """
            Each --step is create:FILE, apply:FILE or status:FILE; FILE holds YAML or JSON objects. In copy 7 the text
            NAME of all objects reads bench-00007 where it was bench-00000, and the all-zero UID is that of the copy's
            first object, so that owner references are real. Prints one JSON line.
            """
    )

    @Option(help: "Kubeconfig file.") var kubeconfig: String
    @Option(help: "What to do with which objects, in this order.") var step: [String]
    @Option(help: "Copies.") var count: Int
    @Option(help: "Number of the first copy.") var first = 0
    @Option(help: "Copies that are written at the same time.") var parallel = 16
    @Option(help: "The text that is numbered; ends in five zeros.") var name = "bench-00000"

    func run() async throws {
        var configuration = try await ClientConfiguration.load(kubeconfig: self.kubeconfig)
        configuration.userAgent = "bare-client"
        let client = try KubeClient(configuration: configuration, logger: Logger(label: "bare-client"))
        do {
            try await self.write(client)
        } catch {
            await client.shutdown()
            throw error
        }
        await client.shutdown()
    }

    private func write(_ client: KubeClient) async throws {
        guard self.name.hasSuffix("00000") else { throw ValidationError("--name must end in 00000") }
        var writes: [Write] = []
        for step in self.step { writes += try await Write.read(step, name: self.name, client: client) }
        let end = self.first + self.count
        let tally = Tally(first: self.first)
        let template = writes
        let clock = ContinuousClock()
        let start = clock.now
        await withDiscardingTaskGroup { group in
            for _ in 0..<self.parallel {
                group.addTask {
                    while true {
                        let number = tally.next()
                        guard number < end else { return }
                        await Self.set(number, template, client, tally)
                    }
                }
            }
        }
        let seconds = (clock.now - start) / .seconds(1)
        let result: JSONObject = [
            "writes": .int(tally.writes), "failures": .int(tally.failures),
            "error": .string(tally.firstError), "milliseconds": .int(Int(seconds * 1000)),
        ]
        print(JSONValue.object(result).text())
    }

    /// One copy. What fails is counted, and the copy's remaining objects are left out.
    private static func set(_ number: Int, _ writes: [Write], _ client: KubeClient, _ tally: Tally) async {
        var owner = ""
        for write in writes {
            do {
                let answer = try await write.send(number, owner, client)
                tally.wrote()
                if owner.isEmpty { owner = answer.metadata.uid ?? "" }
            } catch {
                return tally.failed("\(error)")
            }
        }
    }
}

/// What happened so far, and which copy is next.
private final class Tally: Sendable {
    private let number: Atomic<Int>
    private let state = Mutex((writes: 0, failures: 0, firstError: ""))

    init(first: Int) { self.number = Atomic(first) }

    func next() -> Int { self.number.add(1, ordering: .relaxed).oldValue }

    var writes: Int { self.state.withLock { $0.writes } }
    var failures: Int { self.state.withLock { $0.failures } }
    var firstError: String { self.state.withLock { $0.firstError } }

    func wrote() { self.state.withLock { $0.writes += 1 } }

    func failed(_ error: String) {
        self.state.withLock { state in
            if state.failures == 0 { state.firstError = error }
            state.failures += 1
        }
    }
}
