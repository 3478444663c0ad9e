import Testing

@testable import CollectorConfig

/// Texts in Go's notation. The numbers were printed by Go itself.
struct GoFormatTests {
    @Test(arguments: [
        (1e-7, "1e-7", "1e-07"), (1.5e-7, "1.5e-7", "1.5e-07"), (1e-6, "0.000001", "1e-06"), (1e21, "1e+21", "1e+21"),
        (1e20, "100000000000000000000", "1e+20"),
        (123_456_789_012_345_680, "123456789012345680", "1.2345678901234568e+17"),
        (1.5, "1.5", "1.5"), (1e6, "1000000", "1e+06"), (1_234_567, "1234567", "1.234567e+06"),
        (0.00001, "0.00001", "1e-05"),
        (0.0001, "0.0001", "0.0001"), (100_000, "100000", "100000"), (999_999, "999999", "999999"),
        (2.5e-10, "2.5e-10", "2.5e-10"), (1e100, "1e+100", "1e+100"), (-0.5, "-0.5", "-0.5"),
        (.leastNonzeroMagnitude, "5e-324", "5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308", "1.7976931348623157e+308"),
        (123_456.7, "123456.7", "123456.7"),
        (1_234_567.5, "1234567.5", "1.2345675e+06"),
        (9_007_199_254_740_992, "9007199254740992", "9.007199254740992e+15"),
        (0, "0", "0"), (-3, "-3", "-3"), (10, "10", "10"), (8888, "8888", "8888"), (0.1, "0.1", "0.1"),
    ])
    func numbers(_ value: Double, _ json: String, _ general: String) {
        #expect(GoNumber.json(value) == json)
        #expect(GoNumber.general(value) == general)
    }

    @Test(arguments: [
        "", "null", "Null", "NULL", "~", "true", "True", "TRUE", "false", "y", "Y", "n", "yes", "Yes", "YES", "no",
        "on", "On",
        "off", "OFF", "8888", "1_000", "0755", "1.5", "1.", ".5", "1.5e3", "-1", "+1", "-1.5", "0x1F", "0x1_f", "0o17",
        "0b11", "00",
        "99999999999999999999999", "-", "*", "*.log", "&a", "[x", "{x", "}x", "]x", ",x", "!x", "|x", ">x", "%{x}",
        "'x", "\"x", "@x",
        " x", "`x", "host:", "x ", "a: b", "a- b", "a#b", "a\\b", "2024-01-02T03:04:05Z", "2024-01-02t03:04:05.5+02:00",
        "2024-01-02 03:04:05", "2024-01-02", "15:04", "1:2",
    ])
    func quoted(_ text: String) { #expect(GoYAMLScalar.inline(text) == GoYAMLScalar.quoted(text)) }

    @Test(arguments: [
        "10s", "0.0.0.0", "0.0.0.0:4317", "${POD_NAME}", "https://${env:X}:10250", "/var/log/*.log", "a", "nil", "None",
        "yES",
        "otlp/2", "a:b", "a-b", "-a", ":4317", "_1", "1.2.3", "0x", "0xg", "1e", "e5", "http://x/y?z=1&b=2",
        "(id|name)",
        "label_(.+)", "$$1", "$1", "é", "日本", "x'y", "x\"y", "x,y", "x|y", "24:00", "15:60", "2024-13-01", "2024-02-30",
        "OpenMetricsText1.0.0", "<a>", "=", "k8s.pod.name", "+", ".", "..", "---", "...",
    ])
    func plain(_ text: String) { #expect(GoYAMLScalar.inline(text) == text) }

    /// The library's rules leave these plain, and the collector then reads something else.
    @Test(arguments: [
        "1e5", "08", "1E5", "+.inf", ".nan", ".inf", "<<", "2024-1-2", "a:\tb", "x\t", "\tx", "? x", "\u{7}",
        "a\u{85}b",
        "\u{FEFF}x", "a\rb",
    ])
    func quotedForTheCollector(_ text: String) {
        #expect(!GoYAMLScalar.needsQuotes(text))
        #expect(GoYAMLScalar.inline(text) == GoYAMLScalar.quoted(text))
    }

    @Test(arguments: [
        ("a\u{7F}\u{A0}\u{200B}\u{FEFF}😀\u{1}\u{2028}\té\u{E000}", #""a\x7f\u00a0\u200b\ufeff😀\x01\u2028\té\ue000""#),
        ("\"\\\n\r\u{7}\u{8}\u{B}\u{C}", #""\"\\\n\r\a\b\v\f""#), ("\u{F0000}", #""\U000f0000""#),
    ])
    func escapes(_ text: String, _ quoted: String) { #expect(GoYAMLScalar.quoted(text) == quoted) }

    /// In `targetallocator.yaml`, which an older library writes.
    @Test(arguments: [
        ("10s", "10s"), ("0.0.0.0:4317", "0.0.0.0:4317"), ("(id|name)", "(id|name)"), ("a b", "a b"), ("$1", "$1"),
        ("15:60", "15:60"), ("10:80", "10:80"), ("a:1", "a:1"), ("1:2:x", "1:2:x"), ("1::2", "1::2"), ("-a", "-a"),
        ("15:04", #""15:04""#), ("12:30:45", #""12:30:45""#), ("24:00", #""24:00""#), ("1:2", #""1:2""#),
        ("-1_0:5:09.5_", #""-1_0:5:09.5_""#), ("+190:20:30", #""+190:20:30""#), ("", #""""#), ("yes", #""yes""#),
        ("1e5", #""1e5""#), ("0x10", #""0x10""#), ("2024-01-02", #""2024-01-02""#), ("~", #""~""#),
        ("*", "'*'"), ("{job=\"a\"}", "'{job=\"a\"}'"), ("it's #1", "'it''s #1'"), ("a: b", "'a: b'"),
        ("host:", "'host:'"),
        (" x", "' x'"), ("[x", "'[x'"), ("%x", "'%x'"), ("- x", "'- x'"), ("-", "'-'"),
    ])
    func inTheOlderLibrary(_ text: String, _ expected: String) {
        #expect(GoYAMLScalar.legacyInline(text) == expected)
    }

    @Test(arguments: [
        ("30s", 30_000_000_000, "30s"), ("90s", 90_000_000_000, "1m30s"), ("1h", 3_600_000_000_000, "1h0m0s"),
        ("1.5s", 1_500_000_000, "1.5s"), ("500ms", 500_000_000, "500ms"), ("0", 0, "0s"), ("0s", 0, "0s"),
        ("1h2m3.004s", 3_723_004_000_000, "1h2m3.004s"), ("1us", 1_000, "1µs"), ("2ns", 2, "2ns"),
        ("-1m", -60_000_000_000, "-1m0s"),
        (".5m", 30_000_000_000, "30s"),
    ])
    func durations(_ text: String, _ nanoseconds: Int, _ printed: String) {
        #expect(GoTime.nanoseconds(text) == nanoseconds)
        #expect(GoTime.duration(nanoseconds: nanoseconds) == printed)
    }

    @Test(arguments: ["", "1", "s", "1x", "1 s", "--1s", "1.2.3s", "99999999999999h"]) func noDurations(_ text: String)
    {
        #expect(GoTime.nanoseconds(text) == nil)
    }
}
