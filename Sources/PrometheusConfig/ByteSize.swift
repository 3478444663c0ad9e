import JSONTree

/// A number of bytes as `body_size_limit` has it: `512B`, `10MB`, `1GiB512MiB`; every unit is a power of 1024.
struct ByteSize: Hashable, CustomStringConvertible {
    var bytes: Int

    private static let units = ["B", "K", "M", "G", "T", "P", "E"]

    init(parsing text: String) throws(FieldError) {
        if text == "0" || text.isEmpty {
            self.bytes = 0
            return
        }
        var rest = Substring(text)
        var total = 0.0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { !($0.isASCII && ($0.isNumber || $0 == ".")) }
            rest = rest.dropFirst(unit.count)
            guard let number = Double(digits), let power = Self.power(of: unit) else {
                throw FieldError(
                    "\"\(text.abbreviated())\" is not a size",
                    hint: "write a number and a unit (B, KB, MB, GB, TB, PB, EB), such as 10MB"
                )
            }
            total += number * Double(1 << (10 * power))
        }
        guard total < 0x1p63 else { throw FieldError("\"\(text.abbreviated())\" is more than 8EB") }
        self.bytes = Int(total)
    }

    private static func power(of unit: Substring) -> Int? {
        if unit == "B" { return 0 }
        guard let first = unit.first, unit.dropFirst() == "B" || unit.dropFirst() == "iB" else { return nil }
        let power = Self.units.firstIndex(of: String(first))
        return power == 0 ? nil : power
    }

    /// From the largest unit down, as Prometheus prints it: `1MiB512KiB`.
    var description: String {
        if self.bytes == 0 { return "0B" }
        var text = ""
        var rest = self.bytes
        for power in (0..<Self.units.count).reversed() {
            let count = rest >> (10 * power)
            if count == 0 { continue }
            rest -= count << (10 * power)
            text += "\(count)\(power == 0 ? "B" : Self.units[power] + "iB")"
        }
        return text
    }
}
