/// The type of a metric family, as it stands in its `# TYPE` line.
package enum MetricKind: String, Sendable {
    case counter, gauge, histogram
}

/// Writes Prometheus' text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).
package struct ExpositionWriter {
    package private(set) var bytes: [UInt8] = []
    /// What was written as whole families of one value.
    private(set) var values: [MetricFamily] = []

    package init() {
        self.bytes.reserveCapacity(16 << 10)
    }

    /// Opens a family: its samples must follow at once.
    package mutating func family(_ name: String, kind: MetricKind, help: String?) {
        if let help {
            self.write("# HELP ")
            self.write(name)
            self.write(" ")
            self.write(Self.escaped(help, quotes: false))
            self.write("\n")
        }
        self.write("# TYPE ")
        self.write(name)
        self.write(" ")
        self.write(kind.rawValue)
        self.write("\n")
    }

    /// One line. `labels` is what ``MetricNaming/text(of:)`` made: the inside of the braces.
    package mutating func sample(_ name: String, suffix: String = "", labels: String, value: Double) {
        self.write(name, suffix, labels)
        self.write(Self.text(of: value))
        self.write("\n")
    }

    package mutating func sample(_ name: String, suffix: String = "", labels: String, value: UInt64) {
        self.write(name, suffix, labels)
        self.write(String(value))
        self.write("\n")
    }

    mutating func bucket(_ name: String, labels: String, bound: String, count: UInt64) {
        self.write(name)
        self.write("_bucket{")
        self.write(labels)
        self.write(labels.isEmpty ? "le=\"" : ",le=\"")
        self.write(bound)
        self.write("\"} ")
        self.write(String(count))
        self.write("\n")
    }

    /// A whole family of one gauge or counter, for collectors.
    package mutating func value(
        _ name: String,
        kind: MetricKind,
        help: String,
        labels: [(String, String)] = [],
        _ value: Double
    ) {
        let name = MetricNaming.metricName(name)
        let labels = MetricNaming.labels(labels, reservesBound: false)
        self.family(name, kind: kind, help: help)
        self.sample(name, labels: MetricNaming.text(of: labels), value: value)
        let point = MetricPoint(labels: labels.map { .init($0.0, $0.1) }, value: .number(value))
        self.values.append(MetricFamily(name: name, kind: kind, help: help, points: [point]))
    }

    private mutating func write(_ text: String) {
        self.bytes.append(contentsOf: text.utf8)
    }

    private mutating func write(_ name: String, _ suffix: String, _ labels: String) {
        self.write(name)
        self.write(suffix)
        if !labels.isEmpty {
            self.write("{")
            self.write(labels)
            self.write("}")
        }
        self.write(" ")
    }

    /// A value as Prometheus reads it: whole numbers without a fraction, `NaN`, `+Inf`, `-Inf`.
    static func text(of value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value), abs(value) < 1e15 { return String(whole) }
        return value.description
    }

    /// Backslash and line feed, in label values the quote as well.
    static func escaped(_ text: String, quotes: Bool) -> String {
        guard text.utf8.contains(where: { $0 == 0x5C || $0 == 0x0A || (quotes && $0 == 0x22) }) else { return text }
        var result: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x5C: result += [0x5C, 0x5C]
            case 0x0A: result += [0x5C, UInt8(ascii: "n")]
            case 0x22 where quotes: result += [0x5C, 0x22]
            default: result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}

/// What names and labels may look like.
package enum MetricNaming {
    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`; everything else becomes `_`.
    static func metricName(_ name: String) -> String { self.valid(name, colons: true) }

    /// A timer holds seconds, and its name says so.
    static func timerName(_ name: String) -> String {
        let name = self.metricName(name)
        return name.hasSuffix("_seconds") ? name : name + "_seconds"
    }

    /// Label names made valid, in order, each once (the first wins).
    ///
    /// - Parameter reservesBound: a histogram writes `le` itself, so a label of that name becomes `le_`.
    static func labels(_ dimensions: [(String, String)], reservesBound: Bool) -> [(String, String)] {
        var labels: [(String, String)] = []
        for (name, value) in dimensions {
            var name = self.valid(name, colons: false)
            if reservesBound, name == "le" { name = "le_" }
            if !labels.contains(where: { $0.0 == name }) { labels.append((name, value)) }
        }
        return labels.sorted { $0.0 < $1.0 }
    }

    /// `a="1",b="2"`
    package static func text(of labels: [(String, String)]) -> String {
        labels.map { "\($0.0)=\"\(ExpositionWriter.escaped($0.1, quotes: true))\"" }.joined(separator: ",")
    }

    /// What ``text(of:)`` was made of.
    static func labels(in text: String) -> [MetricPoint.Label] {
        var labels: [MetricPoint.Label] = []
        var rest = Array(text.utf8)[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "=")) {
            let name = String(decoding: rest[..<end], as: UTF8.self)
            rest = rest[end...].dropFirst(2)
            var value: [UInt8] = []
            while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
                guard byte == UInt8(ascii: "\\"), let escaped = rest.popFirst() else {
                    value.append(byte)
                    continue
                }
                value.append(escaped == UInt8(ascii: "n") ? UInt8(ascii: "\n") : escaped)
            }
            labels.append(.init(name, String(decoding: value, as: UTF8.self)))
            // The comma.
            rest = rest.dropFirst()
        }
        return labels
    }

    private static func valid(_ name: String, colons: Bool) -> String {
        func isAllowed(_ byte: UInt8, first: Bool) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
            case UInt8(ascii: ":"): colons
            case UInt8(ascii: "0")...UInt8(ascii: "9"): !first
            default: false
            }
        }
        var first = true
        if name.utf8.allSatisfy({ byte in
            defer { first = false }
            return isAllowed(byte, first: first)
        }), !name.isEmpty {
            return name
        }
        var bytes: [UInt8] = []
        if let byte = name.utf8.first, isAllowed(byte, first: false), !isAllowed(byte, first: true) {
            bytes.append(UInt8(ascii: "_"))
        }
        for byte in name.utf8 { bytes.append(isAllowed(byte, first: false) ? byte : UInt8(ascii: "_")) }
        return bytes.isEmpty ? "_" : String(decoding: bytes, as: UTF8.self)
    }
}
