package import JSONTree

/// Which objects are meant, by their labels (meta/v1 LabelSelector, and the `labelSelector` of queries). All
/// requirements must hold; a selector without any means every object.
package struct LabelSelector: Sendable, Hashable {
    package struct Requirement: Sendable, Hashable {
        package enum Operator: Sendable, Hashable {
            /// The label is there with one of the values.
            case `in`
            /// The label is absent or has none of the values.
            case notIn
            case exists
            case doesNotExist
            /// The label is an integer above, or below, the only value. In queries only.
            case greaterThan, lessThan
        }

        package var key: String
        package var `operator`: Operator
        package var values: [String]

        package init(_ key: String, _ operator: Operator, _ values: [String] = []) {
            self.key = key
            self.operator = `operator`
            self.values = values
        }

        package func matches(_ value: String?) -> Bool {
            switch self.operator {
            case .in: value.map(self.values.contains) ?? false
            case .notIn: !(value.map(self.values.contains) ?? false)
            case .exists: value != nil
            case .doesNotExist: value == nil
            case .greaterThan: self.compare(value, >)
            case .lessThan: self.compare(value, <)
            }
        }

        private func compare(_ value: String?, _ holds: (Int, Int) -> Bool) -> Bool {
            guard let value = value.flatMap({ Int($0) }), let bound = self.values.first.flatMap({ Int($0) }) else {
                return false
            }
            return holds(value, bound)
        }
    }

    package var requirements: [Requirement]

    package init(_ requirements: [Requirement] = []) { self.requirements = requirements }

    /// Every one of these labels.
    package init(labels: [String: String]) {
        self.requirements = labels.sorted { $0.key < $1.key }.map { Requirement($0.key, .in, [$0.value]) }
    }

    /// From meta/v1 LabelSelector. An absent selector often means no object at all; that is the caller's to decide.
    ///
    /// - Throws: ``LabelSelectorError`` for members of the wrong kind and for expressions that can't be.
    package init(_ json: JSONObject) throws(LabelSelectorError) {
        self.requirements = []
        if let member = json["matchLabels"], !member.isNull {
            guard case .object(let labels) = member else { throw LabelSelectorError("matchLabels is not an object") }
            for (key, value) in labels {
                guard case .string(let value) = value else {
                    throw LabelSelectorError("matchLabels: the value of \"\(key)\" is not a string")
                }
                self.requirements.append(Requirement(key, .in, [value]))
            }
        }
        guard let member = json["matchExpressions"], !member.isNull else { return }
        guard case .array(let expressions) = member else {
            throw LabelSelectorError("matchExpressions is not an array")
        }
        for (index, expression) in expressions.enumerated() {
            do throws(LabelSelectorError) {
                self.requirements.append(try Self.requirement(expression))
            } catch {
                throw LabelSelectorError("matchExpressions[\(index)]: \(error.message)")
            }
        }
    }

    private static func requirement(_ expression: JSONValue) throws(LabelSelectorError) -> Requirement {
        guard let key = expression["key"]?.string, !key.isEmpty else { throw LabelSelectorError("no key") }
        var values: [String] = []
        if let member = expression["values"], !member.isNull {
            guard case .array(let elements) = member else { throw LabelSelectorError("values is not an array") }
            for element in elements {
                guard case .string(let value) = element else { throw LabelSelectorError("a value is not a string") }
                values.append(value)
            }
        }
        switch expression["operator"]?.string {
        case "In":
            if values.isEmpty { throw LabelSelectorError("In needs values") }
            return Requirement(key, .in, values)
        case "NotIn":
            if values.isEmpty { throw LabelSelectorError("NotIn needs values") }
            return Requirement(key, .notIn, values)
        case "Exists":
            if !values.isEmpty { throw LabelSelectorError("Exists takes no values") }
            return Requirement(key, .exists)
        case "DoesNotExist":
            if !values.isEmpty { throw LabelSelectorError("DoesNotExist takes no values") }
            return Requirement(key, .doesNotExist)
        case let other?: throw LabelSelectorError("unknown operator \"\(other)\"")
        case nil: throw LabelSelectorError("no operator")
        }
    }

    package var isEmpty: Bool { self.requirements.isEmpty }

    package func matches(_ labels: [String: String]) -> Bool {
        self.requirements.allSatisfy { $0.matches(labels[$0.key]) }
    }

    /// As for a map; members that are not strings count as absent.
    package func matches(_ labels: JSONObject?) -> Bool {
        self.requirements.allSatisfy { $0.matches(labels?[string: $0.key]) }
    }
}

/// Why something is not a label selector.
package struct LabelSelectorError: Error, Hashable, CustomStringConvertible {
    package var message: String
    package init(_ message: String) { self.message = message }
    package var description: String { "invalid label selector: \(self.message)" }
}
