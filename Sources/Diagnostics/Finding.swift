// What is wrong with an installation and how to mend it, told from facts that somebody else gathered: no client here.

package import JSONTree

/// One thing that a check looked at, and what it found.
package struct Finding: Sendable, Hashable {
    package enum Severity: String, Sendable, Comparable {
        case ok, warning, error

        package static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }
        private var rank: Int {
            switch self {
            case .ok: 0
            case .warning: 1
            case .error: 2
            }
        }
    }

    /// A stable word that documents and scripts can rely on, such as `CollectorCRDMissing`.
    package var code: String
    package var severity: Severity
    /// The object or thing it is about.
    package var subject: String
    package var message: String
    /// What to do; empty for nothing.
    package var remedy: String

    package init(_ severity: Severity, _ code: String, _ subject: String, _ message: String, remedy: String = "") {
        self.code = code
        self.severity = severity
        self.subject = subject
        self.message = message
        self.remedy = remedy
    }

    package var json: JSONObject {
        var json: JSONObject = [
            "severity": .string(self.severity.rawValue), "code": .string(self.code),
            "subject": .string(self.subject), "message": .string(self.message),
        ]
        if !self.remedy.isEmpty { json["remedy"] = .string(self.remedy) }
        return json
    }
}

extension [Finding] {
    package var worst: Finding.Severity { self.map(\.severity).max() ?? .ok }

    /// A line each, the remedy beneath, then a count.
    package func text(_ paint: Paint, problemsOnly: Bool = false) -> String {
        var lines: [String] = []
        let shown = problemsOnly ? self.filter { $0.severity != .ok } : self
        let width = shown.map(\.code.count).max() ?? 0
        for finding in shown {
            let label = finding.severity.rawValue.uppercased()
            let padded = label + String(repeating: " ", count: 7 - label.count)
            let code = finding.code + String(repeating: " ", count: width - finding.code.count)
            lines.append("\(paint(padded, as: finding.severity))  \(code)  \(finding.subject): \(finding.message)")
            if !finding.remedy.isEmpty { lines.append("         -> \(finding.remedy)") }
        }
        let counts = [Finding.Severity.error, .warning, .ok].map { severity in
            "\(self.count { $0.severity == severity }) \(severity == .ok ? "ok" : severity.rawValue + "s")"
        }
        lines.append(counts.joined(separator: ", "))
        return lines.joined(separator: "\n") + "\n"
    }

    package var json: JSONObject {
        ["result": .string(self.worst.rawValue), "findings": .array(self.map { .object($0.json) })]
    }
}

/// Colours for a terminal, or none.
package struct Paint: Sendable {
    private let isOn: Bool
    package init(_ isOn: Bool) { self.isOn = isOn }

    package func callAsFunction(_ text: String, as severity: Finding.Severity) -> String {
        guard self.isOn else { return text }
        let code =
            switch severity {
            case .ok: "32"
            case .warning: "33"
            case .error: "31"
            }
        return "\u{1B}[\(code)m\(text)\u{1B}[0m"
    }

    package func bold(_ text: String) -> String { self.isOn ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
}
