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
        var finder: any GroupFinder
        var task: Task<Void, Never>?
    }

    /// What makes discoveries one. Static targets need no work that could be shared.
    private enum Identity: Hashable {
        case statics(Int)
        case kubernetes(KubernetesDiscovery)
        case file(FileDiscovery)
        case http(HTTPDiscovery)
        case dns(DNSDiscovery)

        init(_ discovery: DiscoveryConfig, number: Int) {
            self =
                switch discovery {
                case .statics: .statics(number)
                case .kubernetes(let discovery): .kubernetes(discovery)
                case .file(let discovery): .file(discovery)
                case .http(let discovery): .http(discovery)
                case .dns(let discovery): .dns(discovery)
                }
        }
    }

    private struct State {
        var places: [DiscoveryPlace: (discovery: DiscoveryConfig, identity: Identity)] = [:]
        var running: [Identity: Running] = [:]
        var lastNumber = 0
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
            // First those that go, so that nothing more comes for a place that gets another discovery.
            var left: [Identity] = []
            for (place, known) in state.places where wanted[place] != known.discovery {
                state.running[known.identity]?.channel.leave(place)
                state.places[place] = nil
                left.append(known.identity)
            }
            for (place, discovery) in wanted where state.places[place] == nil { self.join(place, discovery, &state) }
            // What was joined meanwhile, under another name, goes on undisturbed.
            for identity in left {
                guard let running = state.running[identity], running.channel.isEmpty else { continue }
                running.task?.cancel()
                state.running[identity] = nil
            }
        }
    }

    private func join(_ place: DiscoveryPlace, _ discovery: DiscoveryConfig, _ state: inout State) {
        state.lastNumber += 1
        let identity = Identity(discovery, number: state.lastNumber)
        state.places[place] = (discovery, identity)
        if let running = state.running[identity] { return running.channel.join(place) }
        let channel = GroupChannel(report: self.report)
        var running = Running(channel: channel, finder: self.finder(discovery, channel))
        channel.join(place)
        if state.isRunning { running.task = Self.start(running) }
        state.running[identity] = running
    }

    private func finder(_ discovery: DiscoveryConfig, _ channel: GroupChannel) -> any GroupFinder {
        switch discovery {
        case .statics(let groups): StaticFinder(groups: groups)
        case .kubernetes(let kubernetes): KubernetesFinder(discovery: kubernetes, clusters: self.clusters)
        case .file(let file): FileRefresh.finder(file)
        case .http(let http): HTTPRefresh.finder(http, channel)
        case .dns(let dns): DNSRefresh.finder(dns)
        }
    }

    private static func start(_ running: Running) -> Task<Void, Never> {
        Task {
            do {
                try await running.finder.run(running.channel)
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
            for (identity, running) in state.running where running.task == nil {
                state.running[identity]?.task = Self.start(running)
            }
        }
        do {
            try await untilGracefulShutdown()
        } catch {
            await self.stop()
            throw error
        }
        await self.stop()
    }

    private func stop() async {
        let tasks = self.state.withLock { state in
            state.isRunning = false
            return state.running.values.compactMap(\.task)
        }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
        await self.clusters.shutdown()
    }

    /// How many discoveries and watches run: for tests and pages.
    package var counts: (discoveries: Int, watches: Int) {
        (self.state.withLock { $0.running.count }, self.clusters.watchCount)
    }
}
