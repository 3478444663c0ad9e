package import AdmissionServer
import FoundationEssentials
import JSONTree
package import KubeClient
package import KubeModel
import KubeRuntime
import Logging
import Metrics
import ServiceLifecycle
import Synchronization

/// Keeps the webhook server's certificates: in a Secret that all replicas share, renewed before they end.
///
/// Every replica runs it. What has to happen is decided by `RotationPlan`; here the Secret is read, written with
/// optimistic locking (of several replicas one wins, the others read what it wrote) and watched. Without a namespace of its
/// own (a plain process outside the cluster) the certificates live in memory and end with the process.
package final class CertificateKeeper: Service {
    private struct State {
        var bundle: CertificateBundle?
        var publishedTrust: String?
        var publishedAt: ContinuousClock.Instant?
    }

    private let client: KubeClient
    private let secret: ObjectKey?
    private let names: ServerNames
    private let policy: RotationPolicy
    private let onChange: @Sendable (CertificateBundle) throws -> Void
    private let onServed: @Sendable () -> Void
    private let state = Mutex(State())
    private let wake: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation
    private let reads = Counter(label: "certwatcher_read_certificate_total")
    private let readErrors = Counter(label: "certwatcher_read_certificate_errors_total")
    private let servingLeft = Gauge(
        label: "swiftlet_certificate_remaining_seconds",
        dimensions: [("certificate", "serving")]
    )
    private let authorityLeft = Gauge(
        label: "swiftlet_certificate_remaining_seconds",
        dimensions: [("certificate", "ca")]
    )

    /// - Parameters:
    ///   - secret: where the certificates are kept, `nil` for memory.
    ///   - names: what the serving certificate covers.
    ///   - onServed: called when ``bundle`` is another one.
    ///   - onChange: told of each bundle that is to be served; an error is logged and tried again.
    package init(
        client: KubeClient,
        secret: ObjectKey?,
        names: ServerNames,
        policy: RotationPolicy = .standard,
        onServed: @escaping @Sendable () -> Void = {},
        onChange: @escaping @Sendable (CertificateBundle) throws -> Void
    ) {
        self.client = client
        self.secret = secret
        self.names = names
        self.policy = policy
        self.onServed = onServed
        self.onChange = onChange
        (self.wake, self.waker) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// What is served now, `nil` before the first certificates.
    package var bundle: CertificateBundle? { self.state.withLock { $0.bundle } }

    /// Whether webhooks were registered with any trust bundle.
    package var wasTrustPublished: Bool { self.state.withLock { $0.publishedTrust != nil } }

    /// Whether the API server trusts what is served now.
    package var isTrustPublished: Bool {
        self.state.withLock { state in state.bundle != nil && state.publishedTrust == state.bundle?.caBundle }
    }

    /// The webhook configurations hold this trust bundle now: a new authority may sign once they hold its own.
    package func trustWasPublished(_ caBundle: String) {
        let isNews = self.state.withLock { state in
            guard state.publishedTrust != caBundle else { return false }
            state.publishedTrust = caBundle
            state.publishedAt = .now
            return true
        }
        if isNews { self.waker.yield() }
    }

    /// Brings those metrics up to date that change by themselves, for a scrape: how long the certificates go on.
    package func refreshMetrics() {
        guard let bundle = self.bundle else { return }
        let now = Date()
        self.servingLeft.record(bundle.serving.notAfter.timeIntervalSince(now))
        self.authorityLeft.record(bundle.authority.certificate.notAfter.timeIntervalSince(now))
    }

    package func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            if let secret {
                let store = Store<KubeObject>(
                    client: self.client,
                    target: WatchTarget(
                        ResourceCatalog.secrets,
                        namespace: secret.namespace,
                        fieldSelector: "metadata.name=\(secret.name)"
                    ),
                    projection: { (cursor) throws(JSONError) in KubeObject(try cursor.readObjectTree()) }
                )
                _ = store.subscribe { _ in self.waker.yield() }
                group.addTask { try await store.run() }
                group.addTask {
                    // What happened between the first read and the first list is told by no change.
                    try await store.waitForSync()
                    self.waker.yield()
                }
            }
            group.addTask { try await self.keep() }
        }
    }

    private func keep() async throws {
        var failures = 0
        var pause = Duration.zero
        var wakes = self.wake.makeAsyncIterator()
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            do {
                let nextCheck = try await self.settle()
                failures = 0
                pause = .seconds(max(1, nextCheck.timeIntervalSince(Date())))
            } catch {
                try Task.checkCancellation()
                failures += 1
                self.readErrors.increment()
                pause = min(.milliseconds(250) * (1 << min(failures, 8)), .seconds(30))
                Logger.current.warning("cannot keep the certificates, will retry", metadata: ["error": "\(error)"])
            }
            let wait = pause
            let timer = Task {
                try await Task.sleep(for: wait)
                self.waker.yield()
            }
            await withGracefulShutdownHandler {
                _ = await wakes.next(isolation: nil)
            } onGracefulShutdown: {
                self.waker.yield()
            }
            timer.cancel()
        }
    }

    /// Decides, writes if need be, and tells of what is to be served.
    ///
    /// - Returns: when to look again.
    private func settle() async throws -> Date {
        for _ in 0..<5 {
            let object = try await self.read()
            self.reads.increment()
            var stored = self.secret == nil ? self.stored : StoredBundle(secretData: object?.json[object: "data"])
            var done: [String] = []
            if stored.bundle == nil, let successor = try self.successor() {
                stored = .intact(successor)
                done.append("keep what is served, as the Secret was lost, and introduce a new authority")
            }
            let learning = self.learningTime(of: stored.bundle)
            let (bundle, actions, nextCheck) = try RotationPlan.settle(
                stored: stored,
                names: self.names,
                now: Date(),
                policy: self.policy,
                isTrustPublished: learning == .zero
            )
            done += actions.map(\.description)
            if !done.isEmpty {
                guard try await self.write(bundle, over: object) else { continue }
                Logger.current.info("certificates renewed", metadata: ["actions": "\(done.joined(separator: "; "))"])
            }
            if self.state.withLock({ $0.bundle }) != bundle {
                try self.onChange(bundle)
                self.state.withLock { $0.bundle = bundle }
                // Not before: whoever is told now asks for the bundle.
                self.onServed()
            }
            // A next authority may sign once this has passed.
            if let learning, learning > .zero, bundle.next != nil {
                return min(nextCheck, Date().addingTimeInterval(learning / .seconds(1)))
            }
            return nextCheck
        }
        throw ReconcileError.retryable("the Secret with the certificates changes too often")
    }

    /// For how long API servers still have to be given to take in the trust bundle of these certificates: the webhook
    /// configurations hold it, but each server watches those at its own pace. `nil`: they do not hold it, as far as we know.
    private func learningTime(of bundle: CertificateBundle?) -> Duration? {
        self.state.withLock { state in
            guard let bundle, let since = state.publishedAt, state.publishedTrust == bundle.caBundle else { return nil }
            return max(.zero, min(.seconds(10), .seconds(self.policy.spread)) - (.now - since))
        }
    }

    /// What takes the place of a Secret that was deleted or spoilt while we serve: API servers trust what we serve now and
    /// nothing else, so it stays, and a new authority follows it in good order. `nil` when we serve nothing of use.
    private func successor() throws -> CertificateBundle? {
        guard var bundle = self.bundle, bundle.authority.certificate.isValid(at: Date()) else { return nil }
        if bundle.next == nil {
            let next = try CertificateAuthority.make(
                now: Date(),
                lifetime: self.policy.authorityLifetime,
                backdate: self.policy.backdate
            )
            bundle.next = CertificateBundle.NextAuthority(next, since: Date())
        }
        return bundle
    }

    private var stored: StoredBundle {
        self.state.withLock { $0.bundle }.map(StoredBundle.intact) ?? .absent
    }

    private func read() async throws -> KubeObject? {
        guard let secret else { return nil }
        do {
            return try await self.client.get(ResourceCatalog.secrets, namespace: secret.namespace, name: secret.name)
        } catch let error as APIError where error.isNotFound {
            return nil
        }
    }

    /// - Returns: false when another replica was quicker.
    private func write(_ bundle: CertificateBundle, over existing: KubeObject?) async throws -> Bool {
        guard let secret else { return true }
        var object =
            existing
            ?? KubeObject(
                GroupVersionKind(group: "", version: "v1", kind: "Secret"),
                namespace: secret.namespace,
                name: secret.name
            )
        object.apiVersion = "v1"
        object.kind = "Secret"
        object.json["data"] = .object(bundle.secretData)
        do {
            if existing == nil {
                object.metadata.labels = ["app.kubernetes.io/name": "opentelemetry-operator"]
                object.json["type"] = .string(CertificateBundle.secretType)
                try await self.client.create(object, ResourceCatalog.secrets)
            } else {
                try await self.client.update(object, ResourceCatalog.secrets)
            }
            APIWrites.count(ResourceCatalog.secrets.kind, .certificates)
            return true
        } catch let error as APIError where error.isConflict || error.isAlreadyExists {
            return false
        }
    }
}
