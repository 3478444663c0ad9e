/// A second reading of the text format, written from its specification and strict: what the tests trust.
struct ExpositionParser {
    struct Family: Equatable {
        var type: String
        var help: String?
        var samples: [Sample] = []
    }

    struct Sample: Equatable {
        var name: String
        var labels: [String: String]
        var value: Double
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// - Throws: ``Failure`` naming the line that breaks a rule of the format.
    static func parse(_ bytes: [UInt8]) throws -> [String: Family] {
        let text = String(decoding: bytes, as: UTF8.self)
        guard Array(text.utf8) == bytes else { throw Failure(description: "not UTF-8") }
        guard bytes.isEmpty || bytes.last == 0x0A else { throw Failure(description: "no line feed at the end") }
        var families: [String: Family] = [:]
        var open: String?
        var pendingHelp: (name: String, help: String)?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if line.hasPrefix("# HELP ") {
                let parts = line.dropFirst(7).split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2 else { throw Failure(description: "HELP without text: \(line)") }
                pendingHelp = (String(parts[0]), try Self.unescape(parts[1], quotes: false))
            } else if line.hasPrefix("# TYPE ") {
                let parts = line.dropFirst(7).split(separator: " ").map(String.init)
                guard parts.count == 2, ["counter", "gauge", "histogram"].contains(parts[1]) else {
                    throw Failure(description: "TYPE: \(line)")
                }
                guard families[parts[0]] == nil else { throw Failure(description: "family twice: \(line)") }
                if let pendingHelp, pendingHelp.name != parts[0] {
                    throw Failure(description: "HELP of another: \(line)")
                }
                families[parts[0]] = Family(type: parts[1], help: pendingHelp?.help)
                pendingHelp = nil
                open = parts[0]
            } else {
                let sample = try Self.sample(line)
                guard let open, var family = families[open] else { throw Failure(description: "no TYPE: \(line)") }
                let allowed =
                    family.type == "histogram" ? ["_bucket", "_sum", "_count"].map { open + $0 } : [open]
                guard allowed.contains(sample.name) else { throw Failure(description: "foreign sample: \(line)") }
                guard !family.samples.contains(where: { $0.name == sample.name && $0.labels == sample.labels }) else {
                    throw Failure(description: "sample twice: \(line)")
                }
                family.samples.append(sample)
                families[open] = family
            }
        }
        for (name, family) in families where family.type == "histogram" { try Self.checkHistogram(name, family) }
        return families
    }

    private static func sample(_ line: Substring) throws -> Sample {
        var rest = line
        let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") }
        guard let first = name.first, !first.isNumber else { throw Failure(description: "name: \(line)") }
        rest = rest.dropFirst(name.count)
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest = rest.dropFirst()
            while true {
                let label = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
                guard let first = label.first, !first.isNumber else { throw Failure(description: "label: \(line)") }
                rest = rest.dropFirst(label.count)
                guard rest.hasPrefix("=\"") else { throw Failure(description: "label value: \(line)") }
                rest = rest.dropFirst(2)
                var end = rest.startIndex
                while end < rest.endIndex, rest[end] != "\"" {
                    if rest[end] == "\\" { end = rest.index(after: end) }
                    guard end < rest.endIndex else { throw Failure(description: "open value: \(line)") }
                    end = rest.index(after: end)
                }
                guard end < rest.endIndex else { throw Failure(description: "open value: \(line)") }
                guard labels[String(label)] == nil else { throw Failure(description: "label twice: \(line)") }
                labels[String(label)] = try Self.unescape(rest[..<end], quotes: true)
                rest = rest[rest.index(after: end)...]
                if rest.first == "," {
                    rest = rest.dropFirst()
                } else if rest.first == "}" {
                    rest = rest.dropFirst()
                    break
                } else {
                    throw Failure(description: "after label: \(line)")
                }
            }
        }
        guard rest.first == " " else { throw Failure(description: "space: \(line)") }
        let text = String(rest.dropFirst())
        let value: Double? =
            switch text {
            case "NaN": .nan
            case "+Inf": .infinity
            case "-Inf": -.infinity
            default: text.allSatisfy { "0123456789.eE+-".contains($0) } ? Double(text) : nil
            }
        guard let value else { throw Failure(description: "value: \(line)") }
        return Sample(name: String(name), labels: labels, value: value)
    }

    private static func unescape(_ text: Substring, quotes: Bool) throws -> String {
        var result = ""
        var characters = text.makeIterator()
        while let character = characters.next() {
            guard character == "\\" else {
                result.append(character)
                continue
            }
            switch characters.next() {
            case "\\": result.append("\\")
            case "n": result.append("\n")
            case "\"" where quotes: result.append("\"")
            default: throw Failure(description: "escape: \(text)")
            }
        }
        return result
    }

    /// Buckets never fall, end with `+Inf`, and that one equals `_count`.
    private static func checkHistogram(_ name: String, _ family: Family) throws {
        var groups: [[String: String]: [(bound: Double, count: Double)]] = [:]
        for sample in family.samples where sample.name == name + "_bucket" {
            var labels = sample.labels
            guard let text = labels.removeValue(forKey: "le"), let bound = text == "+Inf" ? .infinity : Double(text)
            else {
                throw Failure(description: "bucket without le: \(sample)")
            }
            groups[labels, default: []].append((bound, sample.value))
        }
        for (labels, buckets) in groups {
            for (lower, upper) in zip(buckets, buckets.dropFirst())
            where lower.bound >= upper.bound || lower.count > upper.count {
                throw Failure(description: "buckets of \(name) \(labels) are not in order")
            }
            let count = family.samples.first { $0.name == name + "_count" && $0.labels == labels }?.value
            guard buckets.last?.bound == .infinity, buckets.last?.count == count,
                family.samples.contains(where: { $0.name == name + "_sum" && $0.labels == labels })
            else { throw Failure(description: "\(name) \(labels): no +Inf, sum or count") }
        }
    }
}
