import FuzzTesting

/// `--target configuration`: mutated configurations of the target allocator.
enum ConfigurationRun {
    private static let folder = "PrometheusConfigTests/Fixtures"

    static func run(_ options: ReviewFuzz) throws {
        let texts = try ["accepted.yaml", "refused.yaml"].map { name in
            String(decoding: try FuzzCorpus.read("\(options.tests)/\(Self.folder)/\(name)"), as: UTF8.self)
        }
        let fuzz = try ConfigurationFuzz(cases: texts)
        var (jobs, problems) = (0, 0)
        let loop = InputLoop(options: options, name: "configuration", fileType: "yaml", plural: "configurations")
        try loop.run(fuzz.input(seed:number:)) { input in
            let verdict = ConfigurationFuzz.judge(input)
            jobs += verdict.jobs
            problems += verdict.problems
            return verdict.wrong
        } counts: {
            "\(jobs) jobs taken, \(problems) refused"
        }
    }
}
