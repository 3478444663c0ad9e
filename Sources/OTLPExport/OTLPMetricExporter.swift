import AsyncHTTPClient
package import Logging
import Metrics
package import PrometheusMetrics
import ServiceLifecycle
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Where metrics are pushed to.
package struct OTLPMetricSettings: Sendable, Hashable {
    /// The whole URL.
    package var endpoint: String
    package var headers: [OTLPSettings.Attribute]
    package var resource: [OTLPSettings.Attribute]
    package var interval: Duration
    /// Of one push, retries included.
    package var timeout: Duration

    package init(
        endpoint: String,
        headers: [OTLPSettings.Attribute] = [],
        resource: [OTLPSettings.Attribute] = [],
        interval: Duration = .seconds(60),
        timeout: Duration = .seconds(30)
    ) {
        self.endpoint = endpoint
        self.headers = headers
        self.resource = resource
        self.interval = interval
        self.timeout = timeout
    }

    /// The URL for metrics of one that a configuration names; `nil` for what is no URL of http or https. Without a path it is
    /// that of a collector's receiver.
    package static func endpoint(_ url: String) -> String? {
        let rest = ["http://", "https://"].first { url.lowercased().hasPrefix($0) }.map { url.dropFirst($0.count) }
        guard let rest, let first = rest.utf8.first, first != UInt8(ascii: "/"),
            !url.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F })
        else { return nil }
        guard let slash = rest.firstIndex(of: "/") else { return url + "/v1/metrics" }
        return rest[slash...] == "/" ? url + "v1/metrics" : url
    }
}

/// Pushes metrics by OTLP/HTTP once in each interval, and once more when it is stopped.
package final class OTLPMetricExporter: Service {
    private let settings: OTLPMetricSettings
    private let post: OTLPPost
    private let encoder: OTLPMetricEncoder
    private let logger: Logger
    private let read: @Sendable () -> [MetricFamily]
    private let isFailing = Mutex(false)
    private let pushes = Counter(label: "swiftlet_metric_pushes_total", dimensions: [("result", "success")])
    private let failures = Counter(label: "swiftlet_metric_pushes_total", dimensions: [("result", "failure")])

    package init(
        _ settings: OTLPMetricSettings,
        scope: String,
        version: String,
        logger: Logger,
        read: @escaping @Sendable () -> [MetricFamily]
    ) {
        self.settings = settings
        self.post = OTLPPost(endpoint: settings.endpoint, headers: settings.headers)
        self.encoder = OTLPMetricEncoder(
            resource: settings.resource,
            scope: scope,
            scopeVersion: version,
            start: Self.now()
        )
        self.logger = logger
        self.read = read
    }

    package func run() async throws {
        let client = OTLPPost.client()
        let (stop, stopping) = AsyncStream<Void>.makeStream()
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    while (try? await Task.sleep(for: self.settings.interval)) != nil {
                        await self.push(client, within: min(self.settings.timeout, self.settings.interval))
                    }
                }
                group.addTask { for await _ in stop {} }
                await group.next()
                group.cancelAll()
            }
        } onGracefulShutdown: {
            stopping.finish()
        }
        // A collector that is gone must not hold the process up.
        if !Task.isCancelled { await self.push(client, within: min(self.settings.timeout, .seconds(3))) }
        try? await client.shutdown()
        try Task.checkCancellation()
    }

    private func push(_ client: HTTPClient, within time: Duration) async {
        let body = self.encoder.body(self.read(), now: Self.now())
        var policy = ExportRetry()
        let end = ContinuousClock.now + time
        while true {
            let left = ContinuousClock.now.duration(to: end)
            let (outcome, reason) = await self.post.send(body, client, within: left)
            if Task.isCancelled { return }
            switch policy.decide(outcome, remaining: left, random: .random(in: 0...1)) {
            case .delivered:
                self.pushes.increment()
                if self.isFailing.exchange(false) {
                    self.logger.info("metrics are pushed again", metadata: ["endpoint": "\(self.shownEndpoint)"])
                }
                return
            case .giveUp:
                self.failures.increment()
                // They are cumulative: the next push brings what this one did not.
                if !self.isFailing.exchange(true) {
                    self.logger.warning(
                        "metrics could not be pushed",
                        metadata: ["endpoint": "\(self.shownEndpoint)", "reason": "\(reason)"]
                    )
                }
                return
            case .retry(let pause):
                try? await Task.sleep(for: pause)
                if Task.isCancelled { return }
            }
        }
    }

    /// Without a login.
    private var shownEndpoint: String {
        let url = self.settings.endpoint
        guard let at = url.lastIndex(of: "@") else { return url }
        return "…" + url[at...]
    }

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(max(0, time.tv_sec)) * 1_000_000_000 + UInt64(max(0, time.tv_nsec))
    }
}

extension Mutex<Bool> {
    fileprivate borrowing func exchange(_ new: Bool) -> Bool {
        self.withLock { value in
            defer { value = new }
            return value
        }
    }
}
