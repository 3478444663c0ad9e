package import KubeModel

/// What the server serves. Asked when first needed, remembered by the client, asked again for what was not there (at most
/// each ten seconds) and on ``refresh()``. Nothing is derived from the server's version.
package struct Discovery: Sendable {
    let cache: DiscoveryCache

    /// Where objects of a kind are served, `nil` if nowhere.
    ///
    /// - Parameter preferredVersions: the versions that the caller can work with, best first: the first one served is
    ///   taken, none served gives `nil`. Empty takes the server's own order.
    /// - Throws: when the server cannot tell: it is away, or the group is served by an extension server that is down. A
    ///   `nil` therefore means "not served", which a plan may be built on.
    package func resource(for kind: GroupKind, preferredVersions: [String] = []) async throws -> APIResource? {
        try await self.entry(for: kind, preferredVersions: preferredVersions)?.resource
    }

    /// Where objects of a kind are served in this very version.
    package func resource(for kind: GroupVersionKind) async throws -> APIResource? {
        try await self.entry(for: kind.groupKind, preferredVersions: [kind.version])?.resource
    }

    /// Like ``resource(for:preferredVersions:)``, with verbs and subresources.
    package func entry(for kind: GroupKind, preferredVersions: [String] = []) async throws -> DiscoveredResource? {
        try await self.cache.entry(for: kind, preferredVersions: preferredVersions)
    }

    /// The versions of a group, the server's preferred one first; empty if it is not served.
    package func versions(ofGroup group: String) async throws -> [String] {
        try await self.cache.versions(ofGroup: group)
    }

    /// Whether the server serves a group in any version.
    package func serves(group: String) async throws -> Bool {
        try await !self.versions(ofGroup: group).isEmpty
    }

    /// Forgets everything and asks anew.
    package func refresh() async throws {
        try await self.cache.refresh()
    }
}

/// A kind as the server serves it in one version.
package struct DiscoveredResource: Sendable, Hashable {
    package var resource: APIResource
    /// Such as `get`, `list`, `watch`, `create`, `patch`.
    package var verbs: [String]
    /// Such as `status` and `scale`.
    package var subresources: [String]

    package init(resource: APIResource, verbs: [String] = [], subresources: [String] = []) {
        self.resource = resource
        self.verbs = verbs
        self.subresources = subresources
    }
}
