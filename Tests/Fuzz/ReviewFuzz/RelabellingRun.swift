import ArgumentParser
import FuzzTesting
import Glibc

/// `--target relabelling`: hostile relabel rules on hostile labels.
enum RelabellingRun {
    private static let slowest = 2.0
    private static let failureLimit = 20

    static func run(_ options: ReviewFuzz) throws {
        let current = try options.current.map { try CurrentInput($0) }
        let fuzz = RelabellingFuzz()
        let started = ReviewFuzz.now(CLOCK_MONOTONIC)
        var (inputs, failed) = (0, 0)
        var total = RelabellingFuzz.Verdict()
        var longest = 0.0
        for number in options.first..<options.first + options.count {
            if options.seconds > 0, ReviewFuzz.now(CLOCK_MONOTONIC) - started > Double(options.seconds) { break }
            let input = fuzz.input(seed: options.seed, number: number)
            current?.hold(input)
            let before = ReviewFuzz.now(CLOCK_THREAD_CPUTIME_ID)
            var verdict = RelabellingFuzz.judge(input)
            let time = ReviewFuzz.now(CLOCK_THREAD_CPUTIME_ID) - before
            longest = max(longest, time)
            if verdict.wrong == nil, time > Self.slowest { verdict.wrong = "it took \(time) s" }
            inputs += 1
            total.rules += verdict.rules
            total.refused += verdict.refused
            total.kept += verdict.kept
            total.dropped += verdict.dropped
            guard let wrong = verdict.wrong else { continue }
            failed += 1
            let path = "\(options.failures)/relabelling-\(options.seed)-\(number).json"
            try ReviewFuzz.write(input, to: path)
            print("FAILED \(path): \(wrong.prefix(2000))")
            if failed >= Self.failureLimit { break }
        }
        let time = ReviewFuzz.now(CLOCK_MONOTONIC) - started
        print(
            "\(inputs) sets of rules, \(failed) failed; \(Int(Double(inputs) / max(time, 0.001))) a second: "
                + "\(total.rules) rules taken, \(total.refused) refused; \(total.kept) targets kept, "
                + "\(total.dropped) dropped; slowest \(Int(longest * 1000)) ms"
        )
        if failed > 0 || inputs == 0 { throw ExitCode.failure }
    }
}
