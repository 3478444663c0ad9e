import JSONTree
import KubeModel

/// What discovery documents say, read into one form. Pure: bytes in, values out.
struct DiscoverySnapshot: Sendable {
    /// A version of a group, and its resources as far as they are known.
    struct Version: Sendable {
        enum Contents: Sendable {
            /// Classic discovery: not asked yet.
            case unknown
            case known([DiscoveredResource])
            /// An extension server that is down: the main server knows the version but not what is in it.
            case unavailable
        }

        var name: String
        var contents: Contents
    }

    /// By group; versions in the server's order of preference.
    var groups: [String: [Version]] = [:]

    // MARK: Aggregated discovery (apidiscovery.k8s.io/v2, v2beta1: APIGroupDiscoveryList)

    /// Adds what an `APIGroupDiscoveryList` says.
    mutating func add(aggregated json: JSONObject) {
        for item in json[array: "items"] ?? [] {
            let group = item["metadata"]?["name"]?.string ?? ""
            let versions = (item["versions"]?.array ?? []).compactMap { Self.version($0, group: group) }
            if !versions.isEmpty { self.groups[group] = versions }
        }
    }

    private static func version(_ json: JSONValue, group: String) -> Version? {
        guard let name = json["version"]?.string else { return nil }
        var resources: [DiscoveredResource] = []
        for resource in json["resources"]?.array ?? [] {
            // A resource without responseKind has subresources only, such as pods/eviction of a foreign server.
            guard let plural = resource["resource"]?.string, let kind = resource["responseKind"]?["kind"]?.string,
                !kind.isEmpty
            else { continue }
            resources.append(
                DiscoveredResource(
                    resource: APIResource(
                        group: group,
                        version: name,
                        plural: plural,
                        kind: kind,
                        isNamespaced: resource["scope"]?.string == "Namespaced"
                    ),
                    verbs: (resource["verbs"]?.array ?? []).compactMap(\.string),
                    subresources: (resource["subresources"]?.array ?? []).compactMap { $0["subresource"]?.string }
                )
            )
        }
        // "Stale" may still list what was there before the extension server went away; that is better than nothing.
        let isStale = json["freshness"]?.string == "Stale"
        return Version(name: name, contents: isStale && resources.isEmpty ? .unavailable : .known(resources))
    }

    // MARK: Classic discovery (APIVersions, APIGroupList, APIResourceList)

    /// Adds what `/api` (`APIVersions`) says.
    mutating func add(coreVersions json: JSONObject) {
        let versions = json[strings: "versions"] ?? []
        if !versions.isEmpty { self.groups[""] = versions.map { Version(name: $0, contents: .unknown) } }
    }

    /// Adds what `/apis` (`APIGroupList`) says.
    mutating func add(groupList json: JSONObject) {
        for group in json[array: "groups"] ?? [] {
            guard let name = group["name"]?.string else { continue }
            var versions = (group["versions"]?.array ?? []).compactMap { $0["version"]?.string }
            if let preferred = group["preferredVersion"]?["version"]?.string,
                let place = versions.firstIndex(of: preferred)
            {
                versions.insert(versions.remove(at: place), at: 0)
            }
            if !versions.isEmpty { self.groups[name] = versions.map { Version(name: $0, contents: .unknown) } }
        }
    }

    /// The resources of an `APIResourceList`.
    static func resources(in json: JSONObject, group: String, version: String) -> [DiscoveredResource] {
        var resources: [DiscoveredResource] = []
        var subresources: [String: [String]] = [:]
        for item in json[array: "resources"] ?? [] {
            guard let name = item["name"]?.string else { continue }
            if let slash = name.firstIndex(of: "/") {
                subresources[String(name[..<slash]), default: []].append(String(name[name.index(after: slash)...]))
                continue
            }
            guard let kind = item["kind"]?.string else { continue }
            resources.append(
                DiscoveredResource(
                    resource: APIResource(
                        group: group,
                        version: version,
                        plural: name,
                        kind: kind,
                        isNamespaced: item["namespaced"]?.bool ?? false
                    ),
                    verbs: (item["verbs"]?.array ?? []).compactMap(\.string)
                )
            )
        }
        for place in resources.indices {
            resources[place].subresources = subresources[resources[place].resource.plural] ?? []
        }
        return resources
    }

    // MARK: Looking up

    enum Answer: Sendable {
        case found(DiscoveredResource)
        case absent
        /// These versions must be asked first.
        case ask([String])
        /// The group's own server is down.
        case unavailable(version: String)
    }

    /// Looks in the versions of `preferred` that are served, in that order; in all of them when it is empty.
    func find(_ kind: GroupKind, preferred: [String]) -> Answer {
        let served = self.groups[kind.group] ?? []
        let candidates =
            preferred.isEmpty
            ? served : preferred.compactMap { name in served.first { $0.name == name } }
        for version in candidates {
            switch version.contents {
            case .known(let resources):
                if let match = resources.first(where: { $0.resource.kind == kind.kind }) { return .found(match) }
            case .unknown: return .ask([version.name])
            case .unavailable: return .unavailable(version: version.name)
            }
        }
        return .absent
    }

    mutating func set(_ contents: Version.Contents, group: String, version: String) {
        guard let place = self.groups[group]?.firstIndex(where: { $0.name == version }) else { return }
        self.groups[group]?[place].contents = contents
    }
}
