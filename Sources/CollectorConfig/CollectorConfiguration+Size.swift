import JSONTree

// Whatever is made of a configuration (its YAML, paths in messages, patches) may be far larger than the configuration: a
// value is indented by all that it lies in, a message repeats the id it is about. So it is bounded here, once; what is
// beyond these bounds could not be deployed anyway.
extension CollectorConfiguration {
    /// Twice what a ConfigMap holds: with a target allocator the scrape configurations go to a ConfigMap of their own.
    static let mostBytes = 2 << 20
    /// The collector takes 63 bytes of type, a slash and 1024 bytes of name.
    static let longestID = 63 + 1 + 1024

    func checkSize() throws(ConfigurationError) {
        var budget = Self.mostBytes
        for kind in ComponentKind.allCases {
            guard let components = self.components(kind) else { continue }
            try Self.checkIDs(components.keys, kind.section)
            try Self.spend(&budget, .object(components), kind.section)
        }
        try Self.checkIDs(self.service.pipelines?.lazy.map(\.name) ?? [], "service.pipelines")
        if let telemetry = self.service.telemetry { try Self.spend(&budget, .object(telemetry), "service.telemetry") }
        for ids in [self.service.extensions] + (self.service.pipelines ?? []).flatMap({ $0.pipeline?.ids ?? [] }) {
            // Each on a line of its own.
            for id in ids ?? [] { budget -= id.utf8.count + 8 }
            if budget < 0 { throw Self.tooLarge("service") }
        }
    }

    private static func checkIDs(_ ids: some Sequence<String>, _ path: String) throws(ConfigurationError) {
        for id in ids where id.utf8.count > self.longestID {
            throw ConfigurationError(
                path: path,
                "\"\(id.abbreviated())\" has \(id.utf8.count) bytes, more than the \(self.longestID) that an id may have"
            )
        }
    }

    private static func spend(_ budget: inout Int, _ value: JSONValue, _ path: String) throws(ConfigurationError) {
        self.spend(&budget, value, column: 2)
        if budget < 0 { throw self.tooLarge(path) }
    }

    /// Takes from the budget at least as much as the value takes in the layout without target allocator.
    private static func spend(_ budget: inout Int, _ value: JSONValue, column: Int) {
        guard budget >= 0 else { return }
        switch value {
        case .object(let object):
            for member in object.members {
                budget -= column + member.key.utf8.count + 1
                self.spend(&budget, member.value, column: column + 2)
                if budget < 0 { return }
            }
        case .array(let elements):
            for element in elements {
                budget -= column + 1
                self.spend(&budget, element, column: column + 2)
                if budget < 0 { return }
            }
        case .string(let text): budget -= text.utf8.count + 1
        case .null, .bool, .number: budget -= 2
        }
    }

    private static func tooLarge(_ path: String) -> ConfigurationError {
        ConfigurationError(
            path: path,
            "the configuration takes more than \(self.mostBytes >> 20) MiB as YAML, and a ConfigMap holds 1 MiB"
        )
    }
}

extension CollectorConfiguration.Pipeline {
    fileprivate var ids: [[String]?] { [self.receivers, self.processors, self.exporters] }
}
