import CRE2

/// A compiled regular expression of a relabel rule: RE2, which matches a whole value, newlines included.
package struct RelabelPattern: Sendable, Hashable {
    /// Why a text is not an expression.
    package struct SyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
        package var description: String
    }

    /// As it stands in the configuration.
    package let expression: String
    let program: Program
    /// What it is when it is simple enough to be matched without RE2.
    let shape: PatternShape?

    /// The one that matches everything, of a rule that has none.
    package static let everythingExpression = "(.*)"

    /// - Throws: ``SyntaxError`` with RE2's own words.
    package init(_ expression: String) throws(SyntaxError) {
        self.expression = expression
        self.program = try Program("^(?s:" + Self.forRE2(expression) + ")$", expression)
        self.shape = PatternShape(expression)
    }

    package static func == (left: RelabelPattern, right: RelabelPattern) -> Bool {
        left.expression == right.expression
    }
    package func hash(into hasher: inout Hasher) { hasher.combine(self.expression) }

    /// Go's engine knows `(?<name>...)`, which this RE2 does not, and does not know `\C`, which this RE2 does: a byte, so
    /// that a match could end within a character.
    private static func forRE2(_ expression: String) throws(SyntaxError) -> String {
        guard expression.utf8.contains(UInt8(ascii: "\\")) || expression.utf8.contains(UInt8(ascii: "<")) else {
            return expression
        }
        var result: [UInt8] = []
        let bytes = Array(expression.utf8)
        var at = 0
        var isQuoted = false
        // Where a class begins, `]` is itself.
        var classStart: Int?
        while at < bytes.count {
            let byte = bytes[at]
            let next = at + 1 < bytes.count ? bytes[at + 1] : 0
            if isQuoted {
                if byte == UInt8(ascii: "\\"), next == UInt8(ascii: "E") { isQuoted = false }
            } else if byte == UInt8(ascii: "\\") {
                if next == UInt8(ascii: "Q"), classStart == nil { isQuoted = true }
                if next == UInt8(ascii: "C") { throw SyntaxError(description: "invalid escape sequence: \\C") }
                result.append(byte)
                at += 1
                if at < bytes.count {
                    result.append(next)
                    at += 1
                }
                continue
            } else if let start = classStart {
                if byte == UInt8(ascii: "]"), at > start { classStart = nil }
            } else if byte == UInt8(ascii: "[") {
                classStart = next == UInt8(ascii: "^") ? at + 2 : at + 1
            } else if byte == UInt8(ascii: "("), next == UInt8(ascii: "?"), at + 2 < bytes.count,
                bytes[at + 2] == UInt8(ascii: "<")
            {
                result += Array("(?P<".utf8)
                at += 3
                continue
            }
            result.append(byte)
            at += 1
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Owns the compiled expression.
    final class Program: @unchecked Sendable {
        // Never changes after its making, and RE2 lets several threads match with one expression.
        private let pointer: OpaquePointer
        let groups: Int

        // What most expressions stay far below; only a list of thousands of names needs the second.
        private static let memory: [Int64] = [1 << 20, 64 << 20]

        init(_ wrapped: String, _ expression: String) throws(SyntaxError) {
            var text = wrapped
            var reason = [CChar](repeating: 0, count: 256)
            for memory in Self.memory {
                let pointer = text.withUTF8 { bytes in
                    bytes.withMemoryRebound(to: CChar.self) {
                        cre2_compile_limited($0.baseAddress, $0.count, memory, &reason, reason.count)
                    }
                }
                if let pointer {
                    self.pointer = pointer
                    self.groups = Int(cre2_group_count(pointer))
                    return
                }
            }
            let length = reason.firstIndex(of: 0) ?? reason.count
            throw SyntaxError(
                description: String(decoding: reason[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            )
        }

        deinit { cre2_free(self.pointer) }

        func group(named name: String) -> Int? {
            var name = name
            let group = name.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) { cre2_group_named(self.pointer, $0.baseAddress, $0.count) }
            }
            return group < 0 ? nil : Int(group)
        }

        func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
            text.withMemoryRebound(to: CChar.self) { cre2_find(self.pointer, $0.baseAddress, $0.count, 0, nil, 0) }
        }

        /// Where the whole match and the groups are, for the leftmost match from `start` on.
        func find(_ text: UnsafeBufferPointer<UInt8>, from start: Int = 0) -> [cre2_range]? {
            var ranges = [cre2_range](repeating: cre2_range(start: -1, length: 0), count: self.groups + 1)
            let found = ranges.withUnsafeMutableBufferPointer { ranges in
                text.withMemoryRebound(to: CChar.self) {
                    cre2_find(self.pointer, $0.baseAddress, $0.count, start, ranges.baseAddress, Int32(ranges.count))
                }
            }
            return found ? ranges : nil
        }
    }
}
