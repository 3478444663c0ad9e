import CRE2

/// A regular expression for keys of labels and annotations, compiled once: RE2, so that the Go operator's expressions mean
/// here what they meant there, and none takes more than linear time.
package struct KeyPattern: Sendable, Hashable {
    /// Why a text is not an expression.
    package struct SyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
        package var expression: String
        package var reason: String
        package var description: String { "invalid regular expression \"\(self.expression)\": \(self.reason)" }
    }

    private let expression: String
    private let program: Program

    /// - Throws: ``SyntaxError`` with RE2's own words.
    package init(_ expression: String) throws(SyntaxError) {
        var text = expression
        var reason = [CChar](repeating: 0, count: 256)
        let pointer = text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { cre2_compile($0.baseAddress, $0.count, &reason, reason.count) }
        }
        guard let pointer else {
            let length = reason.firstIndex(of: 0) ?? reason.count
            let words = String(decoding: reason[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw SyntaxError(expression: expression, reason: words)
        }
        self.expression = expression
        self.program = Program(pointer)
    }

    /// Whether the expression matches anywhere in `text`.
    package func matches(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) {
                cre2_matches_part(self.program.pointer, $0.baseAddress, $0.count)
            }
        }
    }

    package static func == (left: KeyPattern, right: KeyPattern) -> Bool { left.expression == right.expression }
    package func hash(into hasher: inout Hasher) { hasher.combine(self.expression) }

    /// Owns the compiled expression.
    private final class Program: @unchecked Sendable {
        // Never changes after its making, and RE2 lets several threads match with one expression.
        let pointer: OpaquePointer
        init(_ pointer: OpaquePointer) { self.pointer = pointer }
        deinit { cre2_free(self.pointer) }
    }
}
