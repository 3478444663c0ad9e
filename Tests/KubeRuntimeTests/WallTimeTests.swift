import Testing

@testable import KubeRuntime

@Suite struct WallTimeTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_399, "2000-02-28T23:59:59Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (951_868_800, "2000-03-01T00:00:00Z"),
        (1_709_164_800, "2024-02-29T00:00:00Z"),
        (4_107_542_399, "2100-02-28T23:59:59Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
        (1_735_689_599, "2024-12-31T23:59:59Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (253_402_300_799, "9999-12-31T23:59:59Z"),
    ])
    func isWrittenAsRFC3339(seconds: Int64, text: String) {
        #expect(WallTime(seconds: seconds).rfc3339 == text)
    }

    @Test func microTimeHasSixDigits() {
        #expect(WallTime(seconds: 0, nanoseconds: 1_999).rfc3339Micro == "1970-01-01T00:00:00.000001Z")
        #expect(WallTime(seconds: 0, nanoseconds: 999_999_999).rfc3339Micro == "1970-01-01T00:00:00.999999Z")
    }

    @Test func nowIsNow() {
        #expect(WallTime.now().seconds > 1_700_000_000)
        #expect(WallTime(seconds: 1, nanoseconds: 5) < WallTime(seconds: 1, nanoseconds: 6))
    }
}
