import JSONTree
import KubeModel
import Testing

struct QuantityTests {
    /// Text, value in whole units, value in thousandths; both rounded away from zero.
    @Test(arguments: [
        ("0", 0, 0), ("1", 1, 1000), ("100m", 1, 100), ("1500m", 2, 1500), ("1.5", 2, 1500), (".5", 1, 500),
        ("5.", 5, 5000),
        ("-1.5", -2, -1500), ("+2", 2, 2000), ("1k", 1000, 1_000_000), ("1Ki", 1024, 1_024_000),
        ("1.5Gi", 1_610_612_736, 1_610_612_736_000),
        ("0.1Ki", 103, 102_400), ("1e3", 1000, 1_000_000), ("1E3", 1000, 1_000_000),
        ("1E", 1_000_000_000_000_000_000, Int.max),
        ("12e-3", 1, 12), ("1n", 1, 1), ("0.0000000001", 1, 1), ("1u", 1, 1), ("9223372036854775807", Int.max, Int.max),
        ("9223372036854775808", Int.max, Int.max), ("8Ei", Int.max, Int.max), ("7Ei", 7 << 60, Int.max),
        ("1e2147483647", Int.max, Int.max), ("0e2147483647", 0, 0), ("1e-2147483648", 1, 1),
        ("0000000000000000000000000000000000000001", 1, 1000),
        ("0.00000000000000000000000000000001Ei", 2, 1153),
        ("128974848", 128_974_848, 128_974_848_000), ("129e6", 129_000_000, 129_000_000_000),
        ("123Mi", 128_974_848, 128_974_848_000),
    ])
    func reads(_ text: String, _ value: Int, _ milli: Int) throws {
        let quantity = try #require(Quantity(text))
        #expect(quantity.value == value)
        #expect(quantity.milliValue == milli)
        #expect(quantity.description == text)
    }

    @Test(arguments: [
        "", " ", "1 ", ".", "-", "m", "1mm", "1K", "1ki", "1e", "1e+", "1e1.5", "1ee1", "0x10", "1,5", "1e99999999999",
        "--1", "１",
    ])
    func refuses(_ text: String) { #expect(Quantity(text) == nil) }

    @Test(arguments: [
        ("1", "1000m"), ("1Ki", "1024"), ("0", "0Gi"), ("1.0", "1"), ("1e3", "1k"), ("0.5Gi", "512Mi"), ("-0", "0"),
        ("1M", "1000k"),
    ])
    func sameAmounts(_ left: String, _ right: String) {
        #expect(Quantity(left) == Quantity(right))
        #expect(Quantity(left)?.hashValue == Quantity(right)?.hashValue)
    }

    @Test func ordersByAmount() throws {
        let texts = ["-1", "0", "1n", "1m", "1", "1001m", "1k", "1Ki", "1M", "1Mi", "1G", "1Gi"]
        let quantities = try texts.map { try #require(Quantity($0)) }
        #expect(quantities.reversed().sorted().map(\.description) == texts)
    }

    @Test func readsMembers() {
        #expect(Quantity(JSONValue.int(2))?.value == 2)
        #expect(Quantity("2" as JSONValue)?.value == 2)
        #expect(Quantity(JSONValue.null) == nil)
    }
}
