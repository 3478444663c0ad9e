import JSONTree
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import PrometheusResources
import ServiceLifecycle
import Synchronization

/// Reads the Secrets and ConfigMaps that resources name, and learns when they change: by the metadata of what is in their
/// namespace where that may be watched, else by reading again.
///
/// A namespace is watched from the first time that something in it is named. Values are read one by one and only of what is
/// named; nothing else of a Secret ever gets here.
final class AssetWatcher: Sendable {
    private struct Scope: Hashable {
        var kind: AssetID.Kind
        var namespace: String
    }

    private struct State {
        /// `nil` where there may be no watch.
        var watched: [Scope: Store<ObjectMetadata>?] = [:]
        /// What is to be read again, and when. Everything that is named and not watched is in here.
        var due: [AssetID: Duration] = [:]
        /// What was read and is there.
        var present: Set<AssetID> = []
        var wanted: Set<AssetID> = []
    }

    /// How many are read at a time.
    private static let parallelism = 8

    private let client: KubeClient
    private let configuration: ResourceWatcher.Configuration
    private let time: TimeSource
    private let makeStore: @Sendable (Scope) -> Store<ObjectMetadata>
    private let inbox: ResourceInbox
    private let state = Mutex(State())

    init(
        client: KubeClient,
        configuration: ResourceWatcher.Configuration,
        clock: some Clock<Duration>,
        inbox: ResourceInbox
    ) {
        self.client = client
        self.configuration = configuration
        self.time = TimeSource(clock)
        self.inbox = inbox
        self.makeStore = { scope in
            Store(
                metadataOf: WatchTarget(scope.kind.resource, namespace: scope.namespace),
                client: client,
                clock: clock
            )
        }
    }

    /// Has what is named followed.
    ///
    /// - Returns: services that have to run from now on.
    func follow(_ wanted: Set<AssetID>) -> [any Service] {
        var new: [(Scope, Store<ObjectMetadata>)] = []
        self.state.withLock { state in
            state.wanted = wanted
            state.present.formIntersection(wanted)
            for asset in state.due.keys where !wanted.contains(asset) { state.due[asset] = nil }
            for asset in wanted {
                let scope = Scope(kind: asset.kind, namespace: asset.key.namespace)
                if state.watched.keys.contains(scope) { continue }
                if scope.kind == .secret, !self.configuration.secretNamespaces.contains(scope.namespace) {
                    state.watched[scope] = .some(nil)
                    continue
                }
                let store = self.makeStore(scope)
                state.watched[scope] = store
                new.append((scope, store))
            }
        }
        let inbox = self.inbox
        for (scope, store) in new {
            store.subscribe { [weak self] changes in
                let assets = changes.map { AssetID(scope.kind, $0.key) }
                let named = self?.state.withLock { state in assets.filter(state.wanted.contains) } ?? []
                inbox.add(named.map { .asset($0) })
            }
        }
        return new.map(\.1)
    }

    /// It has to be read again.
    func changed(_ asset: AssetID) {
        let now = self.time.now
        self.state.withLock { state in
            if state.wanted.contains(asset) { state.due[asset] = now }
        }
    }

    /// When the next one has to be read, as far as that is known.
    var nextRead: Duration? { self.state.withLock { $0.due.values.min() } }

    /// Reads what was never read and what is due.
    ///
    /// - Returns: what was learned; nothing about one that was read before and can't be read now.
    func read(unknown: [AssetID]) async throws -> [(AssetID, AssetContent)] {
        let now = self.time.now
        let due = self.state.withLock { state in
            Set(unknown).union(state.due.filter { $0.value <= now }.keys).intersection(state.wanted)
        }
        if due.isEmpty { return [] }
        var learned: [(AssetID, AssetContent)] = []
        var waiting = Array(due)
        try await withThrowingTaskGroup(of: (AssetID, AssetContent).self) { group in
            var running = 0
            while let asset = waiting.popLast() {
                if running == Self.parallelism, let one = try await group.next() {
                    learned.append(one)
                    running -= 1
                }
                group.addTask { (asset, try await self.read(asset)) }
                running += 1
            }
            for try await one in group { learned.append(one) }
        }
        return self.settle(learned, unknown: Set(unknown))
    }

    /// Says when each is read next, and leaves out failures where something better is known.
    private func settle(
        _ learned: [(AssetID, AssetContent)],
        unknown: Set<AssetID>
    ) -> [(AssetID, AssetContent)] {
        let now = self.time.now
        return self.state.withLock { state in
            learned.filter { asset, content in
                let scope = Scope(kind: asset.kind, namespace: asset.key.namespace)
                let isWatched = state.watched[scope].flatMap { $0 }?.isSynced ?? false
                let wasPresent = state.present.contains(asset)
                switch content {
                case .present:
                    state.present.insert(asset)
                    state.due[asset] = isWatched ? nil : now + self.configuration.resyncPeriod
                case .missing:
                    state.present.remove(asset)
                    state.due[asset] = isWatched ? nil : now + self.configuration.retryPeriod
                case .unreadable:
                    state.due[asset] = now + self.configuration.retryPeriod
                    // What was read before still holds, as far as anybody knows.
                    if wasPresent, !unknown.contains(asset) { return false }
                }
                return true
            }
        }
    }

    private func read(_ asset: AssetID) async throws -> AssetContent {
        do {
            let object = try await self.client.get(
                asset.kind.resource,
                namespace: asset.key.namespace,
                name: asset.key.name
            )
            return .present(asset.kind.values(of: object))
        } catch let error as APIError where error.isNotFound {
            return .missing
        } catch let error as APIError {
            return .unreadable(error.message)
        } catch {
            try Task.checkCancellation()
            return .unreadable("\(error)")
        }
    }
}

extension AssetID.Kind {
    var resource: APIResource {
        switch self {
        case .secret: .secrets
        case .configMap: .configMaps
        }
    }

    /// Values that are not as they must be are left out: whoever names such a key is told that it is not there.
    func values(of object: KubeObject) -> [String: [UInt8]] {
        var values: [String: [UInt8]] = [:]
        let plain = object.json[object: "data"] ?? [:]
        for (key, value) in plain {
            guard let text = value.string else { continue }
            values[key] = self == .secret ? Base64.decode(text) : Array(text.utf8)
        }
        if self == .configMap {
            for (key, value) in object.json[object: "binaryData"] ?? [:] {
                values[key] = value.string.flatMap { Base64.decode($0) }
            }
        }
        return values
    }
}
