package import JSONTree

extension CollectorConfiguration {
    /// The bytes whose SHA-256 names a ConfigMap (specification section 4.5): compact JSON, the members of the shell in
    /// Go's struct order, all map keys sorted, numbers and escapes as Go's encoder writes them.
    package var hashInput: [UInt8] {
        var writer = JSONWriter(options: .init(sortsKeys: true, escapesHTML: true), reservingCapacity: 1024)
        writer.write(raw: "{\"receivers\":")
        writer.write(self.receivers.hashValue)
        writer.write(raw: ",\"exporters\":")
        writer.write(self.exporters.hashValue)
        if let processors {
            writer.write(raw: ",\"processors\":")
            writer.write(processors.withGoNumbers)
        }
        if let connectors {
            writer.write(raw: ",\"connectors\":")
            writer.write(connectors.withGoNumbers)
        }
        if let extensions {
            writer.write(raw: ",\"extensions\":")
            writer.write(extensions.withGoNumbers)
        }
        writer.write(raw: ",\"service\":{")
        if let extensions = self.service.extensions, !extensions.isEmpty {
            writer.write(raw: "\"extensions\":")
            writer.write(.strings(extensions))
            writer.write(raw: ",")
        }
        if let telemetry = self.service.telemetry {
            writer.write(raw: "\"telemetry\":")
            writer.write(telemetry.withGoNumbers)
            writer.write(raw: ",")
        }
        writer.write(raw: "\"pipelines\":")
        if let pipelines = self.service.pipelines {
            // The members of a pipeline happen to be in byte order in Go's struct: exporters, processors, receivers.
            writer.write(JSONObject(pipelines.map { ($0.name, $0.pipeline.map { .object($0.tree) } ?? .null) }))
        } else {
            writer.write(raw: "null")
        }
        writer.write(raw: "}}")
        return writer.bytes
    }

    /// The configuration as the collector gets it: members of the shell in their order, all map keys below sorted.
    package var tree: JSONObject {
        var tree: JSONObject = [:]
        tree["receivers"] = self.receivers.map { .object($0.deeplySorted) } ?? .null
        tree["exporters"] = self.exporters.map { .object($0.deeplySorted) } ?? .null
        if let processors { tree["processors"] = .object(processors.deeplySorted) }
        if let connectors { tree["connectors"] = .object(connectors.deeplySorted) }
        if let extensions { tree["extensions"] = .object(extensions.deeplySorted) }
        var service: JSONObject = [:]
        if let extensions = self.service.extensions, !extensions.isEmpty {
            service["extensions"] = .strings(extensions)
        }
        if let telemetry = self.service.telemetry { service["telemetry"] = .object(telemetry.deeplySorted) }
        if let pipelines = self.service.pipelines {
            service["pipelines"] = .object(
                JSONObject(pipelines.map { ($0.name, $0.pipeline.map { .object($0.tree) } ?? .null) }).sortedByKey()
            )
        } else {
            service["pipelines"] = .null
        }
        tree["service"] = .object(service)
        return tree
    }
}

extension CollectorConfiguration.Pipeline {
    /// exporters, processors (when there are any), receivers.
    fileprivate var tree: JSONObject {
        var tree: JSONObject = [:]
        tree["exporters"] = self.exporters.map { .strings($0) } ?? .null
        if let processors, !processors.isEmpty { tree["processors"] = .strings(processors) }
        tree["receivers"] = self.receivers.map { .strings($0) } ?? .null
        return tree
    }
}

extension JSONObject? {
    fileprivate var hashValue: JSONValue { self.map { .object($0.withGoNumbers) } ?? .null }
}

extension JSONObject {
    /// All keys in byte order, at every level.
    package var deeplySorted: JSONObject {
        JSONObject(self.sortedByKey().map { ($0.key, $0.value.deeplySorted) })
    }
}

extension JSONValue {
    package var deeplySorted: JSONValue {
        switch self {
        case .object(let object): .object(object.deeplySorted)
        case .array(let elements): .array(elements.map(\.deeplySorted))
        default: self
        }
    }
}
