package import JSONTree
package import KubeModel

/// How log lines look (the `--zap-` flags), and a line in that form.
package struct LogFormat: Sendable, Hashable {
    package enum Encoder: String, Sendable, Hashable { case json, console }

    package enum TimeEncoding: String, Sendable, Hashable, CaseIterable {
        case epoch, millis, nano, iso8601, rfc3339, rfc3339nano
    }

    /// What is logged at least.
    package enum Threshold: Sendable, Hashable {
        case trace, debug, info, warning, error, critical

        /// From a word or a number: 1 is debug, more is everything.
        ///
        /// - Returns: `nil` for what is neither.
        package init?(_ text: String) {
            switch text.lowercased() {
            case "debug": self = .debug
            case "info": self = .info
            case "warn", "warning": self = .warning
            case "error": self = .error
            case "panic": self = .critical
            default:
                guard let number = Int(text), number >= 0 else { return nil }
                self = number == 0 ? .info : number == 1 ? .debug : .trace
            }
        }
    }

    package var encoder: Encoder
    package var timeEncoding: TimeEncoding
    /// A key that is empty leaves its member out.
    package var messageKey: String
    package var levelKey: String
    package var timeKey: String
    package var isUppercase: Bool
    package var threshold: Threshold

    package init(
        encoder: Encoder = .json,
        timeEncoding: TimeEncoding = .rfc3339nano,
        messageKey: String = "message",
        levelKey: String = "level",
        timeKey: String = "timestamp",
        isUppercase: Bool = true,
        threshold: Threshold = .info
    ) {
        self.encoder = encoder
        self.timeEncoding = timeEncoding
        self.messageKey = messageKey
        self.levelKey = levelKey
        self.timeKey = timeKey
        self.isUppercase = isUppercase
        self.threshold = threshold
    }

    /// One line, with its end. Members that have the name of one of the three keys are left out.
    ///
    /// - Parameter level: in capitals, `INFO`.
    package func line(level: String, time: Timestamp, message: String, members: JSONObject) -> [UInt8] {
        let level = self.isUppercase ? level : level.lowercased()
        var line: JSONObject = [:]
        switch self.encoder {
        case .json:
            if !self.levelKey.isEmpty { line[self.levelKey] = .string(level) }
            if !self.timeKey.isEmpty { line[self.timeKey] = self.time(time) }
            if !self.messageKey.isEmpty { line[self.messageKey] = .string(message) }
            for (key, value) in members where line[key] == nil { line[key] = value }
            return line.bytes() + [UInt8(ascii: "\n")]
        case .console:
            var parts: [String] = []
            if !self.timeKey.isEmpty {
                switch self.time(time) {
                case .string(let text): parts.append(text)
                case .number(let number): parts.append(number.literal)
                default: break
                }
            }
            if !self.levelKey.isEmpty { parts.append(level) }
            // A message is one line, whatever is in it.
            if !self.messageKey.isEmpty { parts.append(String(message.map { $0.isNewline ? " " : $0 })) }
            var bytes = Array(parts.joined(separator: "\t").utf8)
            if !members.isEmpty { bytes += [UInt8(ascii: "\t")] + members.bytes() }
            return bytes + [UInt8(ascii: "\n")]
        }
    }

    private func time(_ time: Timestamp) -> JSONValue {
        let nanoseconds = Int64(time.nanoseconds)
        switch self.timeEncoding {
        case .epoch:
            let fraction = Self.trimmed(Self.padded(nanoseconds, 9))
            return .number(
                JSONNumber(uncheckedLiteral: fraction.isEmpty ? "\(time.seconds)" : "\(time.seconds).\(fraction)")
            )
        case .millis:
            let part = Self.trimmed(Self.padded(nanoseconds % 1_000_000, 6))
            let whole = time.seconds * 1000 + nanoseconds / 1_000_000
            return .number(JSONNumber(uncheckedLiteral: part.isEmpty ? "\(whole)" : "\(whole).\(part)"))
        case .nano: return .number(JSONNumber(uncheckedLiteral: "\(time.seconds * 1_000_000_000 + nanoseconds)"))
        case .iso8601: return .string("\(Self.second(time)).\(Self.padded(nanoseconds / 1_000_000, 3))Z")
        case .rfc3339: return .string(time.rfc3339)
        case .rfc3339nano:
            let fraction = Self.trimmed(Self.padded(nanoseconds, 9))
            return .string(fraction.isEmpty ? time.rfc3339 : "\(Self.second(time)).\(fraction)Z")
        }
    }

    /// Without the `Z`.
    private static func second(_ time: Timestamp) -> Substring { time.rfc3339.dropLast() }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    /// Without zeros at the end.
    private static func trimmed(_ digits: String) -> String {
        String(digits.reversed().drop { $0 == "0" }.reversed())
    }
}
