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
    }

    private let client: KubeClient
    private let secret: ObjectKey?
    private let names: ServerNames
    private let policy: RotationPolicy
    private let onChange: @Sendable (CertificateBundle) throws -> Void
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
    ///   - onChange: told of each bundle that is to be served; an error is logged and tried again.
    package init(
        client: KubeClient,
        secret: ObjectKey?,
        names: ServerNames,
        policy: RotationPolicy = .standard,
        onChange: @escaping @Sendable (CertificateBundle) throws -> Void
    ) {
        self.client = client
        self.secret = secret
        self.names = names
        self.policy = policy
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
            defer { state.publishedTrust = caBundle }
            return state.publishedTrust != caBundle
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
            let stored = self.secret == nil ? self.stored : StoredBundle(secretData: object?.json[object: "data"])
            let (bundle, actions, nextCheck) = try RotationPlan.settle(
                stored: stored,
                names: self.names,
                now: Date(),
                policy: self.policy,
                isTrustPublished: self.state.withLock { $0.publishedTrust == stored.bundle?.caBundle }
            )
            if !actions.isEmpty {
                let done = actions.map(\.description).joined(separator: "; ")
                guard try await self.write(bundle, over: object) else { continue }
                Logger.current.info("certificates renewed", metadata: ["actions": "\(done)"])
            }
            if self.state.withLock({ $0.bundle }) != bundle {
                try self.onChange(bundle)
                self.state.withLock { $0.bundle = bundle }
            }
            return nextCheck
        }
        throw ReconcileError.retryable("the Secret with the certificates changes too often")
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
