import JSONTree
import KubeModel
import NIOHTTP1
import Synchronization

/// Asks for discovery documents and remembers what they said.
///
/// With aggregated discovery (1.26+) two requests tell everything. Older servers list their groups in two requests, and each
/// version of a group is asked for when somebody looks into it, since an operator looks into ten of fifty.
final class DiscoveryCache: Sendable {
    private struct State {
        var snapshot: DiscoverySnapshot?
        var fetchedAt = Duration.zero
    }

    private let transport: Transport
    private let state = Mutex(State())
    private let groupsFlight = SingleFlight<DiscoverySnapshot>()
    private let versionFlights = Mutex<[String: SingleFlight<Void>]>([:])

    /// A kind that is not there may have come with a CRD since; this keeps a loop that asks for it from asking the server
    /// each time.
    private static let askAgainAfter = Duration.seconds(10)

    init(transport: Transport) { self.transport = transport }

    func entry(for kind: GroupKind, preferredVersions: [String]) async throws -> DiscoveredResource? {
        if let found = try await self.find(kind, preferredVersions) { return found }
        guard self.isOld() else { return nil }
        try await self.refresh()
        return try await self.find(kind, preferredVersions)
    }

    func versions(ofGroup group: String) async throws -> [String] {
        if let versions = try await self.snapshot().groups[group] { return versions.map(\.name) }
        guard self.isOld() else { return [] }
        try await self.refresh()
        return try await self.snapshot().groups[group]?.map(\.name) ?? []
    }

    func refresh() async throws {
        _ = try await self.fetch()
    }

    private func isOld() -> Bool {
        let now = self.transport.time.now
        return self.state.withLock { $0.snapshot == nil || now - $0.fetchedAt >= Self.askAgainAfter }
    }

    private func snapshot() async throws -> DiscoverySnapshot {
        if let known = self.state.withLock({ $0.snapshot }) { return known }
        return try await self.fetch()
    }

    private func find(_ kind: GroupKind, _ preferred: [String]) async throws -> DiscoveredResource? {
        while true {
            switch try await self.snapshot().find(kind, preferred: preferred) {
            case .found(let resource): return resource
            case .absent: return nil
            case .ask(let versions):
                for version in versions { try await self.fetch(group: kind.group, version: version) }
            case .unavailable(let version):
                throw APIError(
                    code: 503,
                    reason: "ServiceUnavailable",
                    message: "the server of \(kind.group)/\(version) is down, so its kinds are unknown",
                    method: "GET",
                    path: "/apis/\(kind.group)/\(version)"
                )
            }
        }
    }

    // MARK: Asking

    private static let aggregated = """
        application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
        application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json
        """

    private func fetch() async throws -> DiscoverySnapshot {
        try await self.groupsFlight.run {
            var snapshot = DiscoverySnapshot()
            let core = try await self.get("/api", accept: Self.aggregated)
            if core.isAggregated { snapshot.add(aggregated: core.json) } else { snapshot.add(coreVersions: core.json) }
            let named = try await self.get("/apis", accept: Self.aggregated)
            if named.isAggregated { snapshot.add(aggregated: named.json) } else { snapshot.add(groupList: named.json) }
            let now = self.transport.time.now
            self.state.withLock { [snapshot] state in
                state.snapshot = snapshot
                state.fetchedAt = now
            }
            return snapshot
        }
    }

    private func fetch(group: String, version: String) async throws {
        let path = group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)"
        let flight = self.versionFlights.withLock { flights in
            let flight = flights[path] ?? SingleFlight<Void>()
            flights[path] = flight
            return flight
        }
        try await flight.run {
            let contents: DiscoverySnapshot.Version.Contents
            do {
                let json = try await self.get(path, accept: Accept.plain).json
                contents = .known(DiscoverySnapshot.resources(in: json, group: group, version: version))
            } catch let error as APIError where error.isNotFound {
                // Taken away since the groups were listed.
                contents = .known([])
            }
            // Other failures (an extension server that is down) are not remembered: the next one to ask may be luckier.
            self.state.withLock { $0.snapshot?.set(contents, group: group, version: version) }
        }
    }

    private func get(_ path: String, accept: String) async throws -> (json: JSONObject, isAggregated: Bool) {
        let request = APIRequest(path: path, accept: accept, verb: "get", resource: "discovery", isIdempotent: true)
        let response = try await self.transport.sendExpectingSuccess(request)
        let json = try KubeClient.object(in: response, to: request).json
        let type = response.headers.first(name: "Content-Type") ?? ""
        return (json, type.contains("as=APIGroupDiscoveryList") || json[string: "kind"] == "APIGroupDiscoveryList")
    }
}
