import JSONTree
package import KubeClient
import KubeModel
package import KubeRuntime
import Logging
package import Metrics
import PrometheusConfig
package import PrometheusResources
import ServiceLifecycle
import Synchronization

/// Follows the Prometheus operator's resources in a cluster, with the Secrets and ConfigMaps that they name, and tells the
/// jobs that they make whenever those change.
///
/// A single change is told at once; in a storm of changes there is at most one report in each ``Configuration/quietTime``.
/// Kinds whose CRD comes later are picked up when it comes. A watch that breaks keeps what was last known.
package final class ResourceWatcher: Service, Syncable {
    package struct Configuration: Sendable {
        package var settings: ResourceSettings
        /// Where the metadata of Secrets may be watched. Secrets elsewhere are read, and read again now and then.
        package var secretNamespaces: [String]
        /// How long after a report the next one comes at the earliest.
        package var quietTime: Duration = .seconds(1)
        /// How long a kind may take to be listed before the jobs of the other kinds are told without it.
        package var syncTimeout: Duration = .seconds(15)
        /// How often Secrets and ConfigMaps are read again that can't be watched.
        package var resyncPeriod: Duration = .seconds(300)
        /// The same for those that could not be read.
        package var retryPeriod: Duration = .seconds(10)

        package init(settings: ResourceSettings, secretNamespaces: [String]) {
            self.settings = settings
            self.secretNamespaces = secretNamespaces
        }
    }

    /// Told of each change, one call after the other.
    package typealias Receiver = @Sendable (ResourceOutcome) async -> Void

    package let name = "prometheus-resources"
    private let configuration: Configuration
    private let time: TimeSource
    private let events: EventRecorder?
    private let receive: Receiver
    private let presence: ResourcePresence
    private let stores: [PrometheusResourceKind: Store<PrometheusResource>]
    /// `nil` when nothing depends on the labels of namespaces.
    private let namespaces: Store<ObjectMetadata>?
    private let assets: AssetWatcher
    private let inbox = ResourceInbox()
    private let synced = Latch()
    private let metrics: ResourceMetrics

    /// - Parameters:
    ///   - events: where users are told of rejections; without it only the log says so.
    ///   - receive: where the jobs go.
    package init(
        client: KubeClient,
        configuration: Configuration,
        events: EventRecorder? = nil,
        presence: ResourcePresence.Configuration = ResourcePresence.Configuration(),
        clock: some Clock<Duration> = ContinuousClock(),
        metrics: any MetricsFactory = MetricsSystem.factory,
        receive: @escaping Receiver
    ) {
        self.metrics = ResourceMetrics(factory: metrics)
        self.configuration = configuration
        self.time = TimeSource(clock)
        self.events = events
        self.receive = receive
        let settings = configuration.settings
        var stores: [PrometheusResourceKind: Store<PrometheusResource>] = [:]
        for kind in PrometheusResourceKind.allCases {
            guard let selection = settings.selections[kind], let objects = selection.objects else { continue }
            stores[kind] = Self.store(of: kind, objects, client: client, settings: settings, clock: clock)
        }
        self.stores = stores
        let needsNamespaces = stores.keys.contains { !(settings.selections[$0]?.namespaces.isEmpty ?? true) }
        self.namespaces =
            needsNamespaces
            ? Store(metadataOf: WatchTarget(.namespaces), client: client, versions: false, clock: clock)
            : nil
        self.presence = ResourcePresence(
            client: client,
            kinds: Dictionary(
                uniqueKeysWithValues: stores.keys.map { ($0.groupVersionKind.groupKind, [$0.version]) }
            ),
            configuration: presence,
            clock: clock
        )
        self.assets = AssetWatcher(client: client, configuration: configuration, clock: clock, inbox: self.inbox)
    }

    private static func store(
        of kind: PrometheusResourceKind,
        _ objects: LabelSelector,
        client: KubeClient,
        settings: ResourceSettings,
        clock: some Clock<Duration>
    ) -> Store<PrometheusResource> {
        let resource = kind.resource
        let isEverywhere = settings.allowedNamespaces.isEmpty
        let denied = isEverywhere ? settings.deniedNamespaces.map { "metadata.namespace!=\($0)" } : []
        var patient = WatcherState.Configuration()
        // A CRD that is not there is waited for; whoever learns that it came ends the pause.
        patient.absentBackoff = Backoff.Policy(base: .seconds(60), cap: .seconds(300))
        let projection = KubeObject.projection(of: resource, dropping: ["status"])
        return Store(
            client: client,
            // What no selector takes is not even sent.
            target: WatchTarget(
                resource,
                labelSelector: objects.isEmpty ? nil : objects.query,
                fieldSelector: denied.isEmpty ? nil : denied.joined(separator: ",")
            ),
            namespaces: isEverywhere ? .all : .only(settings.allowedNamespaces),
            configuration: patient,
            clock: clock,
            projection: { (cursor) throws(JSONError) in PrometheusResource(kind, try projection(&cursor)) }
        )
    }

    /// True once the first jobs were told.
    package var isSynced: Bool { self.synced.isOpen }

    package func waitForSync() async throws { try await self.synced.wait() }

    /// Follows the resources until graceful shutdown.
    ///
    /// - Throws: `CancellationError`.
    package func run() async throws {
        self.subscribe()
        try await untilGracefulShutdown {
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { try await self.presence.run() }
                for store in self.stores.values { group.addTask { try await store.run() } }
                if let namespaces = self.namespaces { group.addTask { try await namespaces.run() } }
                try await self.waitForStores()
                try await self.follow { service in group.addTask { try await service.run() } }
            }
        }
    }

    private func subscribe() {
        let inbox = self.inbox
        for (kind, store) in self.stores {
            store.subscribe { changes in
                inbox.add(
                    changes.map { change in
                        if let resource = change.new { return .set(resource) }
                        return .remove(PrometheusResourceID(kind, change.key))
                    }
                )
            }
        }
        self.namespaces?.subscribe { changes in
            inbox.add(changes.map { .namespace($0.key.name, labels: $0.new?.labels.dictionary) })
        }
        self.presence.subscribe { [stores] changes in
            for change in changes where change.resource != nil {
                PrometheusResourceKind(rawValue: change.kind.kind).flatMap { stores[$0] }?.retryNow()
            }
        }
    }

    /// Until everything was listed. Resources of a kind that can't be listed are left out for the time being; without the
    /// labels of namespaces there is nothing to go by.
    private func waitForStores() async throws {
        let deadline = self.time.now + self.configuration.syncTimeout
        for (kind, store) in self.stores.sorted(by: { $0.key < $1.key }) {
            if try await self.time.withDeadline(deadline, { try await store.waitForSync() }) != nil { continue }
            Logger.current.warning(
                "these resources can't be listed yet; going on without them",
                metadata: ["kind": "\(kind.rawValue)"]
            )
        }
        guard let namespaces = self.namespaces else { return }
        if try await self.time.withDeadline(deadline, { try await namespaces.waitForSync() }) != nil { return }
        Logger.current.warning("namespaces can't be listed yet, and selectors need their labels; waiting for them")
        try await namespaces.waitForSync()
    }

    /// The loop that takes changes in and tells what comes of them.
    ///
    /// - Parameter start: has a service run beside the loop.
    private func follow(start: (any Service) -> Void) async throws {
        var state = ResourceState(settings: self.configuration.settings)
        var told = RejectionLog()
        while true {
            for change in self.inbox.take() {
                self.metrics.changed.increment()
                switch change {
                case .set(let resource): state.set(resource)
                case .remove(let id): state.remove(id)
                case .namespace(let name, let labels): state.setNamespace(name, labels: labels)
                case .asset(let asset): self.assets.changed(asset)
                }
            }
            for service in self.assets.follow(state.wantedAssets) { start(service) }
            for (asset, content) in try await self.assets.read(unknown: state.unknownAssets) {
                state.setAsset(asset, content)
            }
            let translated = state.translations
            let outcome = state.refresh()
            self.metrics.translations.increment(by: state.translations - translated)
            if let outcome {
                self.report(outcome, state, &told)
                await self.receive(outcome)
                self.synced.open()
                // What comes within this time goes into one report.
                try await self.time.sleep(for: self.configuration.quietTime)
            }
            try await self.inbox.wait(until: self.assets.nextRead, on: self.time)
        }
    }

    private func report(_ outcome: ResourceOutcome, _ state: ResourceState, _ told: inout RejectionLog) {
        for kind in self.stores.keys { self.metrics.taken(kind, count: state.takenCount(of: kind)) }
        self.metrics.rejected(outcome.rejected)
        for rejected in told.new(in: outcome.rejected) {
            Logger.current.warning(
                "a resource is rejected",
                metadata: [
                    "kind": "\(rejected.id.kind.rawValue)", "resource": "\(rejected.id.key)",
                    "reason": "\(rejected.reason.rawValue)", "message": "\(rejected.message)",
                ]
            )
            self.events?.record(
                EventNote(
                    .warning,
                    reason: rejected.reason.rawValue,
                    action: "Scrape",
                    note: rejected.message,
                    regarding: rejected.reference
                )
            )
        }
        Logger.current.info(
            "resources of the Prometheus operator make these jobs",
            metadata: ["jobs": "\(outcome.jobs.count)", "rejected": "\(outcome.rejected.count)"]
        )
    }
}

/// Which rejections were told, so that each is told once.
struct RejectionLog {
    private var told: Set<RejectedResource> = []

    /// Those that were not there before. One that goes and comes again is new.
    mutating func new(in rejected: [RejectedResource]) -> [RejectedResource] {
        let new = rejected.filter { !self.told.contains($0) }
        self.told = Set(rejected)
        return new
    }
}
