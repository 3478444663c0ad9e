package import JSONTree

/// What is wrong with a collector configuration, with the path of the member it is about.
package struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Below `spec.config`, such as `receivers.otlp.protocols`.
    package var path: String
    package var message: String

    package init(path: String, _ message: String) {
        self.path = path
        self.message = message
    }

    package var description: String { self.path.isEmpty ? self.message : "\(self.path): \(self.message)" }
}

/// `spec.config` of a collector: a typed shell around free-form component bodies (specification section 4.1).
///
/// Members directly under `config`, `service` or a pipeline that the shell does not know are not part of it; they stay
/// in the custom resource but reach neither the ConfigMap nor the hash.
package struct CollectorConfiguration: Sendable, Hashable {
    /// `nil` when absent or null.
    package var receivers: JSONObject?
    package var exporters: JSONObject?
    package var processors: JSONObject?
    package var connectors: JSONObject?
    package var extensions: JSONObject?
    package var service: Service

    package struct Service: Sendable, Hashable {
        package var extensions: [String]?
        package var telemetry: JSONObject?
        /// In the order of the document; `nil` when absent or null.
        package var pipelines: [NamedPipeline]?

        package init(extensions: [String]? = nil, telemetry: JSONObject? = nil, pipelines: [NamedPipeline]? = nil) {
            self.extensions = extensions
            self.telemetry = telemetry
            self.pipelines = pipelines
        }
    }

    /// A pipeline and its name; the pipeline of `traces: null` is nil.
    package struct NamedPipeline: Sendable, Hashable {
        package var name: String
        package var pipeline: Pipeline?
    }

    package struct Pipeline: Sendable, Hashable {
        package var receivers: [String]?
        package var processors: [String]?
        package var exporters: [String]?
    }

    /// Throws when a member of the shell is of the wrong kind, and for what is too large to be of any use.
    package init(_ json: JSONObject) throws(ConfigurationError) {
        self.receivers = try Self.map(json, "receivers", "")
        self.exporters = try Self.map(json, "exporters", "")
        self.processors = try Self.map(json, "processors", "")
        self.connectors = try Self.map(json, "connectors", "")
        self.extensions = try Self.map(json, "extensions", "")
        let service = try Self.map(json, "service", "") ?? [:]
        var pipelines: [NamedPipeline]?
        if let map = try Self.map(service, "pipelines", "service.") {
            var found: [NamedPipeline] = []
            for (name, value) in map {
                guard !value.isNull else {
                    found.append(NamedPipeline(name: name, pipeline: nil))
                    continue
                }
                let path = "service.pipelines.\(name.abbreviated())"
                guard let body = value.object else {
                    throw ConfigurationError(path: path, "expected a map, got '\(value.goKind)'")
                }
                found.append(
                    NamedPipeline(
                        name: name,
                        pipeline: Pipeline(
                            receivers: try Self.ids(body, "receivers", path + "."),
                            processors: try Self.ids(body, "processors", path + "."),
                            exporters: try Self.ids(body, "exporters", path + ".")
                        )
                    )
                )
            }
            pipelines = found
        }
        self.service = Service(
            extensions: try Self.ids(service, "extensions", "service."),
            telemetry: try Self.map(service, "telemetry", "service."),
            pipelines: pipelines
        )
        try self.checkSize()
    }

    private static func map(_ json: JSONObject, _ key: String, _ path: String) throws(ConfigurationError) -> JSONObject?
    {
        switch json[key] {
        case nil, .null: return nil
        case .object(let object): return object
        case .some(let other): throw ConfigurationError(path: path + key, "expected a map, got '\(other.goKind)'")
        }
    }

    private static func ids(_ json: JSONObject, _ key: String, _ path: String) throws(ConfigurationError) -> [String]? {
        switch json[key] {
        case nil, .null: return nil
        case .array(let elements):
            var ids: [String] = []
            for (position, element) in elements.enumerated() {
                guard let id = element.string else {
                    throw ConfigurationError(
                        path: "\(path)\(key)[\(position)]",
                        "expected a string, got '\(element.goKind)'"
                    )
                }
                ids.append(id)
            }
            return ids
        case .some(let other): throw ConfigurationError(path: path + key, "expected a list, got '\(other.goKind)'")
        }
    }
}

/// Where a component stands in the configuration.
package enum ComponentKind: String, Sendable, Hashable, CaseIterable {
    case receiver, exporter, processor, connector, `extension`

    /// The member of `config` that defines components of this kind.
    package var section: String { self.rawValue + "s" }
}

extension CollectorConfiguration {
    /// The defined components of a kind, `nil` when the section is absent.
    package func components(_ kind: ComponentKind) -> JSONObject? {
        switch kind {
        case .receiver: self.receivers
        case .exporter: self.exporters
        case .processor: self.processors
        case .connector: self.connectors
        case .extension: self.extensions
        }
    }

    /// The ids of a kind that a pipeline (or `service.extensions`) uses, each once, sorted by their bytes.
    ///
    /// Connectors are used as receivers and exporters and count as these.
    package func enabled(_ kind: ComponentKind) -> [String] {
        var ids: Set<String> = []
        for named in self.service.pipelines ?? [] {
            guard let pipeline = named.pipeline else { continue }
            switch kind {
            case .receiver: ids.formUnion(pipeline.receivers ?? [])
            case .exporter: ids.formUnion(pipeline.exporters ?? [])
            case .processor: ids.formUnion(pipeline.processors ?? [])
            case .connector, .extension: break
            }
        }
        if kind == .extension { ids.formUnion(self.service.extensions ?? []) }
        return ids.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The type of a component: its id up to the first slash.
    package static func type(ofComponent id: String) -> String {
        // By bytes: as a character, a slash takes what combines with it along.
        String(decoding: id.utf8.prefix { $0 != UInt8(ascii: "/") }, as: UTF8.self)
    }
}

extension JSONValue {
    /// What Go calls the kind of a decoded value; messages of the Go operator name it.
    package var goKind: String {
        switch self {
        case .null: "nil"
        case .bool: "bool"
        case .number: "float64"
        case .string: "string"
        case .array: "slice"
        case .object: "map"
        }
    }
}
