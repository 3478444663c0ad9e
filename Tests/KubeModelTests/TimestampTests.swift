import KubeModel
import Testing

struct TimestampTests {
    /// Seconds as `date -u -d TEXT +%s` gives them.
    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z"),
        (951_868_800, "2000-03-01T00:00:00Z"), (1_136_214_245, "2006-01-02T15:04:05Z"),
        (1_709_251_199, "2024-02-29T23:59:59Z"),
        (1_735_689_600, "2025-01-01T00:00:00Z"), (4_102_444_799, "2099-12-31T23:59:59Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
        (253_402_300_799, "9999-12-31T23:59:59Z"), (-62_135_596_800, "0001-01-01T00:00:00Z"),
        (-62_167_219_200, "0000-01-01T00:00:00Z"),
    ])
    func readsAndWrites(_ seconds: Int64, _ text: String) {
        #expect(Timestamp(seconds: seconds).rfc3339 == text)
        #expect(Timestamp(text) == Timestamp(seconds: seconds))
    }

    @Test func everyDayOfFourCenturiesFollowsTheOneBefore() {
        var before = ""
        for day in -80_000..<80_000 as Range<Int64> {
            let time = Timestamp(seconds: day * 86_400 + 43_200)
            let text = time.rfc3339
            if text <= before || Timestamp(text) != time { Issue.record("\(text) after \(before)") }
            before = text
        }
    }

    @Test(arguments: [
        ("2006-01-02T15:04:05.5Z", 500_000_000, "2006-01-02T15:04:05.500000Z"),
        ("2006-01-02T15:04:05.123456789Z", 123_456_789, "2006-01-02T15:04:05.123456Z"),
        ("2006-01-02t16:04:05.1234567891234+01:00", 123_456_789, "2006-01-02T15:04:05.123456Z"),
        ("2006-01-01T23:34:05-15:30", 0, "2006-01-02T15:04:05.000000Z"),
        ("2006-01-02T15:03:60.0Z", 0, "2006-01-02T15:04:00.000000Z"),
        ("2006-01-02T15:04:05.000001999z", 1_999, "2006-01-02T15:04:05.000001Z"),
    ])
    func readsFractionsAndOffsets(_ text: String, _ nanoseconds: Int32, _ micro: String) throws {
        let time = try #require(Timestamp(text))
        #expect(time.nanoseconds == nanoseconds)
        #expect(time.rfc3339Micro == micro)
    }

    @Test(arguments: [
        "", "2006-01-02", "2006-01-02T15:04:05", "2006-01-02 15:04:05Z", "2006-13-02T15:04:05Z", "2006-00-02T15:04:05Z",
        "2006-02-29T15:04:05Z", "1900-02-29T00:00:00Z", "2006-04-31T15:04:05Z", "2006-01-02T24:00:00Z",
        "2006-01-02T15:60:05Z",
        "2006-01-02T15:04:61Z", "2006-01-02T15:04:05.", "2006-01-02T15:04:05.Z", "2006-01-02T15:04:05+0100",
        "2006-01-02T15:04:05+24:00",
        "2006-01-02T15:04:05Z ", "06-01-02T15:04:05Z", "2006-1-02T15:04:05Z", "+006-01-02T15:04:05Z",
    ])
    func refuses(_ text: String) { #expect(Timestamp(text) == nil) }

    @Test func calculates() {
        let time = Timestamp(seconds: 10, nanoseconds: 900_000_000)
        #expect(time + .milliseconds(200) == Timestamp(seconds: 11, nanoseconds: 100_000_000))
        #expect(time + .milliseconds(-950) == Timestamp(seconds: 9, nanoseconds: 950_000_000))
        #expect(Timestamp(seconds: 12) - time == .milliseconds(1100))
        #expect(Timestamp(seconds: -1, nanoseconds: -1) == Timestamp(seconds: -2, nanoseconds: 999_999_999))
        #expect(Timestamp(seconds: 1, nanoseconds: 5) > Timestamp(seconds: 1))
    }
}
