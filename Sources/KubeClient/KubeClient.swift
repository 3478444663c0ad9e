// Requests to a Kubernetes API server: authentication, get, list, write, watch, discovery, errors.

import KubeModel
package import Logging
package import NIOCore
package import Tracing

/// A client of one Kubernetes API server. Made once, shared by everything; ``shutdown()`` before it goes.
///
/// Every request may throw
/// - ``APIError``: the server answered with an error,
/// - ``KubeClientError``: there was no answer, or none that could be understood,
/// - `CancellationError`: the task was cancelled.
///
/// A request that the server turned away (429, or 503 with Retry-After) is sent again, up to
/// ``ClientConfiguration/maximumRetries`` times and within its timeout; see ``RetryPolicy``.
package final class KubeClient: Sendable {
    package let configuration: ClientConfiguration
    let transport: Transport
    private let discoveryCache: DiscoveryCache

    /// - Parameters:
    ///   - logger: for warnings of the server, retries and refreshed credentials; never anything secret.
    ///   - eventLoopGroup: where connections live; `nil` is the process-wide one.
    ///   - observer: told of each request, for metrics.
    ///   - tracer: makes spans of requests within other spans; `nil` for none.
    /// - Throws: ``KubeClientError`` when the configuration is wrong, such as certificates that are none.
    package convenience init(
        configuration: ClientConfiguration,
        logger: Logger,
        eventLoopGroup: (any EventLoopGroup)? = nil,
        observer: (any RequestObserver)? = nil,
        tracer: (any Tracer)? = nil
    ) throws {
        self.init(
            transport: try Transport(
                configuration: configuration,
                logger: logger,
                eventLoopGroup: eventLoopGroup,
                observer: observer,
                tracer: tracer
            )
        )
    }

    init(transport: Transport) {
        self.configuration = transport.configuration
        self.transport = transport
        self.discoveryCache = DiscoveryCache(transport: transport)
    }

    /// Closes all connections; requests and watches under way end with an error.
    package func shutdown() async {
        await self.transport.shutdown()
    }

    /// What the server serves, asked once and remembered.
    package var discovery: Discovery { Discovery(cache: self.discoveryCache) }
}

// MARK: Building requests and reading answers

extension KubeClient {
    /// The path of a collection or an object.
    ///
    /// - Throws: ``KubeClientError`` with code `invalidRequest` for a name that would make the path another one: a DELETE
    ///   of the empty name is a DELETE of the whole collection.
    static func path(
        _ resource: APIResource,
        namespace: String?,
        name: String? = nil,
        subresource: String? = nil
    ) throws -> String {
        let namespace = namespace.flatMap { $0.isEmpty ? nil : $0 }
        if resource.isNamespaced, namespace == nil, let name {
            throw KubeClientError(.invalidRequest, "\(resource.kind) '\(name)' needs a namespace")
        }
        for (what, part) in [("namespace", namespace), ("name", name), ("subresource", subresource)] {
            guard let part else { continue }
            if part.isEmpty || part == "." || part == ".." || part.utf8.contains(UInt8(ascii: "/")) {
                throw KubeClientError(.invalidRequest, "'\(part)' cannot be the \(what) of a \(resource.kind)")
            }
        }
        return resource.path(
            namespace: namespace.map(URLText.segment),
            name: name.map(URLText.segment),
            subresource: subresource.map(URLText.segment)
        )
    }

    static func label(_ resource: APIResource, _ subresource: String? = nil) -> String {
        subresource.map { "\(resource.plural)/\($0)" } ?? resource.plural
    }
}

extension Transport {
    /// Sends a request whose answer must be a success.
    ///
    /// - Throws: ``APIError`` for every status but 2xx.
    func sendExpectingSuccess(_ request: APIRequest) async throws -> APIResponse {
        let response = try await self.send(request)
        guard (200..<300).contains(response.status) else { throw APIError(response, to: request) }
        return response
    }
}
