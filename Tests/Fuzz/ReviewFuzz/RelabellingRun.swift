import FuzzTesting

/// `--target relabelling`: hostile relabel rules on hostile labels.
enum RelabellingRun {
    static func run(_ options: ReviewFuzz) throws {
        let fuzz = RelabellingFuzz()
        var total = RelabellingFuzz.Verdict()
        let loop = InputLoop(options: options, name: "relabelling", fileType: "json", plural: "sets of rules")
        try loop.run(fuzz.input(seed:number:)) { input in
            let verdict = RelabellingFuzz.judge(input)
            total.rules += verdict.rules
            total.refused += verdict.refused
            total.kept += verdict.kept
            total.dropped += verdict.dropped
            return verdict.wrong
        } counts: {
            "\(total.rules) rules taken, \(total.refused) refused; \(total.kept) targets kept, \(total.dropped) dropped"
        }
    }
}
