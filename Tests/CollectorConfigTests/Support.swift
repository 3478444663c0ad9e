import CollectorConfig
import JSONTree
import Testing
import YAMLTree

extension JSONValue {
    static func yaml(_ text: String) throws -> JSONValue { try YAMLReader.document(in: text) }
}

extension JSONObject {
    static func yaml(_ text: String) throws -> JSONObject { try #require(try YAMLReader.document(in: text).object) }
}

extension CollectorConfiguration {
    static func yaml(_ text: String) throws -> CollectorConfiguration { try CollectorConfiguration(.yaml(text)) }

    /// A configuration whose one component is used: with the defaults of the webhook, or as written.
    static func using(
        _ kind: ComponentKind,
        _ id: String,
        _ body: String,
        defaulted: Bool = false
    ) throws -> CollectorConfiguration {
        var config = try JSONObject.yaml(
            """
            receivers: {}
            exporters: {}
            extensions: {}
            processors: {}
            service: {pipelines: {traces: {receivers: [], processors: [], exporters: []}}}
            """
        )
        config.mutateObject(kind.section) { $0[id] = try? .yaml(body) }
        config.mutateObject("service") { service in
            if kind == .extension {
                service["extensions"] = .strings([id])
            } else {
                service.mutateObject("pipelines") { pipelines in
                    pipelines.mutateObject("traces") { $0[kind.section] = .strings([id]) }
                }
            }
        }
        if defaulted { try ConfigurationDefaults.apply(to: &config) }
        return try CollectorConfiguration(config)
    }
}
