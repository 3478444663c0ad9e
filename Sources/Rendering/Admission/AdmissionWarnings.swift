/// Fits the warnings of an answer into what comes through to the user.
///
/// They travel in HTTP headers: no control characters, and an API server that is given more than 4,096 characters in all
/// cuts each warning to 256 and drops what is too much, without a word. Cutting is done here instead, so that the user
/// learns that there was more.
package enum AdmissionWarnings {
    /// Of all warnings of an answer together.
    static let limit = 4096
    /// Of one warning, where the limit would be passed.
    static let limitOfOne = 256

    /// - Parameters:
    ///   - warnings: the most important first
    ///   - more: the command that shows all of them
    package static func bounded(_ warnings: [String], more command: String = "swiftlet render") -> [String] {
        var seen: Set<String> = []
        let lines = warnings.map(self.line).filter { seen.insert($0).inserted }
        guard lines.reduce(0, { $0 + $1.unicodeScalars.count }) > self.limit else { return lines }
        var kept: [String] = []
        // What is left for the sentence about the rest.
        var room = self.limit - 64
        for line in lines {
            let line = self.cut(line)
            room -= line.unicodeScalars.count
            if room < 0 { break }
            kept.append(line)
        }
        let more = lines.count - kept.count
        return more == 0 ? kept : kept + ["and \(more) more warnings: `\(command)` shows them all"]
    }

    /// In one line.
    private static func line(_ text: String) -> String {
        let words = text.unicodeScalars.split {
            $0.properties.generalCategory == .control || $0.properties.isPatternWhitespace && $0 != " "
        }
        return words.map { String(String.UnicodeScalarView($0)) }.joined(separator: " ")
    }

    private static func cut(_ line: String) -> String {
        let scalars = line.unicodeScalars
        guard scalars.count > self.limitOfOne else { return line }
        return String(String.UnicodeScalarView(scalars.prefix(self.limitOfOne - 1))) + "…"
    }
}
