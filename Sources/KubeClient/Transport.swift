import AsyncHTTPClient
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Tracing

/// A request before it is sent: everything but where the server is and who we are.
struct APIRequest: Sendable {
    var method: HTTPMethod = .GET
    /// Percent-encoded, below the server's URL.
    var path: String
    var query: [(String, String)] = []
    var body: [UInt8]?
    var contentType: String?
    var accept = "application/json"
    /// `nil` is the configuration's.
    var timeout: Duration?
    /// For metrics.
    var verb: String
    var resource = ""
    /// Sending it twice is as good as once.
    var isIdempotent: Bool
}

struct APIResponse: Sendable {
    var status: Int
    var headers: HTTPHeaders
    var body: ByteBuffer
}

/// Sends requests: connections, credentials, timeouts, retries, warnings, metrics.
final class Transport: Sendable {
    let configuration: ClientConfiguration
    let logger: Logger
    let time: TimeSource
    private let requests: HTTPClient
    /// Watches hold a connection for minutes, so they have a pool of their own that never makes them wait.
    private let watches: HTTPClient
    private let eventLoopGroup: any EventLoopGroup
    private let credentials: Credentials
    private let slots: RequestSlots
    private let limiter: RateLimiter?
    private let warnings: WarningLog
    private let observer: (any RequestObserver)?
    private let tracer: (any Tracer)?
    private let server: ServerHost?
    private let baseURL: String
    private let fixedHeaders: HTTPHeaders

    /// - Throws: ``KubeClientError`` when the configuration is wrong.
    init(
        configuration: ClientConfiguration,
        logger: Logger,
        eventLoopGroup: (any EventLoopGroup)?,
        observer: (any RequestObserver)?,
        tracer: (any Tracer)? = nil,
        time: TimeSource = .continuous
    ) throws {
        self.configuration = configuration
        self.logger = logger
        self.time = time
        self.observer = observer
        self.tracer = tracer
        self.slots = RequestSlots(count: configuration.maximumConnections)
        self.limiter = configuration.rateLimit.map { RateLimiter($0, time: time) }
        self.warnings = WarningLog(logger: logger)
        self.eventLoopGroup = eventLoopGroup ?? HTTPClient.defaultEventLoopGroup

        let settings = try TLSSettings(configuration)
        self.credentials = try Credentials(
            configuration: configuration,
            settings: settings,
            logger: logger,
            time: time
        )
        guard let host = ServerHost(configuration.serverURL) else {
            throw KubeClientError(.configuration, "the server's URL '\(configuration.serverURL)' is not a URL")
        }
        self.server = host
        self.fixedHeaders = Self.fixedHeaders(configuration, host, settings)

        var http = HTTPClient.Configuration(tlsConfiguration: self.credentials.clientTLS)
        http.httpVersion = .http1Only
        http.redirectConfiguration = .disallow
        http.timeout = .init(connect: .seconds(10))
        // Somebody above decides whether to try again, and says meanwhile what is wrong.
        http.connectionPool.retryConnectionEstablishment = false
        http.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = max(1, configuration.maximumConnections)
        http.proxy = configuration.proxyURL.flatMap(ProxyAddress.init).map { proxy in
            .server(
                host: proxy.host,
                port: proxy.port,
                authorization: proxy.username.map { .basic(username: $0, password: proxy.password ?? "") }
            )
        }
        http.http1_1ConnectionDebugInitializer = { channel in
            ConnectionSetup.prepare(channel, check: settings.peerCheck)
        }
        if let name = settings.serverName {
            // The HTTP client takes the expected name from the URL, and the address from this table.
            http.dnsOverride = [name: host.name]
            self.baseURL = Self.url(configuration.serverURL, host: name, host)
        } else {
            self.baseURL = configuration.serverURL
        }
        self.requests = HTTPClient(eventLoopGroup: self.eventLoopGroup, configuration: http)
        http.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1_024
        self.watches = HTTPClient(eventLoopGroup: self.eventLoopGroup, configuration: http)
    }

    deinit {
        // Does nothing after shutdown(); otherwise the HTTP clients must not be left with open connections.
        let group = self.eventLoopGroup
        for client in [self.requests, self.watches] {
            client.shutdown().whenComplete { _ in _ = (client, group) }
        }
    }

    func shutdown() async {
        for client in [self.watches, self.requests] {
            // It fails only when it was shut down before.
            try? await client.shutdown()
        }
    }

    private static func url(_ url: String, host name: String, _ host: ServerHost) -> String {
        let scheme = url.hasPrefix("https:") ? "https" : "http"
        return "\(scheme)://\(name)\(host.port.map { ":\($0)" } ?? "")\(host.path)"
    }

    private static func fixedHeaders(
        _ configuration: ClientConfiguration,
        _ host: ServerHost,
        _ settings: TLSSettings
    ) -> HTTPHeaders {
        var headers = HTTPHeaders()
        if settings.serverName != nil {
            let name = host.name.contains(":") ? "[\(host.name)]" : host.name
            headers.add(name: "Host", value: name + (host.port.map { ":\($0)" } ?? ""))
        }
        headers.add(name: "User-Agent", value: configuration.userAgent)
        if let other = configuration.impersonation {
            headers.add(name: "Impersonate-User", value: other.user)
            if let uid = other.uid { headers.add(name: "Impersonate-Uid", value: uid) }
            for group in other.groups { headers.add(name: "Impersonate-Group", value: group) }
            for (key, values) in other.extra.sorted(by: { $0.key < $1.key }) {
                for value in values {
                    headers.add(name: "Impersonate-Extra-\(URLText.segment(key))", value: value)
                }
            }
        }
        return headers
    }

    // MARK: Sending

    /// Sends a request and gives the answer, whatever its status, after the retries that ``RetryPolicy`` allows.
    ///
    /// - Throws: ``KubeClientError``, `CancellationError`.
    func send(_ request: APIRequest) async throws -> APIResponse {
        let deadline = self.time.now + (request.timeout ?? self.configuration.requestTimeout)
        var policy = RetryPolicy(
            maximumRetries: self.configuration.maximumRetries,
            isIdempotent: request.isIdempotent
        )
        while true {
            try await self.limiter?.wait()
            let credential = try await self.credentials.current()
            let remaining = deadline - self.time.now
            let decision: RetryPolicy.Decision
            do {
                let response = try await self.attempt(request, credential, remaining, number: policy.retries)
                decision = try await self.decide(response, &policy, credential, deadline)
                if decision == .giveUp { return response }
            } catch let error as KubeClientError where error.code == .connectionClosed {
                decision = policy.decideAfterLostConnection()
                if decision == .giveUp { throw error }
                self.logger.inContext.debug("Sending again after a lost connection", metadata: self.metadata(request))
            }
            if case .retry(let delay) = decision, delay > .zero { try await self.time.sleep(for: delay) }
        }
    }

    private func decide(
        _ response: APIResponse,
        _ policy: inout RetryPolicy,
        _ credential: Credentials.Current,
        _ deadline: Duration
    ) async throws -> RetryPolicy.Decision {
        switch response.status {
        case 401:
            guard policy.decideAfterUnauthorized() != .giveUp, try await self.credentials.renew(after: credential)
            else { return .giveUp }
            return .retry(after: .zero)
        case 429, 503:
            let decision = policy.decide(
                status: response.status,
                retryAfter: RetryPolicy.retryAfter(response.headers),
                remaining: deadline - self.time.now
            )
            if case .retry(let delay) = decision {
                self.logger.inContext.debug(
                    "Waiting as the API server asks",
                    metadata: ["code": "\(response.status)", "delay": "\(delay)", "retries": "\(policy.retries)"]
                )
            }
            return decision
        default: return .giveUp
        }
    }

    private func attempt(
        _ request: APIRequest,
        _ credential: Credentials.Current,
        _ remaining: Duration,
        number: Int
    ) async throws -> APIResponse {
        guard remaining > .zero else { throw self.timeout(request) }
        let deadline = NIODeadline.now() + TimeAmount(remaining)
        do {
            try await self.slots.acquire(within: remaining, on: self.eventLoopGroup.any())
        } catch is RequestSlots.Late {
            throw self.timeout(request)
        }
        defer { self.slots.release() }
        let start = self.time.now
        var code = 0
        let span = RequestSpan(self.tracer, request, self.server, attempt: number)
        defer {
            span?.end(code: code)
            self.observer?.finished(
                ObservedRequest(
                    verb: request.verb,
                    method: request.method.rawValue,
                    resource: request.resource,
                    code: code
                ),
                duration: self.time.now - start
            )
        }
        do {
            let http = try self.makeHTTP(request, credential, span)
            let collector = ResponseAccumulator(request: http, maxBodySize: self.configuration.maximumResponseSize)
            let task = self.requests.execute(request: http, delegate: collector, deadline: deadline)
            let response = try await withTaskCancellationHandler {
                try await task.get()
            } onCancel: {
                task.cancel()
            }
            code = Int(response.status.code)
            self.warnings.note(response.headers, method: request.method, path: request.path)
            return APIResponse(status: code, headers: response.headers, body: response.body ?? ByteBuffer())
        } catch {
            throw self.translate(error, request)
        }
    }

    private func makeHTTP(
        _ request: APIRequest,
        _ credential: Credentials.Current,
        _ span: RequestSpan?
    ) throws -> HTTPClient.Request {
        var headers = self.fixedHeaders
        span?.inject(into: &headers)
        headers.add(name: "Accept", value: request.accept)
        if let authorization = credential.authorization { headers.add(name: "Authorization", value: authorization) }
        if request.body != nil {
            headers.add(name: "Content-Type", value: request.contentType ?? "application/json")
        }
        return try HTTPClient.Request(
            url: self.baseURL + request.path + URLText.query(request.query),
            method: request.method,
            headers: headers,
            body: request.body.map { .byteBuffer(ByteBuffer(bytes: $0)) },
            tlsConfiguration: credential.tls
        )
    }

    // MARK: Watching

    /// Begins a streamed answer.
    ///
    /// - Parameters:
    ///   - headTimeout: how long the server may take to begin.
    ///   - totalTimeout: how long the whole stream may take.
    /// - Returns: the stream, or the whole answer when its status is not 200.
    func stream(
        _ request: APIRequest,
        headTimeout: Duration,
        totalTimeout: Duration
    ) async throws -> StreamedResponse.Start {
        let deadline = self.time.now + headTimeout
        var policy = RetryPolicy(maximumRetries: self.configuration.maximumRetries, isIdempotent: true)
        while true {
            try await self.limiter?.wait()
            let credential = try await self.credentials.current()
            let remaining = deadline - self.time.now
            let decision: RetryPolicy.Decision
            do {
                let start = try await self.attemptStream(request, credential, remaining, totalTimeout)
                guard case .answer(let response) = start else { return start }
                decision = try await self.decide(response, &policy, credential, deadline)
                if decision == .giveUp { return start }
            } catch let error as KubeClientError where error.code == .connectionClosed {
                decision = policy.decideAfterLostConnection()
                if decision == .giveUp { throw error }
            }
            if case .retry(let delay) = decision, delay > .zero { try await self.time.sleep(for: delay) }
        }
    }

    private func attemptStream(
        _ request: APIRequest,
        _ credential: Credentials.Current,
        _ remaining: Duration,
        _ totalTimeout: Duration
    ) async throws -> StreamedResponse.Start {
        guard remaining > .zero else { throw self.timeout(request) }
        let start = self.time.now
        var code = 0
        let span = RequestSpan(self.tracer, request, self.server, attempt: 0)
        defer {
            span?.end(code: code)
            self.observer?.finished(
                ObservedRequest(
                    verb: request.verb,
                    method: request.method.rawValue,
                    resource: request.resource,
                    code: code
                ),
                duration: self.time.now - start
            )
        }
        do {
            let http = try self.makeHTTP(request, credential, span)
            let eventLoop = self.eventLoopGroup.any()
            let receiver = StreamedResponse(eventLoop: eventLoop) { error in self.translate(error, request) }
            let task = self.watches.execute(
                request: http,
                delegate: receiver,
                eventLoop: .delegate(on: eventLoop),
                deadline: .now() + TimeAmount(totalTimeout)
            )
            let expiry = eventLoop.scheduleTask(in: TimeAmount(remaining)) { receiver.headIsLate(task) }
            defer { expiry.cancel() }
            let result = try await withTaskCancellationHandler {
                try await receiver.start()
            } onCancel: {
                task.cancel()
            }
            switch result {
            case .stream(let headers, _):
                code = 200
                self.warnings.note(headers, method: request.method, path: request.path)
            case .answer(let response):
                code = response.status
                self.warnings.note(response.headers, method: request.method, path: request.path)
            }
            return result
        } catch {
            throw self.translate(error, request)
        }
    }

    /// How many requests wait for a connection.
    var waitingCount: Int { self.slots.waitingCount }

    func metadata(_ request: APIRequest) -> Logger.Metadata {
        ["method": "\(request.method)", "path": "\(request.path)"]
    }
}
