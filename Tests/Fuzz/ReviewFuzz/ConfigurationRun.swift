import ArgumentParser
import FuzzTesting
import Glibc

/// `--target configuration`: mutated configurations of the target allocator.
enum ConfigurationRun {
    private static let folder = "PrometheusConfigTests/Fixtures"
    private static let slowest = 2.0
    private static let failureLimit = 20

    static func run(_ options: ReviewFuzz) throws {
        let current = try options.current.map { try CurrentInput($0) }
        let texts = try ["accepted.yaml", "refused.yaml"].map { name in
            String(decoding: try FuzzCorpus.read("\(options.tests)/\(Self.folder)/\(name)"), as: UTF8.self)
        }
        let fuzz = try ConfigurationFuzz(cases: texts)
        let started = ReviewFuzz.now(CLOCK_MONOTONIC)
        var (inputs, jobs, problems, failed) = (0, 0, 0, 0)
        var longest = 0.0
        for number in options.first..<options.first + options.count {
            if options.seconds > 0, ReviewFuzz.now(CLOCK_MONOTONIC) - started > Double(options.seconds) { break }
            let input = fuzz.input(seed: options.seed, number: number)
            current?.hold(input)
            let before = ReviewFuzz.now(CLOCK_THREAD_CPUTIME_ID)
            var verdict = ConfigurationFuzz.judge(input)
            let time = ReviewFuzz.now(CLOCK_THREAD_CPUTIME_ID) - before
            longest = max(longest, time)
            if verdict.wrong == nil, time > Self.slowest { verdict.wrong = "it took \(time) s" }
            inputs += 1
            jobs += verdict.jobs
            problems += verdict.problems
            guard let wrong = verdict.wrong else { continue }
            failed += 1
            let path = "\(options.failures)/configuration-\(options.seed)-\(number).yaml"
            try ReviewFuzz.write(input, to: path)
            print("FAILED \(path): \(wrong)")
            if failed >= Self.failureLimit { break }
        }
        let time = ReviewFuzz.now(CLOCK_MONOTONIC) - started
        print(
            "\(inputs) configurations, \(failed) failed; \(Int(Double(inputs) / max(time, 0.001))) a second: "
                + "\(jobs) jobs taken, \(problems) refused; slowest \(Int(longest * 1000)) ms"
        )
        if failed > 0 || inputs == 0 { throw ExitCode.failure }
    }
}
