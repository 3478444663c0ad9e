package import AdmissionServer
import JSONTree
package import Logging
package import Metrics
import NIOCore
import NIOHTTP1
import PrometheusModel
import ServiceLifecycle
import TargetAllocation

/// The HTTP interface (specification targetallocator.md section 3), the same on both listeners but for secrets.
package struct AllocatorServer: Sendable {
    private let core: AllocatorCore
    /// Whether secrets are served as they are.
    private let showsSecrets: Bool
    private let exposition: @Sendable () async -> [UInt8]
    private let pages: AllocatorPages

    package init(
        core: AllocatorCore,
        showsSecrets: Bool,
        exposition: @escaping @Sendable () async -> [UInt8]
    ) {
        self.core = core
        self.showsSecrets = showsSecrets
        self.exposition = exposition
        self.pages = AllocatorPages(core: core)
    }

    package static func listener(
        address: ListenAddress,
        name: String,
        server: AllocatorServer,
        tls: TLSContextSource? = nil,
        metrics: any MetricsFactory = MetricsSystem.factory,
        logger: Logger,
        onListening: (@Sendable (_ port: Int) -> Void)? = nil
    ) -> HTTPListener {
        var configuration = HTTPListener.Configuration(address: address, name: name)
        configuration.requestTimeout = .seconds(90)
        // A fleet keeps one or two connections from each of its collectors.
        configuration.maximumConnections = 4096
        let route = Route(bodyLimit: 64 << 10) { request in await server.answer(request) }
        return HTTPListener(
            configuration: configuration,
            tls: tls,
            metrics: metrics,
            logger: logger,
            onListening: onListening,
            route: { head in
                if head.method == .GET || head.method == .HEAD { return .handle(route) }
                var response = ServerResponse.text("405 method not allowed\n", status: 405)
                response.headers = [("allow", "GET, HEAD")]
                return .refuse(response)
            }
        )
    }

    /// Answers one request.
    package func answer(_ request: ServerRequest) async -> ServerResponse {
        let start = ContinuousClock.now
        let (path, response) = await self.dispatch(request)
        if let path {
            let parts = start.duration(to: .now).components
            self.core.metrics.answered(
                path,
                nanoseconds: parts.seconds * 1_000_000_000 + parts.attoseconds / 1_000_000_000
            )
        }
        return response
    }

    /// - Returns: the pattern of the path, for metrics, and the answer.
    private func dispatch(_ request: ServerRequest) async -> (String?, ServerResponse) {
        // Segments are told apart before anything is decoded: a job's name may hold slashes.
        let segments = request.path.split(separator: "/", omittingEmptySubsequences: true)
        let wantsHTML = request.headers[canonicalForm: "accept"].contains { $0.contains("text/html") }
        switch (segments.first, segments.count) {
        case (nil, _): return ("/", self.pages.index())
        case ("livez", 1): return ("/livez", .text(""))
        case ("readyz", 1):
            return ("/readyz", self.core.isReady ? .text("") : .text("the first discovery runs\n", status: 503))
        case ("metrics", 1):
            let body = await self.exposition()
            return (
                "/metrics",
                ServerResponse(contentType: "text/plain; version=0.0.4; charset=utf-8", body: .bytes(body))
            )
        case ("scrape_configs", 1):
            return ("/scrape_configs", wantsHTML ? self.pages.scrapeConfigs() : self.scrapeConfigs(request))
        case ("jobs", 1): return ("/jobs", wantsHTML ? self.pages.jobs() : self.jobs(request))
        case ("jobs", 3) where segments[2] == "targets":
            return ("/jobs/:job_id/targets", self.targets(of: segments[1], request))
        case ("replicas", 2) where segments[1] == "assignment":
            return ("/replicas/assignment", self.assignment(request))
        case ("debug", 2):
            guard let page = self.pages.debug(String(segments[1]), request.query) else { break }
            return ("/debug/\(segments[1])", page)
        default: break
        }
        return (nil, .text("404 page not found\n", status: 404))
    }

    // MARK: JSON

    private func scrapeConfigs(_ request: ServerRequest) -> ServerResponse {
        guard let answer = self.core.scrapeConfigs(masked: !self.showsSecrets) else { return Self.notReady }
        return Self.response(answer.encoded(compressed: Self.takesGzip(request)), request)
    }

    private func jobs(_ request: ServerRequest) -> ServerResponse {
        guard self.core.isReady else { return Self.notReady }
        return Self.response(StoredAnswer.Encoding(self.core.lists.jobs(compressed: Self.takesGzip(request))), request)
    }

    private func targets(of segment: Substring, _ request: ServerRequest) -> ServerResponse {
        guard let job = QueryText.decoded(segment) else {
            return Self.failure(500, "invalid URL escape in the job's name")
        }
        // Who gets nothing now would stop scraping; with an error it keeps what it has.
        guard self.core.isReady else { return Self.notReady }
        let collector = QueryText.values("collector_id", in: request.query).first
        let compressed = Self.takesGzip(request)
        let list = self.core.lists.list(job: job, collector: collector, compressed: compressed)
        if let collector, request.method == .GET { self.core.delivered(job: job, collector: collector, list) }
        return Self.response(StoredAnswer.Encoding(list), request)
    }

    /// For the allocator's other replicas: hashes of targets and names of collectors, nothing else.
    private func assignment(_ request: ServerRequest) -> ServerResponse {
        guard let assignment = self.core.writtenAssignment() else { return Self.notReady }
        let headers = [("etag", assignment.entityTag)]
        if let header = request.headers.first(name: "if-none-match"),
            EntityTag.matches(header, assignment.entityTag)
        {
            return ServerResponse(status: 304, body: .bytes([]), headers: headers)
        }
        return ServerResponse(
            contentType: AssignmentSnapshot.contentType,
            body: .buffer(assignment.body),
            headers: headers
        )
    }

    private static func response(_ list: StoredAnswer.Encoding, _ request: ServerRequest) -> ServerResponse {
        var headers = [("etag", list.entityTag), ("vary", "accept-encoding, accept")]
        if let header = request.headers.first(name: "if-none-match"), EntityTag.matches(header, list.entityTag) {
            return ServerResponse(status: 304, body: .bytes([]), headers: headers)
        }
        if list.isCompressed { headers.append(("content-encoding", "gzip")) }
        return ServerResponse(body: .buffer(list.body), headers: headers)
    }

    private static let notReady = failure(503, "the first discovery is not complete yet; keep what you have")

    private static func failure(_ status: Int, _ message: String) -> ServerResponse {
        let object: JSONObject = ["error": .string(message)]
        return .json(object.bytes() + [UInt8(ascii: "\n")], status: status)
    }

    /// RFC 9110, 12.5.3, for the one encoding there is.
    static func takesGzip(_ request: ServerRequest) -> Bool {
        for header in request.headers["accept-encoding"] {
            for element in header.split(separator: ",") {
                let parts = element.lowercased().split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" } }
                guard let name = parts.first, name == "gzip" || name == "*" || name == "x-gzip" else { continue }
                let weight = parts.dropFirst().first { $0.hasPrefix("q=") }?.dropFirst(2)
                return weight.map { !$0.allSatisfy { $0 == "0" || $0 == "." } } ?? true
            }
        }
        return false
    }
}
