package import Logging
package import Metrics
package import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Synchronization
package import Tracing

/// A TLS server for admission and conversion reviews: it receives a whole body, gives it to the handler of the path, and
/// sends what the handler answers. What is in the bytes is the handler's business.
///
///     // 1. Certificates: read the Secret, settle, write with optimistic locking, publish the trust bundle.
///     let names = ServerNames.service("webhook", namespace: namespace, also: ["127.0.0.1", "localhost"])
///     let stored = StoredBundle(secretData: secret?.json[object: "data"])
///     let settled = try RotationPlan.settle(stored: stored, names: names, now: Date(), isTrustPublished: …)
///     if !settled.actions.isEmpty {
///         // create or replace the Secret (type CertificateBundle.secretType, data settled.bundle.secretData); on a
///         // conflict read again and begin anew: another replica was first, and its bundle is as good
///     }
///     // clientConfig.caBundle = settled.bundle.caBundle; look again at settled.nextCheck or when the Secret changes
///
///     // 2. The server.
///     let server = AdmissionServer(
///         configuration: .init(address: try ListenAddress(parsing: ":9443")),
///         handlers: [
///             "/mutate-v1-pod": { body in
///                 guard let review = try? JSONCursor.withCursor(over: body.readableBytesView, …) else {
///                     return .failure(400, reason: "BadRequest", "the request body is not an AdmissionReview")
///                 }
///                 return .json(answerBytes)
///             },
///         ],
///         logger: logger
///     )
///     try server.reload(settled.bundle.identity)      // before or while it runs, as often as needed
///     serviceGroup.add(server)                         // a ServiceLifecycle Service; server.isReady for /readyz
///
///     // 3. Probes and metrics.
///     let health = HealthServer(
///         configuration: .init(address: try ListenAddress(parsing: ":8081"), name: "health"),
///         checks: { [HealthCheck("ping"), server.check] },
///         logger: logger
///     )
///     let metricsServer = HealthServer(
///         configuration: .init(address: try ListenAddress(parsing: ":8443"), name: "metrics"),
///         metrics: MetricsEndpoint(exposition: { metrics.exposition() }, authorize: { token in … }),
///         tls: metricsTLS,                             // a TLSContextSource; nil for plain HTTP
///         logger: logger
///     )
///
/// Handlers run on the server's event loops: they may `await`, but they must not block, and what computes for long (many
/// milliseconds) delays other requests of that loop.
///
/// Of its own it answers, with a Kubernetes `Status` as body: 404 for an unknown path, 405 for a method other than POST,
/// 415 for a content type other than JSON, 413 for a body beyond the limit, 400 and 431 for what is no HTTP, 408 for a
/// request that does not arrive in time, 503 when too many large bodies are in memory.
package final class AdmissionServer: Service {
    /// Takes the body of a request and gives the answer.
    package typealias Handler = @Sendable (ByteBuffer) async -> ServerResponse

    package struct Configuration: Sendable {
        package var listener: HTTPListener.Configuration
        /// The largest request body. An API server sends objects of up to 3 MiB (etcd takes 1.5), on updates twice.
        package var bodyLimit: Int
        package var tls: TLSPolicy
        /// Whether connections wait until ``AdmissionServer/admit()``, besides for the certificate.
        package var awaitsAdmission = false

        package init(
            address: ListenAddress,
            bodyLimit: Int = 8 << 20,
            tls: TLSPolicy = .standard
        ) {
            self.listener = HTTPListener.Configuration(address: address, name: "webhook")
            self.bodyLimit = bodyLimit
            self.tls = tls
        }
    }

    /// What connections wait for.
    private enum Need { case identity, caches }

    private let contexts: TLSContextSource
    private let needs: Mutex<Set<Need>>
    let listener: HTTPListener

    /// - Parameters:
    ///   - handlers: by path, such as `/mutate-v1-pod`.
    ///   - group: whose event loops to use; by default the server makes its own, see ``HTTPListener/Configuration/eventLoops``.
    ///   - metrics: where the request metrics go; by default to what `MetricsSystem` was bootstrapped with, so that has
    ///     to come first.
    ///   - tracer: makes a span of each request to a handler, as a child of the caller's; `nil` for none.
    ///   - onListening: called with the port once it is bound.
    package init(
        configuration: Configuration,
        handlers: [String: Handler],
        group: (any EventLoopGroup)? = nil,
        metrics: any MetricsFactory = MetricsSystem.factory,
        tracer: (any Tracer)? = nil,
        logger: Logger,
        onListening: (@Sendable (_ port: Int) -> Void)? = nil
    ) {
        self.contexts = TLSContextSource(policy: configuration.tls)
        self.needs = Mutex(configuration.awaitsAdmission ? [.identity, .caches] : [.identity])
        var listener = configuration.listener
        listener.isHeld = true
        let router = WebhookRouter(handlers, bodyLimit: configuration.bodyLimit, metrics: metrics, tracer: tracer)
        self.listener = HTTPListener(
            configuration: listener,
            tls: self.contexts,
            group: group,
            metrics: metrics,
            logger: logger,
            onListening: onListening,
            route: { router.route($0) }
        )
    }

    /// Gives new connections this certificate; existing ones go on with theirs. Until the first call connections wait.
    ///
    /// - Throws: ``CertificateError``; what was served before goes on being served.
    package func reload(_ identity: ServingIdentity) throws(CertificateError) {
        try self.contexts.reload(identity)
        self.met(.identity)
    }

    /// What handlers know is complete: connections that waited for that are accepted.
    package func admit() { self.met(.caches) }

    /// A stop is near: from now on every answer asks its client to close the connection.
    package func leave() { self.listener.leave() }

    private func met(_ need: Need) {
        let isOpen = self.needs.withLock { needs in
            needs.remove(need)
            return needs.isEmpty
        }
        if isOpen { self.listener.admit() }
    }

    /// The port that is listened on; `nil` before and after.
    package var port: Int? { self.listener.port }

    /// True while it listens and has a certificate to show.
    package var isReady: Bool { self.port != nil && self.contexts.hasIdentity }

    /// ``isReady`` under the name that probes of the operator use.
    package var check: HealthCheck {
        HealthCheck("webhook") {
            if self.port == nil { return "the webhook server is not listening" }
            return self.contexts.hasIdentity ? nil : "the webhook server has no certificate yet"
        }
    }

    package func run() async throws { try await self.listener.run() }
}

/// Finds the handler for a request head, or why there is none.
private struct WebhookRouter: Sendable {
    private let routes: [Substring: Route]

    init(
        _ handlers: [String: AdmissionServer.Handler],
        bodyLimit: Int,
        metrics: any MetricsFactory,
        tracer: (any Tracer)?
    ) {
        var routes: [Substring: Route] = [:]
        for (path, handler) in handlers {
            routes[Substring(path)] = Route(
                bodyLimit: bodyLimit,
                metrics: RouteMetrics(path: path, factory: metrics)
            ) { request in
                guard let tracer else { return await handler(request.body) }
                return await ServerSpan.run(tracer, request, route: path, handler)
            }
        }
        self.routes = routes
    }

    func route(_ head: HTTPRequestHead) -> Routing {
        // API servers append `?timeout=10s`.
        let end = head.uri.utf8.firstIndex(of: UInt8(ascii: "?")) ?? head.uri.endIndex
        guard let route = self.routes[head.uri[..<end]] else {
            return .refuse(.failure(404, reason: "NotFound", "no webhook is served at this path"))
        }
        guard head.method == .POST else {
            var response = ServerResponse.failure(405, reason: "MethodNotAllowed", "webhooks are called with POST only")
            response.headers = [("allow", "POST")]
            return .refuse(response, route.metrics)
        }
        guard Self.isJSON(head.headers.first(name: "content-type")) else {
            let message = "the content type of a review is application/json"
            return .refuse(.failure(415, reason: "UnsupportedMediaType", message), route.metrics)
        }
        return .handle(route)
    }

    private static func isJSON(_ type: String?) -> Bool {
        guard let type else { return false }
        if type == "application/json" { return true }
        let essence = type.prefix { $0 != ";" }.lowercased()
        return essence.split(separator: " ").joined() == "application/json"
    }
}
