import Foundation
import JSONTree
import KubeModel
import PrometheusResources
import Testing
import YAMLTree

/// A case of the folder `Fixtures/cases`: resources, what they refer to, and the settings of the allocator.
struct ResourceCase {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

    static let names: [String] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: root.appending(path: "cases").path)) ?? []
        return files.map { String($0.dropLast(".yaml".count)) }.sorted()
    }()

    let settings: ResourceSettings
    let set: PrometheusResourceSet
    let assets: AssetStore

    init(_ name: String) throws {
        let file = Self.root.appending(path: "cases/\(name).yaml")
        try self.init(yaml: String(decoding: Data(contentsOf: file), as: UTF8.self))
    }

    init(yaml: String) throws {
        let document = try #require(try YAMLReader.document(in: yaml).object)
        self.settings = try ResourceSettings(case: document[object: "settings"] ?? [:])
        var assets = AssetStore()
        for (section, kind) in [("secrets", AssetID.Kind.secret), ("configMaps", .configMap)] {
            for (place, values) in document[object: section] ?? [:] {
                let map = try #require(JSONObject(dictionaryLiteral: ("m", values))[stringMap: "m"])
                assets[AssetID(kind, ObjectKey(path: place))] = .present(map.mapValues { Array($0.utf8) })
            }
        }
        for (place, values) in document[object: "binarySecrets"] ?? [:] {
            let map = try #require(JSONObject(dictionaryLiteral: ("m", values))[stringMap: "m"])
            assets[AssetID(.secret, ObjectKey(path: place))] = .present(map.mapValues { Base64.decode($0) ?? [] })
        }
        self.assets = assets
        self.set = PrometheusResourceSet(
            try (document[array: "resources"] ?? []).map { value in
                let object = try #require(value.object)
                return try #require(PrometheusResource(KubeObject(object)))
            },
            namespaces: (document[object: "namespaces"] ?? [:]).reduce(into: [:]) { map, member in
                map[member.key] = JSONObject(dictionaryLiteral: ("m", member.value))[stringMap: "m"]
            }
        )
    }
}

extension ObjectKey {
    /// `namespace/name`.
    init(path: String) {
        let parts = path.split(separator: "/").map(String.init)
        self.init(namespace: parts.first ?? "", name: parts.last ?? "")
    }
}

extension ResourceSettings {
    /// As the configuration file has them, with every kind taken unless it says otherwise.
    init(case json: JSONObject) throws {
        self.init(namespace: "otel")
        self.global = [
            "scrape_interval": .string(json[string: "scrape_interval"] ?? "30s"),
            "scrape_protocols": [
                "OpenMetricsText1.0.0", "OpenMetricsText0.0.1", "PrometheusText1.0.0", "PrometheusText0.0.4",
            ],
        ]
        self.allowedNamespaces = json[strings: "allow_namespaces"] ?? []
        self.deniedNamespaces = json[strings: "deny_namespaces"] ?? []
        self.deniesFileAccess = json[bool: "deny_fs_access_through_sms"] ?? false
        self.kubeconfigFile = json[string: "kubeconfig_file"]
        self.scrapeClasses = (json[array: "scrape_classes"] ?? []).compactMap(\.object)
        let kinds: [(PrometheusResourceKind, String)] = [
            (.serviceMonitor, "service_monitor"), (.podMonitor, "pod_monitor"), (.probe, "probe"),
            (.scrapeConfig, "scrape_config"),
        ]
        for (kind, key) in kinds {
            var selection = ResourceSelection(objects: LabelSelector())
            if let value = json["\(key)_selector"] {
                selection.objects = try value.object.map { try LabelSelector($0) }
            }
            if let value = json[object: "\(key)_namespace_selector"] { selection.namespaces = try LabelSelector(value) }
            self.selections[kind] = selection
        }
    }
}

extension RejectedResource {
    var json: JSONValue {
        var json: JSONObject = ["resource": .string(self.id.description)]
        json[string: "job"] = self.job
        json["reason"] = .string(self.reason.rawValue)
        json["message"] = .string(self.message)
        return .object(json)
    }
}
