import ArgumentParser
import FuzzTesting
import Glibc

/// What all targets but the reviews have in common: inputs one after the other, each held before it is judged, timed, and
/// written where the verdict is that something is wrong.
struct InputLoop {
    private static let slowest = 2.0
    private static let failureLimit = 20

    let options: ReviewFuzz
    /// Begins the names of files.
    let name: String
    let fileType: String
    /// What the inputs are, for the line of counts.
    let plural: String

    /// - Parameters:
    ///   - judge: what is wrong; nil when nothing is.
    ///   - counts: what was counted beside, for the end of the line.
    func run(
        _ input: (_ seed: UInt64, _ number: UInt64) -> [UInt8],
        judge: ([UInt8]) -> String?,
        counts: () -> String
    ) throws {
        let options = self.options
        let current = try options.current.map { try CurrentInput($0) }
        let started = ReviewFuzz.now(CLOCK_MONOTONIC)
        var (inputs, failed) = (0, 0)
        var longest = 0.0
        for number in options.first..<options.first + options.count {
            if options.seconds > 0, ReviewFuzz.now(CLOCK_MONOTONIC) - started > Double(options.seconds) { break }
            let bytes = input(options.seed, number)
            current?.hold(bytes)
            let before = ReviewFuzz.now(CLOCK_THREAD_CPUTIME_ID)
            var wrong = judge(bytes)
            let time = ReviewFuzz.now(CLOCK_THREAD_CPUTIME_ID) - before
            longest = max(longest, time)
            if wrong == nil, time > Self.slowest { wrong = "it took \(time) s" }
            inputs += 1
            guard let wrong else { continue }
            failed += 1
            let path = "\(options.failures)/\(self.name)-\(options.seed)-\(number).\(self.fileType)"
            try ReviewFuzz.write(bytes, to: path)
            print("FAILED \(path): \(wrong.prefix(2000))")
            if failed >= Self.failureLimit { break }
        }
        let time = ReviewFuzz.now(CLOCK_MONOTONIC) - started
        print(
            "\(inputs) \(self.plural), \(failed) failed; \(Int(Double(inputs) / max(time, 0.001))) a second: "
                + "\(counts()); slowest \(Int(longest * 1000)) ms"
        )
        if failed > 0 || inputs == 0 { throw ExitCode.failure }
    }
}
