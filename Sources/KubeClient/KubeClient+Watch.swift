package import KubeModel

extension KubeClient {
    /// The client waits this much longer than the server was asked to keep a watch open, for an end in order.
    private static let watchGrace = Duration.seconds(5)

    /// Opens a watch. Returns when the server began its answer; the events are then pulled from the stream.
    ///
    /// - Parameter namespace: `nil` watches all namespaces.
    /// - Throws: ``APIError`` 410 when the resource version is too old (some servers say so in an event instead).
    package func watch(
        _ resource: APIResource,
        namespace: String? = nil,
        options: WatchOptions = WatchOptions()
    ) async throws -> WatchStream {
        let request = APIRequest(
            path: try Self.path(resource, namespace: namespace),
            query: options.query,
            accept: options.metadataOnly ? Accept.metadata : Accept.plain,
            verb: "watch",
            resource: resource.plural,
            isIdempotent: true
        )
        let start = try await self.transport.stream(
            request,
            headTimeout: self.configuration.requestTimeout,
            totalTimeout: options.timeout + Self.watchGrace
        )
        switch start {
        case .stream(_, let chunks): return WatchStream(chunks: chunks)
        case .answer(let response): throw APIError(response, to: request)
        }
    }
}

extension WatchOptions {
    var query: [(String, String)] {
        var query = [("watch", "true")]
        if let labelSelector, !labelSelector.isEmpty { query.append(("labelSelector", labelSelector)) }
        if let fieldSelector, !fieldSelector.isEmpty { query.append(("fieldSelector", fieldSelector)) }
        if let resourceVersion, !resourceVersion.isEmpty { query.append(("resourceVersion", resourceVersion)) }
        if self.allowBookmarks { query.append(("allowWatchBookmarks", "true")) }
        if self.sendInitialEvents {
            query.append(("sendInitialEvents", "true"))
            // The only value that goes with it, and required.
            query.append(("resourceVersionMatch", "NotOlderThan"))
        }
        query.append(("timeoutSeconds", String(max(1, self.timeout.components.seconds))))
        return query
    }
}
