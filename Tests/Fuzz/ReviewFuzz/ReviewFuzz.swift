// What `hack/fuzz` runs, one process a job.

import ArgumentParser
import FuzzTesting
import Glibc
import JSONTree

/// Answers mutated reviews, one after the other, and checks the answers.
@main
struct ReviewFuzz: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ReviewFuzz",
        abstract: "Mutated reviews through the code of the webhooks.",
        discussion: """
            The input at hand lies in the file --current, which is mapped: eight bytes with its length, then what
            --replay takes. So it is still there after a crash. Inputs with a wrong answer are written to --failures.
            The last line is a JSON object with what was counted.
            """
    )

    @Option(help: "The folder of all tests, whose golden files are the corpus.") var tests = "Tests"
    @Option(help: "reviews; of the target allocator configuration or relabelling.") var target = "reviews"
    @Option(help: "What the inputs follow from.") var seed: UInt64 = 1
    @Option(help: "The number of the first input.") var first: UInt64 = 0
    @Option(help: "How many inputs.") var count: UInt64 = 100_000
    @Option(help: "Ends after so many seconds; 0 is never.") var seconds = 0
    @Option(help: "The file that holds the input at hand.") var current: String?
    @Option(help: "The folder for inputs with a wrong answer.") var failures = "."
    @Option(help: "One input as a file, instead of random ones.") var replay: String?

    /// How much memory may be kept more after the last input than after the hundred thousandth, in KiB: the allocator does
    /// not give back what a rare body of megabytes took.
    private static let growthLimit = 16 << 10
    private static let settled: UInt64 = 100_000
    /// An answer takes less than a millisecond; a body of eight megabytes some hundred times that.
    private static let slowest = 2.0
    /// So many failures are told; more would be the same again.
    private static let failureLimit = 20

    func run() throws {
        let work = try self.replay.map(self.replayed) ?? self.random()
        // As large as the smallest stack that a webhook may run on.
        try Self.onThread(stackSize: 512 << 10, work)
    }

    private func replayed(_ path: String) throws -> @Sendable () throws -> Void {
        guard let input = FuzzInput(try FuzzCorpus.read(path)) else { throw ValidationError("\(path) is no input") }
        let corpus = try FuzzCorpus(tests: self.tests)
        return {
            var judge = ReviewJudge(corpus)
            if let wrong = judge.judge(input, thoroughly: true) {
                print(wrong)
                throw ExitCode.failure
            }
            print("nothing is wrong with the answer")
        }
    }

    private func random() throws -> @Sendable () throws -> Void {
        if self.target == "configuration" { return { try ConfigurationRun.run(self) } }
        if self.target == "relabelling" { return { try RelabellingRun.run(self) } }
        let corpus = try FuzzCorpus(tests: self.tests)
        let current = try self.current.map { try CurrentInput($0) }
        return { try self.run(corpus, current) }
    }

    private func run(_ corpus: FuzzCorpus, _ current: CurrentInput?) throws {
        var judge = ReviewJudge(corpus)
        var failed = 0
        var longest = 0.0
        var settledMemory = 0
        var number = self.first
        let end = self.first + self.count
        let started = Self.now(CLOCK_MONOTONIC)
        while number < end {
            let input = corpus.input(number, seed: self.seed)
            current?.hold(input.bytes)
            let before = Self.now(CLOCK_THREAD_CPUTIME_ID)
            // Applying a patch and asking again cost more than the answer.
            var wrong = judge.judge(input, thoroughly: number.isMultiple(of: 6))
            let time = Self.now(CLOCK_THREAD_CPUTIME_ID) - before
            longest = max(longest, time)
            if wrong == nil, time > Self.slowest { wrong = "it took \(time) s" }
            if let wrong {
                failed += 1
                let path = "\(self.failures)/\(input.target)-\(self.seed)-\(number)"
                try Self.write(input.bytes, to: path)
                print(JSONValue.object(["wrong": .string(wrong), "file": .string(path)]).text())
                // The next input may end the process.
                fflush(nil)
                if failed >= Self.failureLimit { break }
            }
            number += 1
            if number - self.first == Self.settled { settledMemory = Self.residentMemory() }
            if self.seconds > 0, number.isMultiple(of: 1024),
                Self.now(CLOCK_MONOTONIC) - started > Double(self.seconds)
            {
                break
            }
        }
        let memory = Self.residentMemory()
        let grew = settledMemory > 0 && memory > settledMemory + Self.growthLimit
        if grew { failed += 1 }
        let counts = judge.counts
        let report: JSONObject = [
            "reviews": .int(Int(number - self.first)), "failed": .int(failed), "patched": .int(counts.patched),
            "unchanged": .int(counts.unchanged), "refused": .int(counts.refused),
            "unreadable": .int(counts.unreadable), "resources": .int(counts.resources),
            "applied": .int(counts.applied), "largest": .int(counts.largest),
            "slowest_us": .int(Int(longest * 1e6)), "settled_kib": .int(settledMemory), "memory_kib": .int(memory),
            "grew": .bool(grew), "seconds": .number(JSONNumber(Self.now(CLOCK_MONOTONIC) - started)),
        ]
        print(JSONValue.object(report).text())
        if failed > 0 { throw ExitCode.failure }
    }

    // MARK: The process

    private static func onThread(stackSize: Int, _ body: @escaping @Sendable () throws -> Void) throws {
        final class Box {
            let body: @Sendable () throws -> Void
            var error: (any Error)?
            init(_ body: @escaping @Sendable () throws -> Void) { self.body = body }
        }
        let box = Box(body)
        // Not by its initializer: which C module has that depends on what else is imported.
        let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
        defer { attributes.deallocate() }
        pthread_attr_init(attributes)
        pthread_attr_setstacksize(attributes, stackSize)
        var thread = pthread_t()
        let context = Unmanaged.passUnretained(box).toOpaque()
        let code = pthread_create(
            &thread,
            attributes,
            { context in
                guard let context else { return nil }
                let box = Unmanaged<Box>.fromOpaque(context).takeUnretainedValue()
                do { try box.body() } catch { box.error = error }
                return nil
            },
            context
        )
        guard code == 0 else { throw ValidationError("no thread: \(code)") }
        pthread_join(thread, nil)
        if let error = box.error { throw error }
    }

    static func now(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// In KiB, without what is mapped from files.
    private static func residentMemory() -> Int {
        guard let bytes = try? FuzzCorpus.read("/proc/self/status") else { return 0 }
        let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
        return line.flatMap { $0.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first }
            .flatMap { Int($0) } ?? 0
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        guard let file = fopen(path, "w") else { throw ValidationError("cannot write \(path)") }
        defer { fclose(file) }
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw ValidationError("cannot write \(path)") }
    }
}

/// A file that holds the last input whatever becomes of the process, for the price of a copy in memory.
struct CurrentInput: @unchecked Sendable {
    // Written by one thread only.
    private let memory: UnsafeMutableRawPointer
    private static let size = 16 << 20

    init(_ path: String) throws {
        let file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o644)
        guard file >= 0, ftruncate(file, Self.size) == 0 else { throw ValidationError("cannot write \(path)") }
        let mapped = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        close(file)
        guard let mapped, mapped != MAP_FAILED else { throw ValidationError("cannot map \(path)") }
        self.memory = mapped
    }

    func hold(_ bytes: [UInt8]) {
        let count = min(bytes.count, Self.size - 8)
        self.memory.storeBytes(of: UInt64(count).littleEndian, as: UInt64.self)
        bytes.withUnsafeBytes { source in
            guard let base = source.baseAddress else { return }
            (self.memory + 8).copyMemory(from: base, byteCount: count)
        }
    }
}
