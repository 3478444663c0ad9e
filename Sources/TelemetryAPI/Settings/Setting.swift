/// One thing the operator can be told: by a flag, a variable of its environment, a key of its configuration file, or
/// several of these.
package struct Setting: Sendable, Hashable {
    /// What a value may be, and how it is written.
    package enum Kind: Sendable, Hashable {
        case boolean
        case integer(ClosedRange<Int>)
        case text
        case choice([String])
        /// Several words: a list in the file, with commas elsewhere; the flag may be given more than once.
        case list
        /// Regular expressions, which may hold commas themselves: one for each flag.
        case patterns
        /// A part of the configuration file that has a reader of its own.
        case block
    }

    /// Whether it changes what Swiftlet does.
    package enum Use: Sendable, Hashable {
        case works
        /// Taken so that nothing breaks, but without effect, for this reason.
        case none(String)
    }

    /// Under which heading it is listed.
    package enum Group: String, Sendable, Hashable, CaseIterable {
        case process = "Process and cluster"
        case webhooks = "Webhooks"
        case metrics = "Metrics and probes"
        case tls = "TLS"
        case logs = "Logs"
        case collectors = "Collectors and what belongs to them"
        case instrumentation = "Instrumentation"
        case compatibility = "Accepted without effect"
    }

    /// Without the dashes: `webhook-port`.
    package var flag: String?
    package var variable: String?
    /// A key of the configuration file; of a member of `tls` or `zap` with a dot: `tls.minversion`.
    package var key: String?
    package var kind: Kind
    /// The default as it would be written; lists with commas.
    package var preset: String
    /// One sentence.
    package var help: String
    package var group: Group
    package var use: Use

    package init(
        _ flag: String?,
        env variable: String? = nil,
        key: String? = nil,
        kind: Kind = .text,
        preset: String = "",
        _ group: Group,
        _ help: String,
        unused reason: String? = nil
    ) {
        self.flag = flag
        self.variable = variable
        self.key = key
        self.kind = kind
        self.preset = preset
        self.help = help
        self.group = group
        self.use = reason.map { .none($0) } ?? .works
    }

    /// What it is known by: its flag, or else its variable, or else its key.
    package var name: String { self.flag ?? self.variable ?? self.key ?? "" }

    /// The reason for which it has no effect; `nil` when it has one.
    package var reasonWithoutUse: String? {
        if case .none(let reason) = self.use { reason } else { nil }
    }

    package var isList: Bool { self.kind == .list || self.kind == .patterns }

    /// `true or false`, `number from 1 to 65535`, …
    package var kindText: String {
        switch self.kind {
        case .boolean: "true or false"
        case .integer(let range):
            range.upperBound == .max
                ? "number from \(range.lowerBound)"
                : "number from \(range.lowerBound) to \(range.upperBound)"
        case .text: "text"
        case .choice(let words): words.joined(separator: ", ")
        case .list: "list"
        case .patterns: "regular expressions"
        case .block: "mapping"
        }
    }
}

/// Why a setting can't be used: what is wrong, where it was said, and how to mend it.
package struct SettingError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Place: Sendable, Hashable {
        /// The command line.
        case usage
        /// The environment or the configuration file.
        case configuration
    }

    package var place: Place
    package var description: String

    package init(_ place: Place, _ description: String) {
        self.place = place
        self.description = description
    }

    /// 2 for wrong use, as Unix commands and Go's flag package have it; 1 for a configuration that makes no sense.
    package var exitCode: Int32 { self.place == .usage ? 2 : 1 }

    /// The line to print.
    package var line: String {
        switch self.place {
        case .usage: "error: \(self.description)"
        case .configuration: "configuration error: \(self.description)"
        }
    }
}
