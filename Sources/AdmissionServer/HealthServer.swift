package import Logging
package import Metrics
package import NIOCore
import NIOHTTP1
import ServiceLifecycle

/// One question a probe asks.
package struct HealthCheck: Sendable {
    package let name: String
    let check: @Sendable () async -> String?

    /// - Parameter check: `nil` when all is well, else why not, in words for people. It must answer at once: probes have a
    ///   time limit of a second.
    package init(_ name: String, _ check: @escaping @Sendable () async -> String? = { nil }) {
        self.name = name
        self.check = check
    }
}

/// What `/metrics` gives, and to whom.
package struct MetricsEndpoint: Sendable {
    package enum Verdict: Sendable, Hashable {
        case allowed
        /// The token is nobody's: 401.
        case unauthenticated
        /// The token's owner may not read metrics: 403.
        case forbidden
        /// It could not be found out: 500.
        case failed(String)
    }

    var exposition: @Sendable () async -> [UInt8]
    var contentType: String
    var authorize: (@Sendable (_ token: String) async -> Verdict)?

    /// - Parameters:
    ///   - authorize: asked with the bearer token of each scrape (TokenReview, then SubjectAccessReview of verb `get` on
    ///     the non-resource URL `/metrics`); `nil` serves everyone. A request without a token is refused unasked.
    package init(
        contentType: String = "text/plain; version=0.0.4; charset=utf-8",
        exposition: @escaping @Sendable () async -> [UInt8],
        authorize: (@Sendable (_ token: String) async -> Verdict)? = nil
    ) {
        self.contentType = contentType
        self.exposition = exposition
        self.authorize = authorize
    }
}

/// Answers probes (`/healthz`, `/livez`, `/readyz`, each also with `/NAME` of one check, `?verbose` and `?exclude=NAME`) and
/// scrapes (`/metrics`), with the texts that controller-runtime gives: `ok`, or for each check `[+]ping ok` or
/// `[-]webhook failed: why` and status 500.
package final class HealthServer: Service {
    private let listener: HTTPListener

    /// - Parameters:
    ///   - checks: what `/readyz` asks, made for each request, as it may be other things at other times; `nil`: the three
    ///     paths are not served.
    ///   - liveness: what `/healthz` and `/livez` ask. Keep it to what a restart would mend.
    ///   - metrics: what `/metrics` gives; `nil`: not served.
    ///   - tls: `nil` for plain HTTP.
    package init(
        configuration: HTTPListener.Configuration,
        checks: (@Sendable () -> [HealthCheck])? = nil,
        liveness: [HealthCheck] = [HealthCheck("ping")],
        metrics endpoint: MetricsEndpoint? = nil,
        tls: TLSContextSource? = nil,
        group: (any EventLoopGroup)? = nil,
        metrics: any MetricsFactory = MetricsSystem.factory,
        logger: Logger,
        onListening: (@Sendable (_ port: Int) -> Void)? = nil
    ) {
        let router = HealthRouter(readiness: checks, liveness: liveness, metrics: endpoint)
        var configuration = configuration
        if group == nil { configuration.eventLoops = 1 }
        self.listener = HTTPListener(
            configuration: configuration,
            tls: tls,
            group: group,
            metrics: metrics,
            logger: logger,
            onListening: onListening,
            route: { router.route($0) }
        )
    }

    package var port: Int? { self.listener.port }

    package func run() async throws { try await self.listener.run() }
}

private struct HealthRouter: Sendable {
    private let routes: [String: Route]

    private let readiness: (@Sendable () -> [HealthCheck])?

    init(readiness: (@Sendable () -> [HealthCheck])?, liveness: [HealthCheck], metrics: MetricsEndpoint?) {
        self.readiness = readiness
        var routes: [String: Route] = [:]
        if let readiness {
            for name in ["healthz", "livez"] {
                routes["/\(name)"] = Route(bodyLimit: 0) { request in
                    await Self.answer(name, liveness, query: request.query)
                }
                for check in liveness { routes["/\(name)/\(check.name)"] = Self.route(check) }
            }
            routes["/readyz"] = Route(bodyLimit: 0) { request in
                await Self.answer("readyz", readiness(), query: request.query)
            }
        }
        if let metrics {
            routes["/metrics"] = Route(bodyLimit: 0) { request in await Self.scrape(metrics, request) }
        }
        self.routes = routes
    }

    func route(_ head: HTTPRequestHead) -> Routing {
        var path = head.uri.prefix { $0 != "?" }
        if path.count > 1, path.hasSuffix("/") { path.removeLast() }
        guard let route = self.routes[String(path)] ?? self.check(path) else {
            return .refuse(.text("404 page not found\n", status: 404))
        }
        guard head.method == .GET || head.method == .HEAD else {
            var response = ServerResponse.text("method not allowed\n", status: 405)
            response.headers = [("allow", "GET, HEAD")]
            return .refuse(response)
        }
        return .handle(route)
    }

    /// `/readyz/NAME`.
    private func check(_ path: Substring) -> Route? {
        guard path.hasPrefix("/readyz/"), let checks = self.readiness?() else { return nil }
        return checks.first { $0.name == path.dropFirst("/readyz/".count) }.map(Self.route)
    }

    private static func route(_ check: HealthCheck) -> Route {
        Route(bodyLimit: 0) { _ in
            guard let reason = await check.check() else { return .text("ok") }
            return .text("internal server error: \(reason)\n", status: 500)
        }
    }

    private static func answer(_ name: String, _ checks: [HealthCheck], query: String?) async -> ServerResponse {
        let options = (query ?? "").split(separator: "&")
        let excluded = options.filter { $0.hasPrefix("exclude=") }.map { $0.dropFirst("exclude=".count) }
        var lines = ""
        var hasFailed = false
        for check in checks {
            if excluded.contains(where: { $0 == check.name }) {
                lines += "[+]\(check.name) excluded: ok\n"
            } else if let reason = await check.check() {
                hasFailed = true
                lines += "[-]\(check.name) failed: \(reason)\n"
            } else {
                lines += "[+]\(check.name) ok\n"
            }
        }
        if hasFailed { return .text(lines + "\(name) check failed\n", status: 500) }
        let isVerbose = options.contains { $0 == "verbose" || $0.hasPrefix("verbose=") }
        return .text(isVerbose ? lines + "\(name) check passed\n" : "ok")
    }

    private static func scrape(_ endpoint: MetricsEndpoint, _ request: ServerRequest) async -> ServerResponse {
        if let authorize = endpoint.authorize {
            guard let token = request.bearerToken else { return .text("Unauthorized\n", status: 401) }
            switch await authorize(token) {
            case .allowed: break
            case .unauthenticated: return .text("Unauthorized\n", status: 401)
            case .forbidden: return .text("Authorization denied\n", status: 403)
            case .failed(let reason): return .text("Authorization failed: \(reason)\n", status: 500)
            }
        }
        return ServerResponse(contentType: endpoint.contentType, body: .bytes(await endpoint.exposition()))
    }
}
