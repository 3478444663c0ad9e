import FoundationEssentials
import JSONTree
import KubeClient
import KubeModel
import KubeRuntime
import KubeTesting
import Rendering
import Synchronization
import Testing

@testable import AdmissionServer
@testable import Controllers

/// Runs `body` while services run, each until it is cancelled.
private func running(
    _ services: [@Sendable () async throws -> Void],
    _ body: () async throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for service in services {
            group.addTask {
                do { try await service() } catch is CancellationError {}
            }
        }
        do {
            try await body()
        } catch {
            group.cancelAll()
            throw error
        }
        group.cancelAll()
        try await group.waitForAll()
    }
}

extension ClusterTests {
    /// Certificates in a Secret that replicas share.
    @Suite(.timeLimit(.minutes(2))) struct Certificates {
        static let names = ServerNames(["localhost", "hooks.example.com"])

        private func keeper(
            _ client: KubeClient,
            _ cluster: Cluster,
            policy: RotationPolicy = .standard,
            onChange: @escaping @Sendable (CertificateBundle) throws -> Void = { _ in }
        ) -> CertificateKeeper {
            CertificateKeeper(
                client: client,
                secret: cluster.key("certificates"),
                names: Self.names,
                policy: policy,
                onChange: onChange
            )
        }

        private func secret(_ cluster: Cluster) async throws -> KubeObject? {
            try await cluster.get(ResourceCatalog.secrets, "certificates")
        }

        private func stored(_ cluster: Cluster) async throws -> StoredBundle {
            StoredBundle(secretData: try await self.secret(cluster)?.json[object: "data"])
        }

        @Test func replicasAgree() async throws {
            try await Cluster.run { cluster in
                let keepers = (0..<4).map { _ in self.keeper(cluster.client, cluster) }
                try await running(keepers.map { keeper in { try await keeper.run() } }) { () async throws in
                    #expect(
                        try await TestCluster.eventually {
                            let bundle = try await self.stored(cluster).bundle
                            return bundle != nil && keepers.allSatisfy { $0.bundle == bundle }
                        }
                    )
                }
                let secret = try #require(try await self.secret(cluster))
                #expect(secret.json[string: "type"] == "kubernetes.io/tls")
                let bundle = try #require(try await self.stored(cluster).bundle)
                #expect(bundle.serving.names.covers(Self.names))

                // At rest nothing is written, and whoever comes later takes what is there.
                let log = RequestLog()
                try await KubeClient.with(cluster.proxied, observer: log) { client in
                    let late = self.keeper(client, cluster)
                    try await running([{ try await late.run() }]) { () async throws in
                        #expect(try await TestCluster.eventually { late.bundle != nil })
                        late.trustWasPublished(bundle.caBundle)
                        #expect(try await TestCluster.eventually { log.all.count { $0.verb == "get" } >= 2 })
                    }
                    #expect(late.bundle == bundle)
                    #expect(log.writes.isEmpty)
                }
            }
        }

        @Test(arguments: ["nonsense", "no key", "empty", "other key", "deleted"])
        func whatIsCorruptIsReplaced(_ what: String) async throws {
            try await Cluster.run { cluster in
                let told = Mutex<[CertificateBundle]>([])
                let keeper = self.keeper(cluster.client, cluster) { bundle in told.withLock { $0.append(bundle) } }
                try await running([{ try await keeper.run() }]) { () async throws in
                    #expect(try await TestCluster.eventually { keeper.bundle != nil })
                    let first = keeper.bundle
                    switch what {
                    case "deleted":
                        try await cluster.client.delete(
                            ResourceCatalog.secrets,
                            namespace: cluster.namespace,
                            name: "certificates"
                        )
                    default:
                        let nonsense: JSONValue = .string("bm9uc2Vuc2U=")
                        let data: JSONObject =
                            switch what {
                            case "nonsense": ["tls.crt": nonsense]
                            case "no key": ["ca.key": nil]
                            case "empty": ["tls.crt": "", "tls.key": "", "ca.crt": nil, "ca.key": nil]
                            default: ["ca.key": first.map { $0.secretData["tls.key"] ?? nonsense } ?? nonsense]
                            }
                        try await cluster.client.patch(
                            ResourceCatalog.secrets,
                            namespace: cluster.namespace,
                            name: "certificates",
                            .merge(["data": .object(data)])
                        )
                    }
                    #expect(
                        try await TestCluster.eventually {
                            let bundle = try await self.stored(cluster).bundle
                            return bundle != nil && bundle == keeper.bundle
                        }
                    )
                    #expect(told.withLock { $0.last } == keeper.bundle)
                    // API servers trust what was served before, so that is still served; its successor is introduced.
                    #expect(keeper.bundle?.serving == first?.serving)
                    #expect(keeper.bundle?.authority.certificate == first?.authority.certificate)
                    #expect(keeper.bundle?.next != nil)
                }
            }
        }

        @Test func rotationOverlaps() async throws {
            try await Cluster.run { cluster in
                let policy = RotationPolicy(
                    authorityLifetime: 16,
                    authorityRenewBefore: 8,
                    servingLifetime: 6,
                    servingRenewBefore: 3,
                    spread: 1,
                    backdate: 60,
                    checkInterval: 1
                )
                let told = Mutex<[CertificateBundle]>([])
                let keeper = self.keeper(cluster.client, cluster, policy: policy) { bundle in
                    told.withLock { $0.append(bundle) }
                }
                try await running([{ try await keeper.run() }]) { () async throws in
                    #expect(
                        try await TestCluster.eventually(within: .seconds(60)) {
                            // What a registrar does at once.
                            if let bundle = keeper.bundle { keeper.trustWasPublished(bundle.caBundle) }
                            let bundles = told.withLock { $0 }
                            return Set(bundles.map(\.authority.certificate.fingerprint)).count >= 2
                        }
                    )
                }
                let bundles = told.withLock { $0 }
                #expect(Set(bundles.map(\.serving.fingerprint)).count >= 3)
                for (before, after) in zip(bundles, bundles.dropFirst()) {
                    // Clients that know only what was published before accept what is served afterwards.
                    #expect(before.trusted.contains(where: after.serving.isSigned))
                    // And those that learn the new bundle first accept what is served still.
                    #expect(after.trusted.contains(where: before.serving.isSigned))
                }
            }
        }

        @Test func anErrorOfWhoServesIsTriedAgain() async throws {
            struct Refused: Error {}
            let attempts = Mutex(0)
            try await Cluster.run { cluster in
                let keeper = self.keeper(cluster.client, cluster) { _ in
                    let attempt = attempts.withLock { attempts in
                        attempts += 1
                        return attempts
                    }
                    if attempt < 3 { throw Refused() }
                }
                try await running([{ try await keeper.run() }]) { () async throws in
                    #expect(try await TestCluster.eventually { keeper.bundle != nil })
                }
                #expect(attempts.withLock { $0 } == 3)
            }
        }

        @Test func conflictsAndAnAbsentServer() async throws {
            try await Cluster.run { cluster in
                try await KubeClient.with(cluster.proxied) { client in
                    cluster.proxy.inject(.drop, next: 1) { !$0.body.isEmpty }
                    cluster.proxy.inject(.status(409), next: 2) { !$0.body.isEmpty }
                    cluster.proxy.inject(.status(500), next: 1) { !$0.body.isEmpty }
                    let keeper = self.keeper(client, cluster)
                    try await running([{ try await keeper.run() }]) { () async throws in
                        #expect(try await TestCluster.eventually { keeper.bundle != nil })
                    }
                    #expect(try await self.stored(cluster).bundle == keeper.bundle)
                }
            }
        }

        /// A plain process outside the cluster.
        @Test func inMemory() async throws {
            try await ScriptedServer.run([]) { server in
                try await KubeClient.with(url: server.url) { client in
                    let box = Mutex<CertificateKeeper?>(nil)
                    let seen = Mutex<CertificateBundle?>(nil)
                    let keeper = CertificateKeeper(
                        client: client,
                        secret: nil,
                        names: Self.names,
                        onServed: {
                            let bundle = box.withLock { $0?.bundle }
                            seen.withLock { $0 = bundle }
                        },
                        onChange: { _ in }
                    )
                    box.withLock { $0 = keeper }
                    try await running([{ try await keeper.run() }]) { () async throws in
                        #expect(try await TestCluster.eventually { keeper.bundle != nil })
                        // A registrar asks for the bundle when it is told; it must not see the one before.
                        #expect(try await TestCluster.eventually { seen.withLock { $0 } == keeper.bundle })
                    }
                    #expect(server.requests.isEmpty)
                }
            }
        }
    }

    /// The two webhook configurations of the cluster.
    @Suite(.timeLimit(.minutes(2))) struct Registration {
        static let resources: [(APIResource, String)] = [
            (ResourceCatalog.mutatingWebhooks, WebhookRegistration.mutatingName),
            (ResourceCatalog.validatingWebhooks, WebhookRegistration.validatingName),
        ]

        private func run(_ body: (Cluster, WebhookRegistrar, RequestLog, Wanted) async throws -> Void) async throws {
            try await Cluster.run { cluster in
                func clean() async throws {
                    for (resource, name) in Self.resources where try await cluster.get(resource, name) != nil {
                        try await cluster.client.delete(resource, name: name)
                    }
                    // What a run that was cut off left in the definition would pass for registered.
                    let atRest = Self.registration(Self.first).conversionAtRest()
                    var conversion = atRest
                    conversion.mutateObject("webhook") { webhook in
                        webhook.mutateObject("clientConfig") { config in
                            config["url"] = .null
                            config["caBundle"] = .null
                        }
                    }
                    try await cluster.client.patch(
                        .customResourceDefinitions,
                        name: CollectorDefinition.key.name,
                        .merge(["spec": ["conversion": .object(conversion)]])
                    )
                }
                try await clean()
                let log = RequestLog()
                let wanted = Wanted()
                do {
                    try await KubeClient.with(cluster.proxied, observer: log) { client in
                        let registrar = WebhookRegistrar(
                            client: client,
                            registration: { wanted.registration },
                            onPublished: { wanted.published($0) }
                        )
                        try await running([{ try await registrar.run() }]) { () async throws in
                            try await body(cluster, registrar, log, wanted)
                        }
                    }
                } catch {
                    try? await clean()
                    throw error
                }
                try await clean()
            }
        }

        /// What is to be registered, and what was told to be published.
        final class Wanted: Sendable {
            private let state = Mutex<(registration: WebhookRegistration?, published: [String])>((nil, []))
            var registration: WebhookRegistration? {
                get { self.state.withLock { $0.registration } }
                set { self.state.withLock { $0.registration = newValue } }
            }
            var published: [String] { self.state.withLock { $0.published } }
            func published(_ bundle: String) { self.state.withLock { $0.published.append(bundle) } }
        }

        private static let first = "Zmlyc3Q="
        private static let second = "c2Vjb25k"

        private static func registration(_ bundle: String) -> WebhookRegistration {
            // A port that nobody listens on; pods are let in then.
            WebhookRegistration(
                endpoint: .url("https://127.0.0.1:1"),
                caBundle: bundle,
                pods: PodSelection(excludedNamespaces: [])
            )
        }

        private func bundles(_ cluster: Cluster) async throws -> [String] {
            var found: [String] = []
            for (resource, name) in Self.resources {
                let webhooks = try await cluster.get(resource, name)?.json[array: "webhooks"] ?? []
                found += webhooks.map { $0["clientConfig"]?["caBundle"]?.string ?? "none" }
            }
            return found
        }

        private func holds(_ cluster: Cluster, _ bundle: String) async throws -> Bool {
            let bundles = try await self.bundles(cluster)
            return bundles.count == 9 && bundles.allSatisfy { $0 == bundle }
        }

        /// What leaves objects out is taken back as well as it is put there.
        @Test func selectionFollows() async throws {
            try await self.run { cluster, registrar, log, wanted in
                func excluded() async throws -> JSONValue? {
                    let (mutating, name) = Self.resources[0]
                    let webhooks = try await cluster.get(mutating, name)?.json[array: "webhooks"] ?? []
                    let pods = webhooks.first { $0["name"] == .string(WebhookRegistration.podWebhookName) }
                    return pods?["namespaceSelector"]?["matchExpressions"]?[0]?["values"]
                }
                var registration = Self.registration(Self.first)
                for namespaces in [["own", "kube-system"], ["own"], []] {
                    registration.pods = PodSelection(excludedNamespaces: namespaces)
                    wanted.registration = registration
                    registrar.changed()
                    let values: JSONValue? = namespaces.isEmpty ? JSONValue?.none : .strings(namespaces)
                    let isSo = try await TestCluster.eventually { try await excluded() == values }
                    #expect(isSo, "\(namespaces)")
                }
                // Somebody narrows it: it is widened again.
                let (mutating, name) = Self.resources[0]
                try await cluster.client.patch(
                    mutating,
                    name: name,
                    .json([
                        [
                            "op": "add", "path": "/webhooks/2/objectSelector",
                            "value": ["matchLabels": ["only": "these"]],
                        ]
                    ])
                )
                let isWide = try await TestCluster.eventually {
                    let webhooks = try await cluster.get(mutating, name)?.json[array: "webhooks"] ?? []
                    return webhooks.count == 3 && webhooks.allSatisfy { $0["objectSelector"]?["matchLabels"] == nil }
                }
                #expect(isWide)
            }
        }

        @Test func keptRight() async throws {
            try await self.run { cluster, registrar, log, wanted in
                // Nothing is registered before there are certificates.
                registrar.changed()
                #expect(try await TestCluster.eventually { log.all.count { $0.verb == "watch" } == 3 })
                #expect(log.writes.isEmpty)
                wanted.registration = Self.registration(Self.first)
                registrar.changed()
                #expect(try await TestCluster.eventually { try await self.holds(cluster, Self.first) })
                #expect(try await TestCluster.eventually { wanted.published.last == Self.first })
                // Both configurations, and the conversion webhook in the definition.
                #expect(log.writes.count == 3)

                // Somebody edits the trust bundle.
                let (mutating, name) = Self.resources[0]
                try await cluster.client.patch(
                    mutating,
                    name: name,
                    .json([["op": "replace", "path": "/webhooks/2/clientConfig/caBundle", "value": "Zm9yZWlnbg=="]])
                )
                #expect(try await TestCluster.eventually { try await self.holds(cluster, Self.first) })
                // Empties the webhooks; adds one; takes rules away.
                for (resource, name) in Self.resources {
                    try await cluster.client.patch(resource, name: name, .merge(["webhooks": []]))
                    #expect(try await TestCluster.eventually { try await self.holds(cluster, Self.first) })
                    try await cluster.client.patch(
                        resource,
                        name: name,
                        .json([["op": "remove", "path": "/webhooks/0"]])
                    )
                    #expect(try await TestCluster.eventually { try await self.holds(cluster, Self.first) })
                }
                // Deletes them, each twice.
                for _ in 0..<2 {
                    for (resource, name) in Self.resources {
                        try await cluster.client.delete(resource, name: name)
                        #expect(
                            try await TestCluster.eventually(within: .seconds(10)) {
                                try await self.holds(cluster, Self.first)
                            },
                            "\(name) was deleted and did not come back"
                        )
                    }
                }

                // At rest nothing is written, however often somebody knocks.
                // A pass that is still under way counts its write when it ends: two more, and it has ended.
                for _ in 0..<2 {
                    let before = wanted.published.count
                    registrar.changed()
                    #expect(try await TestCluster.eventually { wanted.published.count > before })
                }
                log.clear()
                let published = wanted.published.count
                for knock in 1...5 {
                    registrar.changed()
                    #expect(try await TestCluster.eventually { wanted.published.count >= published + knock })
                }
                #expect(log.writes.isEmpty, "\(log.writes)")

                // Another trust bundle.
                wanted.registration = Self.registration(Self.second)
                registrar.changed()
                #expect(try await TestCluster.eventually { try await self.holds(cluster, Self.second) })
                #expect(try await TestCluster.eventually { wanted.published.last == Self.second })
                // Both configurations, and the conversion webhook in the definition.
                #expect(log.writes.count == 3)
            }
        }

        @Test func aForeignWebhookInOursStays() async throws {
            try await self.run { cluster, registrar, _, wanted async throws in
                wanted.registration = Self.registration(Self.first)
                registrar.changed()
                #expect(try await TestCluster.eventually { try await self.holds(cluster, Self.first) })
                let (resource, name) = Self.resources[1]
                var webhook = try #require(
                    try await cluster.get(resource, name)?.json[array: "webhooks"]?.first?.object
                )
                webhook["name"] = "foreign.example.com"
                try await cluster.client.patch(
                    resource,
                    name: name,
                    .json([["op": "add", "path": "/webhooks/-", "value": .object(webhook)]])
                )
                // It stays (another manager's), but is not fought over without an end.
                #expect(try await TestCluster.eventually { try await self.bundles(cluster).count >= 7 })
            }
        }

        @Test(arguments: [FaultProxy.Fault.status(409), .status(500), .drop, .dropAnswer])
        func faults(_ fault: FaultProxy.Fault) async throws {
            try await self.run { cluster, registrar, _, wanted async throws in
                cluster.proxy.inject(fault, next: 2) { !$0.body.isEmpty }
                wanted.registration = Self.registration(Self.first)
                registrar.changed()
                #expect(try await TestCluster.eventually { try await self.holds(cluster, Self.first) })
                #expect(try await TestCluster.eventually { wanted.published.last == Self.first })
            }
        }
    }
}
