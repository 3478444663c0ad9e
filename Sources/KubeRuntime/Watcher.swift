import JSONTree
package import KubeClient
package import KubeModel
import Logging
import Metrics

/// Which objects to follow.
package struct WatchTarget: Sendable, Hashable {
    package var resource: APIResource
    /// `nil` follows all namespaces.
    package var namespace: String?
    package var labelSelector: String?
    package var fieldSelector: String?
    /// Asks for `PartialObjectMetadata`.
    package var metadataOnly: Bool

    package init(
        _ resource: APIResource,
        namespace: String? = nil,
        labelSelector: String? = nil,
        fieldSelector: String? = nil,
        metadataOnly: Bool = false
    ) {
        self.resource = resource
        self.namespace = namespace
        self.labelSelector = labelSelector
        self.fieldSelector = fieldSelector
        self.metadataOnly = metadataOnly
    }
}

/// What a watcher learned.
package enum WatcherEvent<Item: Sendable>: Sendable {
    /// A list begins. Nothing of it counts before ``listed``; a second ``listing`` drops the first.
    case listing
    /// Some objects of the list, and the keys of those that are there but could not be read.
    case page([WatchedObject<Item>], malformed: [ObjectKey])
    /// The list is complete: what was not in it does not exist.
    case listed
    /// An object is new or changed.
    case applied(WatchedObject<Item>)
    case deleted(ObjectKey)
    /// The server does not serve the resource, so there are no objects.
    case absent
}

/// Follows the objects of a collection for ever: lists, watches, resumes, and starts over where it must.
///
/// An object that cannot be read is logged and counted; the rest goes on.
package struct Watcher<Item: Sendable>: Sendable {
    package let target: WatchTarget
    private let client: KubeClient
    private let configuration: WatcherState.Configuration
    private let projection: Projection<Item>
    private let time: TimeSource
    private let jitter: JitterSource
    private let retryNow: Signal
    private let failed: (@Sendable (any Error) -> Void)?
    private let metrics: WatcherMetrics

    /// - Parameters:
    ///   - projection: what is read of each object.
    ///   - retryNow: raise it to end a pause between attempts, when something tells that the next one will go better.
    ///   - failed: told of each request that failed, for owners who can say more about it than the log line made here,
    ///     which then has level debug.
    package init(
        client: KubeClient,
        target: WatchTarget,
        configuration: WatcherState.Configuration = WatcherState.Configuration(),
        time: TimeSource = TimeSource(ContinuousClock()),
        jitter: JitterSource = .random,
        retryNow: Signal = Signal(),
        failed: (@Sendable (any Error) -> Void)? = nil,
        projection: @escaping Projection<Item>
    ) {
        self.client = client
        self.target = target
        self.configuration = configuration
        self.projection = projection
        self.time = time
        self.jitter = jitter
        self.retryNow = retryNow
        self.failed = failed
        self.metrics = WatcherMetrics(resource: target.resource)
    }

    /// How far a run is.
    private struct Progress {
        var state: WatcherState
        /// The failure that was told last, until something works again.
        var lastFailure: String?
    }

    /// Runs until cancelled. Events come one after the other; the next request or read waits for `receive`.
    ///
    /// - Throws: `CancellationError`, nothing else.
    package func run(_ receive: (WatcherEvent<Item>) -> Void) async throws {
        var metadata: Logger.Metadata = ["resource": "\(self.target.resource.plural)"]
        if !self.target.resource.group.isEmpty { metadata["group"] = "\(self.target.resource.group)" }
        if let namespace = target.namespace { metadata["namespace"] = "\(namespace)" }
        try await withLogger(mergingMetadata: metadata) { logger in
            var progress = Progress(state: WatcherState(configuration: self.configuration))
            while true {
                try Task.checkCancellation()
                switch progress.state.next(now: self.time.now) {
                case .wait(let until):
                    try await self.retryNow.wait(until: until, on: self.time)
                    // Either the time has come or somebody asked to go on; a stale raise costs one early attempt.
                    progress.state.skipPause()
                case .list(let token, let limit):
                    try await self.list(continuing: token, limit: limit, &progress, logger, receive)
                case .watch(let version):
                    try await self.watch(from: version, &progress, logger, receive)
                }
            }
        }
    }

    private func list(
        continuing token: String?,
        limit: Int?,
        _ progress: inout Progress,
        _ logger: Logger,
        _ receive: (WatcherEvent<Item>) -> Void
    ) async throws {
        if token == nil {
            receive(.listing)
            self.metrics.lists.increment()
        }
        do {
            let page = try await self.client.listPage(
                self.target.resource,
                namespace: self.target.namespace,
                options: ListOptions(
                    labelSelector: self.target.labelSelector,
                    fieldSelector: self.target.fieldSelector,
                    limit: limit,
                    continueToken: token,
                    metadataOnly: self.target.metadataOnly
                )
            ) { (cursor) throws(JSONError) in
                try ReadObject(&cursor, self.projection)
            }
            var objects: [WatchedObject<Item>] = []
            var malformed: [ObjectKey] = []
            objects.reserveCapacity(page.items.count)
            for item in page.items {
                switch item {
                case .good(let object): objects.append(object)
                case .malformed(let header, let error):
                    self.report(header, error, logger)
                    if let header { malformed.append(header.key) }
                }
            }
            receive(.page(objects, malformed: malformed))
            progress.lastFailure = nil
            if progress.state.listed(resourceVersion: page.resourceVersion, continuing: page.continueToken) == .complete
            {
                receive(.listed)
                logger.debug("listed", metadata: ["resource_version": "\(page.resourceVersion)"])
            }
        } catch {
            try Task.checkCancellation()
            let failure = WatcherState.Failure(error)
            self.metrics.failures.increment()
            self.log(failure, error, of: "list", &progress, logger)
            if progress.state.listFailed(failure, now: self.time.now, random: self.jitter.next()) { receive(.absent) }
        }
    }

    private func watch(
        from version: String,
        _ progress: inout Progress,
        _ logger: Logger,
        _ receive: (WatcherEvent<Item>) -> Void
    ) async throws {
        let start = self.time.now
        var events = 0
        var failure: WatcherState.Failure?
        self.metrics.watches.increment()
        do {
            let stream = try await self.client.watch(
                self.target.resource,
                namespace: self.target.namespace,
                options: WatchOptions(
                    labelSelector: self.target.labelSelector,
                    fieldSelector: self.target.fieldSelector,
                    resourceVersion: version,
                    timeout: self.configuration.timeout,
                    metadataOnly: self.target.metadataOnly
                )
            )
            for try await event in stream {
                if event.kind == .error { throw event.status() }
                events += 1
                if let version = try self.receive(event, logger, receive) {
                    progress.state.saw(resourceVersion: version)
                }
                progress.lastFailure = nil
            }
        } catch {
            try Task.checkCancellation()
            let reason = WatcherState.Failure(error)
            failure = reason
            self.metrics.failures.increment()
            self.log(reason, error, of: "watch", &progress, logger)
        }
        self.metrics.restarted(failure)
        let now = self.time.now
        progress.state.watchEnded(failure, lasted: now - start, events: events, now: now, random: self.jitter.next())
    }

    /// - Returns: the version the event moves the watch to.
    /// - Throws: ``JSONError`` when the object is not JSON at all.
    private func receive(
        _ event: WatchEvent,
        _ logger: Logger,
        _ receive: (WatcherEvent<Item>) -> Void
    ) throws(JSONError) -> String? {
        if event.kind == .bookmark || event.kind == .deleted {
            // Only the header counts: what a deleted object last looked like the store knows better.
            do throws(JSONError) {
                let header = try event.decode { (cursor) throws(JSONError) in try ObjectHeader(&cursor) }
                if event.kind == .deleted { receive(.deleted(header.key)) }
                return header.resourceVersion
            } catch  where error.code == .unexpectedKind {
                self.report(nil, error, logger)
                return nil
            }
        }
        switch try event.decode({ (cursor) throws(JSONError) in try ReadObject(&cursor, self.projection) }) {
        case .good(let object):
            receive(.applied(object))
            return object.resourceVersion
        case .malformed(let header, let error):
            self.report(header, error, logger)
            return header?.resourceVersion
        }
    }

    private func report(_ header: ObjectHeader?, _ error: JSONError, _ logger: Logger) {
        self.metrics.malformed.increment()
        logger.warning(
            "skipped an object that cannot be read",
            metadata: [
                "object": "\(header?.key.description ?? "unknown")",
                "resource_version": "\(header?.resourceVersion ?? "")",
                "error": "\(error)",
            ]
        )
    }

    private func log(
        _ failure: WatcherState.Failure,
        _ error: any Error,
        of request: String,
        _ progress: inout Progress,
        _ logger: Logger
    ) {
        let text = "\(error)"
        self.failed?(error)
        // Connections end and histories expire in a healthy cluster, a resource may come later, and what was said once
        // need not be said again with each attempt.
        let level: Logger.Level =
            switch failure {
            case _ where progress.lastFailure == text || self.failed != nil: .debug
            case .refused: .warning
            case .absent: .info
            case .broken, .expired: .debug
            }
        progress.lastFailure = text
        logger.log(
            level: level,
            "following a resource failed",
            metadata: ["request": "\(request)", "error": "\(text)"]
        )
    }
}

extension WatcherState.Failure {
    init(_ error: any Error) {
        guard let error = error as? APIError else {
            self = .broken
            return
        }
        switch error.code {
        case 410: self = .expired
        case 404: self = .absent
        default: self = .refused(retryAfter: error.retryAfter)
        }
    }
}

private struct WatcherMetrics: Sendable {
    let lists: Counter
    let watches: Counter
    let failures: Counter
    let malformed: Counter
    private let ended: Counter
    private let broken: Counter
    private let expired: Counter
    private let absent: Counter
    private let refused: Counter

    init(resource: APIResource) {
        let labels = [("group", resource.group), ("resource", resource.plural)]
        self.lists = Counter(label: "swiftlet_watcher_lists_total", dimensions: labels)
        self.watches = Counter(label: "swiftlet_watcher_watches_total", dimensions: labels)
        self.failures = Counter(label: "swiftlet_watcher_failures_total", dimensions: labels)
        self.malformed = Counter(label: "swiftlet_watcher_malformed_objects_total", dimensions: labels)
        func restarts(_ reason: String) -> Counter {
            Counter(label: "swiftlet_watcher_restarts_total", dimensions: labels + [("reason", reason)])
        }
        self.ended = restarts("ended")
        self.broken = restarts("broken")
        self.expired = restarts("expired")
        self.absent = restarts("absent")
        self.refused = restarts("refused")
    }

    /// A watch is over and another one begins; servers end them in good order every few minutes.
    func restarted(_ failure: WatcherState.Failure?) {
        switch failure {
        case nil: self.ended.increment()
        case .broken: self.broken.increment()
        case .expired: self.expired.increment()
        case .absent: self.absent.increment()
        case .refused: self.refused.increment()
        }
    }
}
