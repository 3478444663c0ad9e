import AdmissionServer
import FoundationEssentials
import JSONTree
package import KubeClient
import KubeModel
import KubeRuntime
package import Logging
import NIOCore
import PodInjection
import Rendering
package import ServiceLifecycle
import Synchronization
import TelemetryAPI
package import Tracing

/// The operator as a set of services: what every replica runs, and what only the leader does.
///
/// Every replica watches what webhooks need, serves them, and keeps the shared certificates. The leader also reconciles
/// collectors and registers the webhooks. The order of start is that of the list: probes first, so that a start that takes
/// long can be seen; the stop is in reverse, after ``OperatorStage/leave()``.
package struct Operator: Sendable {
    private let options: OperatorOptions
    private let client: KubeClient
    private let exposition: @Sendable () -> [UInt8]
    private let tracer: (any Tracer)?
    private let logger: Logger

    /// - Parameters:
    ///   - exposition: the text of `/metrics`.
    ///   - tracer: makes spans of reconciles and of requests to webhooks; `nil` for none.
    package init(
        options: OperatorOptions,
        client: KubeClient,
        exposition: @escaping @Sendable () -> [UInt8],
        tracer: (any Tracer)? = nil,
        logger: Logger
    ) {
        self.options = options
        self.client = client
        self.exposition = exposition
        self.tracer = tracer
        self.logger = logger
    }

    /// The probes, and what does the work: it starts as soon as the API server can be asked what the cluster offers.
    ///
    /// - Throws: errors of addresses that make no sense.
    package func services() throws -> [any Service] {
        let stage = OperatorStage()
        let probes = HealthServer(
            configuration: .init(address: try ListenAddress(parsing: self.options.healthAddress), name: "health"),
            checks: { stage.checks },
            logger: self.logger
        )
        let kind = CollectorKind(client: self.client, options: self.options, logger: self.logger)
        let work = OperatorStart(
            client: self.client,
            kind: kind,
            namespaces: self.options.watchNamespaces,
            stage: stage,
            logger: self.logger
        ) { facts in
            try self.services(await AllocatorFacts(client: self.client, options: self.options).complete(facts), stage)
        }
        return [probes, work]
    }

    /// - Throws: errors of addresses and durations that make no sense.
    private func services(_ facts: ClusterFacts, _ stage: OperatorStage) throws -> [any Service] {
        let apis = ClusterAPIs(
            client: self.client,
            facts: facts,
            namespaces: self.options.watchNamespaces
        )
        let scope: NamespaceScope =
            self.options.watchNamespaces.isEmpty ? .all : .only(self.options.watchNamespaces)
        let stores = ClusterStores(
            client: self.client,
            namespaces: scope,
            answersReviews: self.options.servesWebhooks,
            needsNamespaces: facts.openShiftRoutes
        )
        let events = EventRecorder(
            client: self.client,
            reporter: EventReporter(controller: "opentelemetry-operator", instance: self.options.identity ?? "")
        )
        let owned = OwnedStores(client: self.client, namespaces: scope, facts: facts)
        apis.subscribe { facts in
            owned.update(facts)
            if facts.targetAllocators { stores.targetAllocators.retryNow() }
        }
        let keepsOrder = facts.kubernetesVersion >= KubernetesVersion(major: 1, minor: 24)
        let writer = OwnedObjectWriter(client: self.client, owned: owned, keepsOrder: keepsOrder)
        let reconciler = CollectorReconciler(
            client: self.client,
            stores: stores,
            owned: owned,
            writer: writer,
            settings: self.options.settings,
            events: events,
            now: { Timestamp.now().rfc3339 }
        )
        let refresh = MetricsRefresh()
        let (watched, rendered) = (CacheMetrics(cache: "webhooks"), CacheMetrics(cache: "owned"))
        refresh.add { watched.record(stores.measured) }
        var leaderOnly: [any Service] = [owned]
        if self.options.countsComponents { leaderOnly.append(CollectorMetrics(collectors: stores.collectors)) }
        if self.options.webhookURL == nil, let namespace = self.options.ownNamespace,
            let version = facts.podDisruptionBudget
        {
            leaderOnly.append(DisruptionBudget(client: self.client, namespace: namespace, version: version))
        }
        let controller = reconciler.controller(
            parallelism: self.options.maxConcurrentReconciles,
            tracer: self.tracer
        )
        leaderOnly.append(controller)
        let allocators = TargetAllocatorReconciler(
            client: self.client,
            stores: stores,
            writer: writer,
            settings: self.options.settings,
            events: events,
            now: { Timestamp.now().rfc3339 }
        ).controller(parallelism: self.options.maxConcurrentReconciles, tracer: self.tracer)
        leaderOnly.append(allocators)
        if !self.options.servesWebhooksOnly {
            refresh.add {
                controller.refreshMetrics()
                allocators.refreshMetrics()
                reconciler.readiness.refreshMetrics()
                rendered.record(owned.kinds.map(\.store))
            }
        }

        var everywhere: [any Service] = [apis] + stores.services
        everywhere.append(events)
        var checks = [HealthCheck("ping")]
        let metricsTLS = self.options.isMetricsSecure ? TLSContextSource(policy: self.options.tls) : nil
        // Files of the user's stand in for the certificate that the operator makes.
        let ownMetricsTLS = self.options.metricsFiles == nil ? metricsTLS : nil
        if let files = self.options.metricsFiles, let metricsTLS {
            everywhere.append(try MetricsCertificate(files: files, contexts: metricsTLS, logger: self.logger))
        }
        leaderOnly.append(OwnObjects(client: self.client, options: self.options, apis: apis))
        if self.options.servesWebhooks {
            let tally = InstrumentationTally(client: self.client, now: { Timestamp.now().rfc3339 })
            let webhooks = Webhooks(
                stores: stores,
                client: self.client,
                options: self.options,
                facts: { apis.facts },
                recorder: DecisionRecorder(logger: self.logger, events: events, tally: tally, tracer: self.tracer)
            )
            var configuration = AdmissionServer.Configuration(
                address: ListenAddress(host: self.options.webhookHost ?? "", port: self.options.webhookPort),
                tls: self.options.tls
            )
            // A Service goes on sending for a moment after this pod began to stop: requests that come then are answered.
            if self.options.webhookURL == nil { configuration.listener.leaveDelay = .seconds(5) }
            configuration.awaitsAdmission = true
            let link = RegistrationLink()
            let server = AdmissionServer(
                configuration: configuration,
                handlers: webhooks.handlers,
                tracer: self.tracer,
                logger: self.logger,
                onListening: { _ in link.changed() }
            )
            let selection = self.podSelection(stores, facts)
            let (keeper, registrar) = self.registration(server, ownMetricsTLS, selection, link)
            selection.onChange { registrar.changed() }
            refresh.add { keeper.refreshMetrics() }
            everywhere.append(tally)
            everywhere.append(keeper)
            everywhere.append(server)
            everywhere.append(AdmissionGate(stores: stores, server: server))
            stage.onLeave { server.leave() }
            if Self.hasMatchConditions(facts) {
                everywhere.append(PodSelectionGuard(client: self.client, namespaces: stores.namespaces))
            }
            leaderOnly.append(selection)
            leaderOnly.append(
                MissedPods(
                    client: self.client,
                    stores: stores,
                    namespaces: self.options.watchNamespaces,
                    excluded: selection.selection.excludedNamespaces,
                    fetcher: InjectionFetcher(client: self.client) { [settings = self.options.settings] in
                        SidecarCollector($0, settings: settings, facts: apis.facts)
                    },
                    settings: InjectionSettings(self.options, facts),
                    events: events
                )
            )
            leaderOnly.append(registrar)
            let isRegistered: @Sendable () -> Bool = { server.isReady && keeper.isTrustPublished }
            leaderOnly.append(StorageMigration(client: self.client, isRegistered: isRegistered))
            if self.options.staticInstrumentation == nil {
                leaderOnly.append(
                    InstrumentationUpgrader(
                        client: self.client,
                        namespaces: self.options.watchNamespaces,
                        defaults: InstrumentationDefaulting(images: self.options.images),
                        languages: self.options.languages,
                        events: events,
                        isRegistered: isRegistered
                    )
                )
            }
            checks.append(server.check)
            // Of several replicas only the leader registers, and any may become ready first.
            if !self.options.electsLeader, !self.options.servesWebhooksOnly {
                checks.append(Self.registrationCheck(keeper))
            }
        } else if let ownMetricsTLS {
            try ownMetricsTLS.reload(Self.ownIdentity())
        }
        checks.append(Self.cachesCheck(stores))
        stage.start(checks)
        var services: [any Service] = []
        if let metrics = try self.metricsServer(metricsTLS, refresh) { services.append(metrics) }
        services += everywhere
        if !self.options.servesWebhooksOnly {
            let only = Predecessors(client: self.client, options: self.options, events: events, services: leaderOnly)
            services.append(try self.leader([only]))
        }
        return services
    }

    // MARK: Parts

    /// Whoever waits for readiness may create resources at once: they shall meet the webhooks. Where they can't be registered
    /// (a missing permission), being ready all the same is better than never.
    private static func registrationCheck(_ keeper: CertificateKeeper) -> HealthCheck {
        let patienceEnds = ContinuousClock.now + .seconds(10)
        return HealthCheck("registration") {
            keeper.wasTrustPublished || .now >= patienceEnds ? nil : "the webhooks are not registered yet"
        }
    }

    /// Collectors that are still stored in an old version can't be listed before this very webhook server is reached to
    /// convert them, and it is not reached before it is ready. So they are waited for, but not for long; a webhook that has
    /// to know of one asks for it until then.
    private static func cachesCheck(_ stores: ClusterStores) -> HealthCheck {
        let patienceEnds = ContinuousClock.now + .seconds(10)
        return HealthCheck("caches") {
            stores.caches.first { cache in
                !cache.isSynced && (cache.name != stores.collectors.name || .now < patienceEnds)
            }.map { "the cache of \($0.name) is not complete yet" }
        }
    }

    /// Conditions are evaluated by default from 1.28 on.
    private static func hasMatchConditions(_ facts: ClusterFacts) -> Bool {
        facts.kubernetesVersion >= KubernetesVersion(major: 1, minor: 28)
    }

    private func podSelection(_ stores: ClusterStores, _ facts: ClusterFacts) -> PodSelectionKeeper {
        var excluded = self.options.excludedNamespaces
        // A process outside the cluster has no pods of its own to keep out.
        if self.options.webhookURL == nil, let own = self.options.ownNamespace, !excluded.contains(own) {
            excluded.insert(own, at: 0)
        }
        return PodSelectionKeeper(
            namespaces: stores.namespaces,
            excluded: excluded,
            isEnabled: Self.hasMatchConditions(facts)
        )
    }

    private func registration(
        _ server: AdmissionServer,
        _ metricsTLS: TLSContextSource?,
        _ selection: PodSelectionKeeper,
        _ link: RegistrationLink
    ) -> (CertificateKeeper, WebhookRegistrar) {
        let namespace = self.options.ownNamespace
        var names = ["127.0.0.1", "localhost"]
        if let url = self.options.webhookURL { names.append(Self.host(of: url)) }
        let serverNames: ServerNames
        let endpoint: WebhookRegistration.Endpoint
        if let url = self.options.webhookURL {
            serverNames = ServerNames(names)
            endpoint = .url(url)
        } else {
            serverNames = ServerNames.service(
                self.options.webhookService,
                namespace: namespace ?? "default",
                also: names
            )
            endpoint = .service(namespace: namespace ?? "default", name: self.options.webhookService, port: 443)
        }
        // A process outside the cluster serves at an address of its own and shares certificates with nobody.
        let secret =
            self.options.webhookURL == nil
            ? namespace.map { ObjectKey(namespace: $0, name: self.options.certificateSecret) } : nil
        let standard = RotationPolicy.standard
        let webhookPolicy = self.options.webhookPolicy
        let policy =
            self.options.servingCertificateSeconds == nil && self.options.authoritySeconds == nil
            ? standard
            : RotationPolicy(
                servingLifetime: self.options.servingCertificateSeconds ?? standard.servingLifetime,
                authorityLifetime: self.options.authoritySeconds ?? standard.authorityLifetime
            )
        let keeper = CertificateKeeper(
            client: self.client,
            secret: secret,
            names: serverNames,
            policy: policy,
            onServed: { link.changed() },
            onChange: { bundle in
                try server.reload(bundle.identity)
                try metricsTLS?.reload(bundle.identity)
            }
        )
        let registrar = WebhookRegistrar(
            client: self.client,
            registration: {
                guard server.isReady, let bundle = keeper.bundle else { return nil }
                return WebhookRegistration(
                    endpoint: endpoint,
                    caBundle: bundle.caBundle,
                    pods: selection.selection,
                    policy: webhookPolicy
                )
            },
            onPublished: { keeper.trustWasPublished($0) }
        )
        link.connect(registrar)
        return (keeper, registrar)
    }

    private func metricsServer(_ tls: TLSContextSource?, _ refresh: MetricsRefresh) throws -> HealthServer? {
        guard self.options.metricsAddress != "0" else { return nil }
        let exposition = self.exposition
        var authorize: (@Sendable (String) async -> MetricsEndpoint.Verdict)?
        if tls != nil {
            let access = MetricsAccess(client: self.client, logger: self.logger)
            authorize = { token in await access.verdict(token) }
        }
        return HealthServer(
            configuration: .init(address: try ListenAddress(parsing: self.options.metricsAddress), name: "metrics"),
            metrics: MetricsEndpoint(
                exposition: {
                    refresh()
                    return exposition()
                },
                authorize: authorize
            ),
            tls: tls,
            logger: self.logger
        )
    }

    private func leader(_ services: [any Service]) throws -> any Service {
        guard self.options.electsLeader else { return ServiceSet(services) }
        guard let namespace = self.options.ownNamespace else {
            throw OperatorError(
                "leader election needs the operator's own namespace: set --namespace or NAMESPACE, or switch it off with --enable-leader-election=false"
            )
        }
        let lease = Duration.seconds(self.options.leaseSeconds)
        let elector = try LeaderElector(
            client: self.client,
            namespace: namespace,
            name: OperatorOptions.lease,
            identity: LeaderElector.makeIdentity(host: self.options.identity ?? "swiftlet"),
            configuration: LeaderElectionState.Configuration(
                leaseDuration: lease,
                renewDeadline: lease * 2 / 3,
                retryPeriod: lease / 7
            )
        )
        return LeaderServices(elector, services: services)
    }

    /// Without webhooks there are no shared certificates; scrapers get one that nobody else knows, as from the Go operator.
    private static func ownIdentity() throws -> ServingIdentity {
        let plan = RotationPlan(stored: .absent, names: ServerNames(["localhost"]), now: Date())
        return try plan.carryOut().identity
    }

    private static func host(of url: String) -> String {
        let authority = url.dropFirst("https://".count).prefix { $0 != "/" }
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
            return String(authority[authority.index(after: authority.startIndex)..<end])
        }
        return String(authority.prefix { $0 != ":" })
    }
}

/// Why the operator can't start: what is wrong and how to mend it.
package struct OperatorError: Error, Sendable, CustomStringConvertible {
    package var description: String
    package init(_ description: String) { self.description = description }
}

/// Several services as one.
private struct ServiceSet: Service {
    private let services: [any Service]
    init(_ services: [any Service]) { self.services = services }

    func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for service in self.services { group.addTask { try await service.run() } }
        }
    }
}

/// Lets the keeper of certificates tell the registrar, which is made after it.
private final class RegistrationLink: Sendable {
    private let registrar = Mutex<WebhookRegistrar?>(nil)

    func connect(_ registrar: WebhookRegistrar) { self.registrar.withLock { $0 = registrar } }
    func changed() { self.registrar.withLock { $0 }?.changed() }
}
