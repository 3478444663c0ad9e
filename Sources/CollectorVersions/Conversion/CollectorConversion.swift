// CollectorVersions: what turns a collector of one version into another. Conversion between the API versions v1alpha1 and
// v1beta1 is here, the upgrade of what older operators stored in Upgrade/. Values in, values out.

package import JSONTree
import KubeModel
package import TelemetryAPI
import YAMLTree

/// Conversion of `OpenTelemetryCollector` between v1alpha1 and v1beta1 (specification section 1.5).
///
/// Total: it never fails, whatever an object looks like. What one version can't say travels in an annotation and comes back
/// with the other version, so that a read and a write in the old version lose nothing (the Go operator loses some thirty
/// fields so); what the user changed meanwhile wins.
package enum CollectorConversion {
    package enum Version: String, Sendable, Hashable, CaseIterable {
        case v1alpha1, v1beta1

        package init?(apiVersion: String) {
            guard apiVersion.hasPrefix("opentelemetry.io/") else { return nil }
            self.init(rawValue: String(apiVersion.dropFirst("opentelemetry.io/".utf8.count)))
        }

        package var apiVersion: String { "opentelemetry.io/\(self.rawValue)" }
    }

    package static let kind = "OpenTelemetryCollector"
    /// On a v1alpha1 object: the fields that only v1beta1 knows, as JSON; see ``KeptFields``.
    package static let keptAnnotation = "operator.opentelemetry.io/v1beta1-fields"
    /// On a v1beta1 object: the configuration text that v1alpha1 held and that is no configuration.
    package static let textAnnotation = "operator.opentelemetry.io/v1alpha1-config"
    /// A longer text is not kept: annotations may have 262,144 bytes in all.
    static let keptTextLimit = 131_072

    /// An object in another version; one that is in that version already, and one of another kind, is left as it is.
    package static func converted(_ object: JSONObject, to version: Version) -> JSONObject {
        guard object[string: "kind"] == self.kind,
            let present = object[string: "apiVersion"].flatMap(Version.init(apiVersion:)), present != version
        else { return object }
        switch version {
        case .v1beta1: return self.upward(object)
        case .v1alpha1: return self.downward(object)
        }
    }

    /// Why a collector that came as v1alpha1 runs without the configuration that it was given; `nil` when it does not.
    package static func finding(of collector: Collector) -> String? {
        guard let text = collector.metadata.annotations[self.textAnnotation],
            self.saysNothing(collector.spec.config ?? [:])
        else { return nil }
        let cause: String
        switch OldConfiguration(text) {
        case .unreadable(let reason): cause = reason
        case .read, .empty: return nil
        }
        return
            "spec.config, as it was written in v1alpha1, is not a configuration (\(cause)), so the collector runs without components; mend the text, or write the configuration in v1beta1"
    }

    /// Whether a configuration is what stands in for none: no component and no pipeline. Defaults may have been added.
    static func saysNothing(_ config: JSONObject) -> Bool {
        func isEmpty(_ value: JSONValue?) -> Bool { value?.object?.isEmpty ?? value?.array?.isEmpty ?? true }
        let sections = ["receivers", "exporters", "processors", "connectors", "extensions"]
        let service = config[object: "service"] ?? [:]
        return sections.allSatisfy { isEmpty(config[$0]) } && isEmpty(service["pipelines"])
            && isEmpty(service["extensions"])
    }

    /// Sets an annotation or takes it off; the member goes with the last one.
    static func annotate(_ object: inout JSONObject, _ name: String, _ value: String?) {
        guard value != nil || object["metadata"]?["annotations"]?[name] != nil else { return }
        object.mutateObject("metadata") { metadata in
            metadata.mutateObject("annotations") { $0[string: name] = value }
            if metadata[object: "annotations"]?.isEmpty == true { metadata.remove("annotations") }
        }
    }
}

/// The text of a v1alpha1 configuration, read.
enum OldConfiguration {
    /// With `receivers`, `exporters` and `service.pipelines`, which v1beta1 wants to be there.
    case read(JSONObject)
    /// No text, or one that says null.
    case empty
    /// No YAML, or not of the shape that v1beta1 has.
    case unreadable(String)

    /// What v1beta1 holds where there is no configuration.
    static let nothing: JSONObject = ["receivers": [:], "exporters": [:], "service": ["pipelines": [:]]]

    init(_ text: String) {
        let value: JSONValue
        do throws(YAMLError) {
            // As the collector itself reads it: `on` is a word, not a boolean.
            value = try YAMLReader.document(in: text, dialect: .trueFalseOnly)
        } catch {
            self = .unreadable("\(error)")
            return
        }
        switch value {
        case .null: self = .empty
        case .object(let config): self = Self.shaped(config)
        default: self = .unreadable("expected a map, got a \(value.kindName)")
        }
    }

    private static func shaped(_ config: JSONObject) -> OldConfiguration {
        var config = config
        func isMap(_ value: JSONValue?) -> Bool { value == nil || value?.isNull == true || value?.object != nil }
        for section in ["receivers", "exporters", "processors", "connectors", "extensions", "service"]
        where !isMap(config[section]) {
            return .unreadable("\(section): expected a map, got a \(config[section]?.kindName ?? "")")
        }
        var service = config[object: "service"] ?? [:]
        for member in ["telemetry", "pipelines"] where !isMap(service[member]) {
            return .unreadable("service.\(member): expected a map, got a \(service[member]?.kindName ?? "")")
        }
        for (name, pipeline) in service[object: "pipelines"] ?? [:] where !isMap(pipeline) {
            return .unreadable("service.pipelines.\(name): expected a map, got a \(pipeline.kindName)")
        }
        for section in ["receivers", "exporters"] where config[section]?.object == nil { config[section] = [:] }
        if service["pipelines"]?.object == nil { service["pipelines"] = [:] }
        config["service"] = .object(service)
        return .read(config)
    }
}

extension JSONValue {
    fileprivate var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .number: "number"
        case .string: "string"
        case .array: "list"
        case .object: "map"
        }
    }
}
