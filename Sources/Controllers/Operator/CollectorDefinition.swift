package import JSONTree
package import KubeClient
package import KubeModel
package import KubeRuntime
import Rendering

/// What we have to know of the CustomResourceDefinition of collectors; its schemas weigh hundreds of kilobytes.
package struct CollectorDefinition: Sendable, Equatable {
    package static let key = ObjectKey(name: "opentelemetrycollectors.opentelemetry.io")
    /// The version in which objects are to be stored.
    package static let storageVersion = "v1beta1"

    package var conversion: JSONObject
    package var versions: [String]
    /// Annotations by which somebody else is told to put trust bundles of its own in.
    package var injectors: [String]
    /// In which versions there may still be objects in etcd.
    package var storedVersions: [String]

    package init(_ cursor: inout JSONCursor) throws(JSONError) {
        var conversion: JSONObject = [:]
        var versions: [String] = []
        var storedVersions: [String] = []
        var injectors: [String] = []
        try cursor.readObject { (key, cursor) throws(JSONError) in
            switch key {
            case "metadata":
                let metadata = ObjectMeta(try cursor.readObjectTree())
                injectors = metadata.annotations.keys.filter { $0.hasPrefix("cert-manager.io/inject-") }.sorted()
            case "spec":
                try cursor.readObject { (key, cursor) throws(JSONError) in
                    switch key {
                    case "conversion": conversion = try cursor.readObjectTree()
                    case "versions":
                        try cursor.readArray { (cursor) throws(JSONError) in
                            try cursor.readObject { (key, cursor) throws(JSONError) in
                                if key == "name" { versions.append(try cursor.readString()) } else { try cursor.skip() }
                            }
                        }
                    default: try cursor.skip()
                    }
                }
            case "status":
                let status = try cursor.readObjectTree()
                storedVersions = status[strings: "storedVersions"] ?? []
            default: try cursor.skip()
            }
        }
        self.conversion = conversion
        self.versions = versions
        self.storedVersions = storedVersions
        self.injectors = injectors
    }

    /// Without a second version there is nothing to convert, and a webhook would only be one thing more that can fail.
    package var hasSeveralVersions: Bool { self.versions.count > 1 }

    package var needsMigration: Bool {
        self.storedVersions.contains { $0 != Self.storageVersion } && self.versions.contains(Self.storageVersion)
    }

    package func holds(conversion wanted: JSONObject) -> Bool {
        LiveComparison.holds(wanted, in: self.conversion) && self.surplus(beside: wanted).isEmpty
            && self.injectors.isEmpty
    }

    /// A merge patch: the wanted members of `spec.conversion`, null for the address that is not wanted, as the server takes
    /// only one, and without what would have cert-manager put the Go operator's trust bundle back.
    package func patch(to wanted: JSONObject) -> JSONObject {
        var conversion = wanted
        conversion.mutateObject("webhook") { webhook in
            webhook.mutateObject("clientConfig") { config in
                for name in self.surplus(beside: wanted) { config[name] = .null }
            }
        }
        var patch: JSONObject = ["spec": ["conversion": .object(conversion)]]
        if !self.injectors.isEmpty {
            patch["metadata"] = ["annotations": .object(JSONObject(self.injectors.map { ($0, .null) }))]
        }
        return patch
    }

    private func surplus(beside wanted: JSONObject) -> [String] {
        let live = self.conversion["webhook"]?["clientConfig"]
        return ["service", "url"].filter {
            live?[$0] != nil && wanted["webhook"]?["clientConfig"]?[$0] == nil
        }
    }

    /// A store that holds this definition, if it is there.
    package static func store(client: KubeClient) -> Store<CollectorDefinition> {
        Store(
            client: client,
            target: WatchTarget(.customResourceDefinitions, fieldSelector: "metadata.name=\(self.key.name)"),
            projection: { (cursor) throws(JSONError) in try CollectorDefinition(&cursor) }
        )
    }
}
