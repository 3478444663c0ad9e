package import JSONTree

/// A rule of `relabel_configs`, checked as Prometheus checks it.
package struct RelabelRule: Sendable, Hashable {
    package enum Action: String, Sendable, Hashable, CaseIterable {
        case replace
        case keep
        case drop
        case keepEqual = "keepequal"
        case dropEqual = "dropequal"
        case hashMod = "hashmod"
        case labelMap = "labelmap"
        case labelDrop = "labeldrop"
        case labelKeep = "labelkeep"
        case lowercase
        case uppercase
    }

    package let action: Action
    package let sourceLabels: [String]
    package let separator: String
    package let regex: RelabelPattern
    /// Not zero with ``Action/hashMod``, zero with others.
    package let modulus: UInt64
    package let targetLabel: String
    package let replacement: String
    /// What labels may be called, those whose names come of a value, too.
    package let names: LabelName.Scheme

    private static let separatorDefault = ";"
    private static let replacementDefault = "$1"

    /// Why a rule can't be used.
    package struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
        /// The field that is wrong.
        package var field: String
        package var message: String
        package var description: String { "\(self.field): \(self.message)" }
    }

    /// - Parameters:
    ///   - json: an element of `relabel_configs`.
    ///   - names: what a label may be called.
    package init(json: JSONObject, names: LabelName.Scheme = .utf8) throws(Problem) {
        self.names = names
        var fields = Fields()
        for member in json.members { try fields.read(member.key, member.value, names) }
        self.action = fields.action
        self.sourceLabels = fields.sourceLabels ?? []
        self.separator = fields.separator ?? Self.separatorDefault
        self.modulus = fields.modulus ?? 0
        self.targetLabel = fields.targetLabel ?? ""
        self.replacement = fields.replacement ?? Self.replacementDefault
        do {
            self.regex = try RelabelPattern(fields.regex ?? RelabelPattern.everythingExpression)
        } catch {
            throw Problem(
                field: "regex",
                message: "\"\((fields.regex ?? "").abbreviated)\" is not a regular expression of RE2: \(error)"
            )
        }
        try self.checkTarget(names)
        try self.checkUnused(fields)
    }

    /// What was given, which differs from a default that was not.
    private struct Fields {
        var action = Action.replace
        var sourceLabels: [String]?
        var separator: String?
        var regex: String?
        var modulus: UInt64?
        var targetLabel: String?
        var replacement: String?

        mutating func read(_ key: String, _ value: JSONValue, _ names: LabelName.Scheme) throws(Problem) {
            // Nothing is what a key without a value says.
            if value.isNull, Self.known.contains(key) { return }
            switch key {
            case "action":
                let text = try Self.text(key, value)
                guard let action = Action(rawValue: text.lowercased()) else {
                    let known = Action.allCases.map(\.rawValue).joined(separator: ", ")
                    throw Problem(
                        field: key,
                        message: "there is no action \"\(text.abbreviated)\": use one of \(known)"
                    )
                }
                self.action = action
            case "source_labels":
                guard let array = value.array else {
                    throw Problem(field: key, message: "a list of label names is wanted, not \(value.kindName)")
                }
                var labels: [String] = []
                for element in array {
                    let name = element.isNull ? "" : try Self.text(key, element)
                    guard LabelName.isValid(name, scheme: names) else {
                        throw Problem(field: key, message: "\"\(name.abbreviated)\" is not a valid label name")
                    }
                    labels.append(name)
                }
                self.sourceLabels = labels
            case "separator": self.separator = try Self.text(key, value)
            case "regex": self.regex = try Self.text(key, value)
            case "modulus":
                guard let number = value.number, let modulus = Self.modulus(number) else {
                    throw Problem(
                        field: key,
                        message: "a number from 0 to 18446744073709551615 is wanted, not \(value.text().abbreviated)"
                    )
                }
                self.modulus = modulus
            case "target_label": self.targetLabel = try Self.text(key, value)
            case "replacement": self.replacement = try Self.text(key, value)
            default:
                throw Problem(
                    field: key.abbreviated,
                    message: "a relabel rule has no such field: use \(Self.known.joined(separator: ", "))"
                )
            }
        }

        /// A fraction is cut off, as Prometheus does.
        private static func modulus(_ number: JSONNumber) -> UInt64? {
            if number.isPlainInteger { return UInt64(number.literal) }
            return number.double >= 0 ? UInt64(exactly: number.double.rounded(.towardZero)) : nil
        }

        private static let known = [
            "action", "source_labels", "separator", "regex", "modulus", "target_label", "replacement",
        ]

        /// YAML lets a number or a truth value stand for a text.
        private static func text(_ key: String, _ value: JSONValue) throws(Problem) -> String {
            switch value {
            case .string(let text): text
            case .number(let number): number.literal
            case .bool(let flag): flag ? "true" : "false"
            default: throw Problem(field: key, message: "a text is wanted, not \(value.kindName)")
            }
        }
    }

    private func checkTarget(_ names: LabelName.Scheme) throws(Problem) {
        let name = self.action.rawValue
        switch self.action {
        case .keep, .drop, .labelDrop, .labelKeep: break
        case .labelMap:
            guard Self.isValid(template: self.replacement, names) else {
                throw Problem(
                    field: "replacement",
                    message:
                        "\"\(self.replacement.abbreviated)\" is not a valid label name, which the action \(name) needs"
                )
            }
        case .replace, .keepEqual, .dropEqual, .hashMod, .lowercase, .uppercase:
            guard !self.targetLabel.isEmpty else {
                throw Problem(field: "target_label", message: "the action \(name) needs the label it is about")
            }
            // Prometheus lets a template pass with every action but this, though only replace fills it in.
            let isValid =
                self.action != .hashMod
                ? Self.isValid(template: self.targetLabel, names)
                : LabelName.isValid(self.targetLabel, scheme: names)
            guard isValid else {
                throw Problem(
                    field: "target_label",
                    message: "\"\(self.targetLabel.abbreviated)\" is not a valid label name"
                )
            }
        }
        if self.action == .hashMod, self.modulus == 0 {
            throw Problem(field: "modulus", message: "the action hashmod needs a modulus of 1 or more")
        }
    }

    /// A field that an action does not look at is most likely meant for another one.
    private func checkUnused(_ fields: Fields) throws(Problem) {
        let separator = self.separator == Self.separatorDefault ? nil : "separator"
        let replacement = self.replacement == Self.replacementDefault ? nil : "replacement"
        let modulus = self.modulus == 0 ? nil : "modulus"
        let unused: [String?]
        switch self.action {
        case .lowercase, .uppercase: unused = [replacement]
        case .keepEqual, .dropEqual:
            unused = [fields.regex == nil ? nil : "regex", modulus, separator, replacement]
        case .labelDrop, .labelKeep:
            let sources = fields.sourceLabels == nil ? nil : "source_labels"
            let target = self.targetLabel.isEmpty ? nil : "target_label"
            unused = [sources, target, modulus, separator, replacement]
        case .replace, .keep, .drop, .hashMod, .labelMap: unused = []
        }
        if let field = unused.compactMap({ $0 }).first {
            throw Problem(field: field, message: "the action \(self.action.rawValue) has no use for it: remove it")
        }
    }

    /// Whether it may become a label name: under the rules of `legacy` of words and `$1`, `${1}` between them.
    private static func isValid(template: String, _ names: LabelName.Scheme) -> Bool {
        if names == .utf8 { return LabelName.isValid(template) }
        var rest = Substring(template).utf8
        var isFirst = true
        guard !rest.isEmpty else { return false }
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "$") {
                let isBraced = rest.first == UInt8(ascii: "{")
                if isBraced { rest.removeFirst() }
                let name = rest.prefix { LabelName.isWord($0) }
                guard !name.isEmpty else { return false }
                rest = rest[name.endIndex...]
                if isBraced { guard rest.popFirst() == UInt8(ascii: "}") else { return false } }
            } else {
                guard LabelName.isWord(byte), !isFirst || !LabelName.isDigit(byte) else { return false }
            }
            isFirst = false
        }
        return true
    }
}
