import PrometheusModel
import Testing

struct DurationTests {
    @Test(
        arguments: [
            ("0", 0, "0s"), ("0s", 0, "0s"), ("30s", 30_000, "30s"), ("1m30s", 90_000, "1m30s"),
            ("90s", 90_000, "1m30s"),
            ("1d2h30m", 95_400_000, "1d2h30m"), ("7d", 604_800_000, "1w"), ("8d", 691_200_000, "8d"),
            ("1500ms", 1500, "1s500ms"),
            ("1y", 31_536_000_000, "1y"), ("1y1d", 31_622_400_000, "366d"), ("10000000ms", 10_000_000, "2h46m40s"),
        ] as [(String, Int64, String)]
    )
    func prometheus(text: String, milliseconds: Int64, printed: String) throws {
        let duration = try PrometheusDuration(text)
        #expect(duration.milliseconds == milliseconds)
        #expect("\(duration)" == printed)
    }

    @Test(arguments: [
        "", "1", "s", "1x", "-1s", "1.5s", "1s1m", "1s1s", "1 s", "294y", "99999999999999999999s", "1µs", "1S",
    ])
    func noPrometheusDuration(text: String) {
        #expect(throws: DurationError.self) { try PrometheusDuration(text) }
    }

    @Test(
        arguments: [
            ("0", 0, "0s"), ("30s", 30_000_000_000, "30s"), ("1m30s", 90_000_000_000, "1m30s"),
            ("1.5h", 5_400_000_000_000, "1h30m0s"),
            ("-2ms", -2_000_000, "-2ms"), ("1us", 1000, "1µs"), ("1.05s", 1_050_000_000, "1.05s"),
            (".5s", 500_000_000, "500ms"),
            ("1s1m", 61_000_000_000, "1m1s"), ("-9223372036854775808ns", .min, "-2562047h47m16.854775808s"),
            ("+3ns", 3, "3ns"),
        ] as [(String, Int64, String)]
    )
    func go(text: String, nanoseconds: Int64, printed: String) throws {
        let duration = try GoDuration(text)
        #expect(duration.nanoseconds == nanoseconds)
        #expect("\(duration)" == printed)
    }

    @Test(arguments: ["", "1", "1d", "s", ".s", "-", "9223372036854775808ns", "3000000h", "1 s", "٣s"])
    func noGoDuration(text: String) {
        #expect(throws: DurationError.self) { try GoDuration(text) }
    }

    @Test(arguments: [
        ("a", true, true), ("_a1", true, true), ("1a", true, false), ("a-b", true, false), ("é", true, false),
        ("", false, false),
    ])
    func labelNames(name: String, utf8: Bool, legacy: Bool) {
        #expect(LabelName.isValid(name) == utf8)
        #expect(LabelName.isValid(name, scheme: .legacy) == legacy)
    }
}
