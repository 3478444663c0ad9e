/// Every metric that a running operator may expose: the text of its `# HELP` line, and buckets where its name is known from
/// elsewhere with others than ours. docs/observability.md lists the same, and tests hold the two and the code together.
package struct MetricCatalog: Sendable, Hashable {
    package var name: String
    package var help: String
    /// Names of its labels, those of a histogram without `le`.
    package var labels: [String]
    /// Upper bounds; `nil` for those of every timer, and for what is no histogram.
    package var buckets: [Double]?

    private init(_ name: String, _ labels: [String] = [], buckets: [Double]? = nil, help: String) {
        self.name = name
        self.help = help
        self.labels = labels
        self.buckets = buckets
    }

    package static let all =
        Self.controllers + Self.webhooks + Self.client + Self.leadership + Self.injection + Self.caches + Self.others

    /// controller-runtime's bounds, so that quantiles of two operators compare.
    private static let reconcileBuckets: [Double] = [
        0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5,
        1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
    ]
    /// client-go's: powers of ten from 10 ns to 1,000 s.
    private static let queueBuckets: [Double] = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1, 10, 100, 1_000]

    private static let controllers: [MetricCatalog] = [
        .init(
            "controller_runtime_reconcile_total",
            ["controller", "result"],
            help: "Reconciles by result: success, requeue, requeue_after, error."
        ),
        .init("controller_runtime_reconcile_errors_total", ["controller"], help: "Reconciles that failed."),
        .init(
            "controller_runtime_terminal_reconcile_errors_total",
            ["controller"],
            help: "Reconciles that failed and are not retried before something changes."
        ),
        .init(
            "controller_runtime_reconcile_panics_total",
            ["controller"],
            help: "Always 0: a trap ends the process, and the pod's restarts count it."
        ),
        .init(
            "controller_runtime_reconcile_time_seconds",
            ["controller"],
            buckets: Self.reconcileBuckets,
            help: "Time of one reconcile."
        ),
        .init("controller_runtime_active_workers", ["controller"], help: "Reconciles under way."),
        .init(
            "controller_runtime_max_concurrent_reconciles",
            ["controller"],
            help: "How many may be under way at once."
        ),
        .init("workqueue_depth", ["controller", "name"], help: "Keys that wait to be worked on and could be now."),
        .init("workqueue_adds_total", ["controller", "name"], help: "Keys that were queued."),
        .init(
            "workqueue_retries_total",
            ["controller", "name"],
            help: "Keys that were queued again because they failed."
        ),
        .init(
            "workqueue_queue_duration_seconds",
            ["controller", "name"],
            buckets: Self.queueBuckets,
            help: "How long a key waited after its time had come."
        ),
        .init(
            "workqueue_work_duration_seconds",
            ["controller", "name"],
            buckets: Self.queueBuckets,
            help: "How long the work on a key took."
        ),
        .init(
            "workqueue_unfinished_work_seconds",
            ["controller", "name"],
            help: "How long the work under way takes already, added up."
        ),
        .init(
            "workqueue_longest_running_processor_seconds",
            ["controller", "name"],
            help: "How long the work takes that is under way the longest."
        ),
    ]

    private static let webhooks: [MetricCatalog] = [
        .init(
            "controller_runtime_webhook_requests_total",
            ["webhook", "code"],
            help: "Requests to a webhook by HTTP status; a refused object is a 200."
        ),
        .init("controller_runtime_webhook_requests_in_flight", ["webhook"], help: "Requests to a webhook under way."),
        .init(
            "controller_runtime_webhook_latency_seconds",
            ["webhook"],
            help: "From the first byte of a request to its answer."
        ),
        .init(
            "controller_runtime_webhook_panics_total",
            help: "Always 0: a trap ends the process, and the pod's restarts count it."
        ),
        .init("swiftlet_http_connections", ["server"], help: "Open connections by server: webhook, metrics, health."),
        .init(
            "swiftlet_http_connection_errors_total",
            ["server", "reason"],
            help: "Connections that ended early; handshake: the client does not trust the certificate."
        ),
    ]

    private static let client: [MetricCatalog] = [
        .init(
            "rest_client_requests_total",
            ["code", "method", "host"],
            help: "Requests to the API server by status (<error>: no answer) and method."
        ),
        .init(
            "rest_client_request_duration_seconds",
            ["verb", "host"],
            help: "Time of requests to the API server by method; of a watch until it began."
        ),
        .init(
            "swiftlet_api_requests_total",
            ["verb", "resource", "code"],
            help: "Requests to the API server by verb and resource."
        ),
        .init(
            "swiftlet_api_writes_total",
            ["kind", "reason"],
            help: "Objects written, by kind and by why: at rest nothing is."
        ),
        .init("swiftlet_events_sent_total", help: "Events written."),
        .init(
            "swiftlet_events_dropped_total",
            help: "Events not written, as there were too many or the server refused."
        ),
        .init("swiftlet_watcher_lists_total", ["group", "resource"], help: "Lists begun."),
        .init("swiftlet_watcher_watches_total", ["group", "resource"], help: "Watches begun."),
        .init(
            "swiftlet_watcher_restarts_total",
            ["group", "resource", "reason"],
            help: "Watches that ended and begin anew: ended in good order, broken, expired, absent, refused."
        ),
        .init("swiftlet_watcher_failures_total", ["group", "resource"], help: "Lists and watches that failed."),
        .init("swiftlet_watcher_malformed_objects_total", ["group", "resource"], help: "Objects that can't be read."),
    ]

    private static let leadership: [MetricCatalog] = [
        .init("leader_election_master_status", ["name"], help: "1 on the replica that leads, 0 on the others."),
        .init(
            "swiftlet_other_operators_active",
            help: "Other operators that lead in namespaces of their own; while the leader waits for one, above 0."
        ),
        .init("certwatcher_read_certificate_total", help: "How often the certificates were read."),
        .init("certwatcher_read_certificate_errors_total", help: "How often reading or keeping them failed."),
        .init(
            "swiftlet_certificate_remaining_seconds",
            ["certificate"],
            help: "Seconds until the serving certificate and its authority (ca) end."
        ),
    ]

    private static let injection: [MetricCatalog] = [
        .init(
            "swiftlet_injection_decisions_total",
            ["subject", "code"],
            help: "What became of what pods asked for, by language or sidecar and reason code."
        ),
        .init(
            "swiftlet_injection_duration_seconds",
            ["result"],
            help: "Time of a pod's review, lookups included, of pods that ask for something."
        ),
        .init(
            "swiftlet_injection_missed_pods",
            help: "Running pods that ask for injection and did not come to the webhook."
        ),
    ]

    private static let caches: [MetricCatalog] = [
        .init("swiftlet_cache_objects", ["cache", "resource"], help: "Objects in a cache."),
        .init(
            "swiftlet_cache_bytes",
            ["cache", "resource"],
            help: "Estimated memory of a cache: up to 64 of its objects are measured, the others taken to be like them."
        ),
        .init("swiftlet_cache_synced", ["cache", "resource"], help: "1 once a cache was read in full."),
        .init("swiftlet_collectors", ["ready"], help: "Collectors by their condition Ready; on the leader."),
    ]

    private static let others: [MetricCatalog] =
        [
            .init(
                "swiftlet_build_info",
                ["version", "operator_version", "swift_version", "mode"],
                help: "1; what runs is in the labels."
            ),
            .init("swiftlet_trace_spans_exported_total", help: "Spans that a collector took, when traces are on."),
            .init(
                "swiftlet_trace_spans_dropped_total",
                help: "Spans that were given up: too many, or no collector took them."
            ),
            .init("swiftlet_trace_export_failures_total", help: "Attempts to export spans that failed."),
            .init(
                "swiftlet_metrics_rejected_series_total",
                help: "Handles whose series is not exposed as it was asked for."
            ),
            .init("process_cpu_seconds_total", help: "Total user and system CPU time spent in seconds."),
            .init("process_resident_memory_bytes", help: "Resident memory size in bytes."),
            .init("process_virtual_memory_bytes", help: "Virtual memory size in bytes."),
            .init("process_virtual_memory_max_bytes", help: "Maximum amount of virtual memory available in bytes."),
            .init("process_start_time_seconds", help: "Start time of the process since unix epoch in seconds."),
            .init("process_open_fds", help: "Number of open file descriptors."),
            .init("process_max_fds", help: "Maximum number of open file descriptors."),
        ]
        + ["receivers", "processors", "exporters", "extensions", "connectors", "info"].map { part in
            .init(
                "opentelemetry_collector_\(part)",
                ["collector_name", "namespace", "type"],
                help: part == "info"
                    ? "Collectors and their mode, with --enable-cr-metrics."
                    : "Types of \(part) in a collector's configuration, with --enable-cr-metrics."
            )
        }
}
