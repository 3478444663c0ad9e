package import KubeClient
import KubeRuntime
import Logging
package import PrometheusConfig
import ServiceLifecycle
import Synchronization

/// Runs what the jobs' discoveries need. Equal discoveries of several jobs run once, and equal watches of several
/// discoveries are one watch.
///
/// Give it jobs with ``setJobs(_:)`` whenever they change, before or while ``run()`` runs.
package final class DiscoveryRunner: Service {
    private struct Running {
        var channel: GroupChannel
        var task: Task<Void, Never>?
    }

    private struct State {
        var places: [DiscoveryPlace: DiscoveryConfig] = [:]
        var running: [DiscoveryConfig: Running] = [:]
        /// Tasks start with ``run()``.
        var isRunning = false
    }

    private let state = Mutex(State())
    private let clusters: ClusterConnections
    private let report: @Sendable (DiscoveryUpdate) -> Void

    /// - Parameters:
    ///   - client: of the cluster that a discovery without `api_server` and `kubeconfig_file` means; `nil` has it looked
    ///     for (the pod's service account, `KUBECONFIG`, `~/.kube/config`) when one is needed.
    ///   - report: told of everything found, for one place in order. Called on the discoveries' tasks: be short, and don't
    ///     call the runner in it.
    package init(client: KubeClient?, report: @escaping @Sendable (DiscoveryUpdate) -> Void) {
        self.clusters = ClusterConnections(client)
        self.report = report
    }

    /// These are the jobs from now on. Discoveries that are still wanted go on undisturbed; for a discovery that is new to
    /// its job an update with ``DiscoveryUpdate/isInitial`` comes once it is complete.
    package func setJobs(_ jobs: [ScrapeJob]) {
        var wanted: [DiscoveryPlace: DiscoveryConfig] = [:]
        for job in jobs {
            for (index, discovery) in job.discoveries.enumerated() {
                wanted[DiscoveryPlace(job: job.name, index: index)] = discovery
            }
        }
        self.state.withLock { state in
            let before = state.places
            state.places = wanted
            // First those that come, so that what goes on under another name does not stop in between.
            for (place, discovery) in wanted where before[place] != discovery { self.join(place, discovery, &state) }
            for (place, discovery) in before where wanted[place] != discovery {
                guard let running = state.running[discovery], running.channel.leave(place) else { continue }
                running.task?.cancel()
                state.running[discovery] = nil
            }
        }
    }

    private func join(_ place: DiscoveryPlace, _ discovery: DiscoveryConfig, _ state: inout State) {
        if let running = state.running[discovery] { return running.channel.join(place) }
        var running = Running(channel: GroupChannel(report: self.report))
        running.channel.join(place)
        if state.isRunning { running.task = self.start(discovery, running.channel) }
        state.running[discovery] = running
    }

    private func start(_ discovery: DiscoveryConfig, _ channel: GroupChannel) -> Task<Void, Never> {
        let finder: any GroupFinder =
            switch discovery {
            case .statics(let groups): StaticFinder(groups: groups)
            case .kubernetes(let kubernetes): KubernetesFinder(discovery: kubernetes, clusters: self.clusters)
            case .file(let file): FileRefresh.finder(file)
            case .http(let http): HTTPRefresh.finder(http, channel)
            case .dns(let dns): DNSRefresh.finder(dns)
            }
        return Task {
            do {
                try await finder.run(channel)
            } catch {
                // Cancelled, as finders throw nothing else.
            }
        }
    }

    /// Runs until graceful shutdown.
    ///
    /// - Throws: `CancellationError`.
    package func run() async throws {
        self.state.withLock { state in
            state.isRunning = true
            for (discovery, running) in state.running where running.task == nil {
                state.running[discovery]?.task = self.start(discovery, running.channel)
            }
        }
        defer {
            self.state.withLock { state in
                state.isRunning = false
                for running in state.running.values { running.task?.cancel() }
            }
        }
        try await untilGracefulShutdown()
    }

    /// How many discoveries and watches run: for tests and pages.
    package var counts: (discoveries: Int, watches: Int) {
        (self.state.withLock { $0.running.count }, self.clusters.watchCount)
    }
}
