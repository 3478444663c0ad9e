import JSONTree
package import PrometheusModel
import YAMLTree

/// Target groups as files and HTTP endpoints write them: `[{"targets": ["host:port"], "labels": {"name": "value"}}]`.
package enum TargetList {
    package enum Format: Sendable, Hashable {
        case json, yaml

        /// By a file's extension; `nil` for others.
        package init?(path: String) {
            let lowered = path.lowercased()
            if lowered.hasSuffix(".json") {
                self = .json
            } else if lowered.hasSuffix(".yml") || lowered.hasSuffix(".yaml") {
                self = .yaml
            } else {
                return nil
            }
        }
    }

    /// The groups of a file, each with `__meta_filepath`; their sources are the path and their place in it.
    ///
    /// - Throws: ``TargetListError``: one mistake and nothing of the file counts, as in Prometheus.
    package static func groups(
        file bytes: [UInt8],
        path: String,
        format: Format
    ) throws(TargetListError) -> [TargetGroup] {
        try Self.groups(
            try Self.value(bytes, format),
            format,
            Label(name: "__meta_filepath", value: path),
            source: path
        )
    }

    /// The groups of an HTTP answer, each with `__meta_url`; their sources are the URL and their place in it.
    package static func groups(answer bytes: [UInt8], url: String) throws(TargetListError) -> [TargetGroup] {
        try Self.groups(try Self.value(bytes, .json), .json, Label(name: "__meta_url", value: url), source: url)
    }

    private static func value(_ bytes: [UInt8], _ format: Format) throws(TargetListError) -> JSONValue {
        switch format {
        case .json:
            do {
                return try JSONValue(parsing: bytes)
            } catch {
                throw TargetListError("not JSON: \(error)")
            }
        case .yaml:
            do {
                // Words such as `yes` stay words: all scalars here are texts.
                return try YAMLReader.document(in: bytes, dialect: .trueFalseOnly)
            } catch {
                throw TargetListError("not YAML: \(error)")
            }
        }
    }

    private static func groups(
        _ value: JSONValue,
        _ format: Format,
        _ origin: Label,
        source: String
    ) throws(TargetListError) -> [TargetGroup] {
        if value.isNull { return [] }
        guard let elements = value.array else {
            throw TargetListError("it is \(value.kindName), but must be a list of target groups")
        }
        var groups: [TargetGroup] = []
        groups.reserveCapacity(elements.count)
        for (place, element) in elements.enumerated() {
            let at = "[\(place)]"
            guard let group = element.object else {
                throw TargetListError("\(at) is \(element.kindName), but must be a target group: targets and labels")
            }
            if let unknown = group.keys.first(where: { $0 != "targets" && $0 != "labels" }) {
                throw TargetListError("\(at) has '\(unknown)'; a target group has only targets and labels")
            }
            var labels = LabelDraft()
            for (name, value) in try Self.members(group["labels"], "\(at).labels") {
                if name.isEmpty { throw TargetListError("\(at).labels has a label without a name") }
                let text = try Self.text(value, format, "\(at).labels.\(name)")
                labels.set(name, text)
            }
            labels.set(origin.name, origin.value)
            var targets: [[Label]] = []
            for (number, target) in try Self.elements(group["targets"], "\(at).targets").enumerated() {
                let address = try Self.text(target, format, "\(at).targets[\(number)]")
                targets.append([Label(name: Label.address, value: address)])
            }
            groups.append(TargetGroup(source: "\(source):\(place)", labels: labels.finished(), targets: targets))
        }
        return groups
    }

    private static func members(_ value: JSONValue?, _ at: String) throws(TargetListError) -> JSONObject {
        guard let value, !value.isNull else { return [:] }
        guard let object = value.object else {
            throw TargetListError("\(at) is \(value.kindName), but must be a map of names to values")
        }
        return object
    }

    private static func elements(_ value: JSONValue?, _ at: String) throws(TargetListError) -> [JSONValue] {
        guard let value, !value.isNull else { return [] }
        guard let array = value.array else {
            throw TargetListError("\(at) is \(value.kindName), but must be a list of addresses")
        }
        return array
    }

    private static func text(_ value: JSONValue, _ format: Format, _ at: String) throws(TargetListError) -> String {
        switch (value, format) {
        case (.string(let text), _): text
        // As Go reads it.
        case (.null, _): ""
        // YAML without quotes.
        case (.number(let number), .yaml): number.literal
        case (.bool(let flag), .yaml): flag ? "true" : "false"
        default: throw TargetListError("\(at) is \(value.kindName), but must be a string")
        }
    }
}

/// Why a list of targets can't be used.
package struct TargetListError: Error, Hashable, CustomStringConvertible {
    package var message: String
    package init(_ message: String) { self.message = message }
    package var description: String { self.message }
}
