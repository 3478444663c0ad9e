import InMemoryLogging
import JSONTree
import KubeModel
import KubeTesting
import Logging
import NIOHTTP1
import PrometheusConfig
import PrometheusResources
import Testing

@testable import KubeClient
@testable import KubeRuntime
@testable import TargetAllocator

/// Following resources on a real API server.
@Suite(.enabled(if: TestCluster.isAvailable, "\(TestCluster.skipReason)"), .timeLimit(.minutes(2)), .serialized)
struct ResourceWatcherClusterTests {
    private typealias Cluster = ResourceCluster

    @Test func resourcesComeChangeAndGo() async throws {
        try await Cluster.run { cluster in
            try await cluster.create(.serviceMonitor, "first", spec: Cluster.monitor())
            try await cluster.following { outcomes in
                // What is there at the start is in the first report.
                #expect(outcomes.all.first?.jobs.map(\.name) == [cluster.jobName("first")])
                try await cluster.create(.podMonitor, "pods", spec: ["selector": [:], "podMetricsEndpoints": [[:]]])
                #expect(
                    try await outcomes.become([cluster.jobName("first"), "podMonitor/\(cluster.namespace)/pods/0"])
                )
                try await cluster.client.patch(
                    PrometheusResourceKind.serviceMonitor.resource,
                    namespace: cluster.namespace,
                    name: "first",
                    .merge(["spec": ["endpoints": [["port": "a"], ["port": "b"]]]])
                )
                try await cluster.delete(.podMonitor, "pods")
                #expect(try await outcomes.become([cluster.jobName("first"), cluster.jobName("first", 1)]))
                try await cluster.delete(.serviceMonitor, "first")
                #expect(try await outcomes.become([]))
            }
        }
    }

    /// A Secret that comes, changes and goes has what names it translated anew; users are told of what is missing.
    @Test func secrets() async throws {
        try await Cluster.run { cluster in
            let events = EventRecorder(
                client: cluster.client,
                reporter: EventReporter(controller: "target-allocator", instance: "test")
            )
            try await cluster.create(.serviceMonitor, "open", spec: Cluster.monitor())
            try await cluster.create(.serviceMonitor, "secured", spec: Cluster.monitor(secret: "login"))
            let job = cluster.jobName("secured")
            let both = [cluster.jobName("open"), job]
            try await cluster.following(events: events) { outcomes in
                #expect(outcomes.latest.jobs.map(\.name) == [cluster.jobName("open")])
                #expect(outcomes.latest.rejected.map(\.reason) == [.missingSecret])
                let isTold = try await TestCluster.eventually {
                    let list = try await cluster.client.list(Self.events, namespace: cluster.namespace)
                    return list.items.contains { event in
                        event.json[string: "reason"] == "MissingSecret"
                            && event.json[path: "involvedObject", "name"]?.string == "secured"
                            && event.json[string: "type"] == "Warning"
                    }
                }
                #expect(isTold)

                try await cluster.put(secret: "login", token: "one")
                #expect(try await outcomes.become(both))
                #expect(outcomes.token(of: job) == "one")
                #expect(outcomes.latest.rejected.isEmpty)
                try await cluster.put(secret: "login", token: "two")
                #expect(try await TestCluster.eventually { outcomes.token(of: job) == "two" })
                // One that nobody names is nobody's business.
                let reports = outcomes.all.count
                try await cluster.put(secret: "other", token: "x")
                try await cluster.client.delete(.secrets, namespace: cluster.namespace, name: "login")
                #expect(try await outcomes.become([cluster.jobName("open")]))
                #expect(outcomes.all.count == reports + 1)
                #expect(outcomes.latest.rejected.map(\.reason) == [.missingSecret])
                try await cluster.put(secret: "login", token: "three")
                #expect(try await outcomes.become(both))
                #expect(outcomes.token(of: job) == "three")
            }
        }
    }

    @Test func configMaps() async throws {
        try await Cluster.run { cluster in
            func map(_ text: String) -> KubeObject {
                var object = KubeObject(
                    APIResource.configMaps.groupVersionKind,
                    namespace: cluster.namespace,
                    name: "trust"
                )
                object.json["data"] = ["ca": .string(text)]
                return object
            }
            func pem(_ body: String) -> String {
                "-----BEGIN CERTIFICATE-----\n\(body)\n-----END CERTIFICATE-----\n"
            }
            var spec = Cluster.monitor()
            spec["endpoints"] = [
                ["port": "m", "tlsConfig": ["ca": ["configMap": ["name": "trust", "key": "ca"]]]]
            ]
            try await cluster.create(.serviceMonitor, "tls", spec: spec)
            try await cluster.following { outcomes in
                #expect(outcomes.latest.rejected.map(\.reason) == [.missingConfigMap])
                try await cluster.client.create(map("nothing"), .configMaps)
                #expect(
                    try await TestCluster.eventually { outcomes.latest.rejected.map(\.reason) == [.unreadableAsset] }
                )
                try await cluster.client.patch(
                    .configMaps,
                    namespace: cluster.namespace,
                    name: "trust",
                    .merge(["data": ["ca": .string(pem("YQ=="))]])
                )
                #expect(try await outcomes.become([cluster.jobName("tls")]))
                let ca = outcomes.latest.jobs.first?.json[path: "tls_config", "ca"]?.string
                #expect(ca == pem("YQ=="))
            }
        }
    }

    /// Where Secrets may not be watched they are read, and read again now and then.
    @Test func secretsThatAreNotWatched() async throws {
        try await Cluster.run { cluster in
            var configuration = cluster.configuration
            configuration.secretNamespaces = ["elsewhere"]
            configuration.resyncPeriod = .milliseconds(300)
            try await cluster.put(secret: "login", token: "one")
            try await cluster.create(.serviceMonitor, "secured", spec: Cluster.monitor(secret: "login"))
            let job = cluster.jobName("secured")
            try await cluster.following(configuration) { outcomes in
                #expect(outcomes.token(of: job) == "one")
                try await cluster.put(secret: "login", token: "two")
                #expect(try await TestCluster.eventually { outcomes.token(of: job) == "two" })
                // A server that can't be read from keeps the last token.
                cluster.proxy.inject(.status(500), next: 4) { $0.path.contains("/secrets/") }
                try await cluster.create(.serviceMonitor, "another", spec: Cluster.monitor())
                #expect(try await outcomes.become([cluster.jobName("another"), job]))
                #expect(outcomes.token(of: job) == "two")
            }
            let lists = cluster.proxy.requests.filter { $0.path.hasSuffix("/secrets") }
            #expect(lists.isEmpty)
        }
    }

    /// A kind whose CRD is not there yet, and one that goes.
    @Test(arguments: [true, false]) func aDefinitionThatComesLater(canWatch: Bool) async throws {
        try await Cluster.run { cluster in
            try await Cluster.undefine(.scrapeConfig, cluster.client)
            if !canWatch {
                cluster.proxy.inject(.status(403), next: 1000) { $0.path.hasSuffix("/customresourcedefinitions") }
            }
            var presence = ResourcePresence.Configuration()
            presence.pollPeriod = .milliseconds(500)
            presence.secondLook = .seconds(1)
            try await cluster.create(.serviceMonitor, "monitor", spec: Cluster.monitor())
            try await cluster.following(presence: presence) { outcomes in
                #expect(outcomes.latest.jobs.map(\.name) == [cluster.jobName("monitor")])
                try await Cluster.define(.scrapeConfig, cluster.client)
                try await cluster.create(.scrapeConfig, "late", spec: ["staticConfigs": [["targets": ["h:1"]]]])
                let all = [cluster.jobName("monitor"), "scrapeConfig/\(cluster.namespace)/late"]
                #expect(try await outcomes.become(all))
                try await Cluster.undefine(.scrapeConfig, cluster.client)
                #expect(try await outcomes.become([cluster.jobName("monitor")]))
            }
        }
    }

    @Test func labelsOfTheNamespace() async throws {
        try await Cluster.run { cluster in
            var configuration = cluster.configuration
            let selector = LabelSelector(labels: ["scraped": "yes"])
            configuration.settings.selections[.serviceMonitor]?.namespaces = selector
            try await cluster.create(.serviceMonitor, "monitor", spec: Cluster.monitor())
            try await cluster.create(.probe, "probe", spec: ["prober": ["url": "p:1"]])
            try await cluster.following(configuration) { outcomes in
                #expect(outcomes.latest.jobs.isEmpty)
                #expect(outcomes.latest.rejected.map(\.id.kind) == [.probe])
                try await cluster.put(label: "scraped", "yes")
                #expect(try await outcomes.become([cluster.jobName("monitor")]))
                try await cluster.put(label: "scraped", nil)
                #expect(try await outcomes.become([]))
            }
        }
    }

    /// Selectors and the list of denied namespaces are the server's work.
    @Test func onlyWhatIsSelectedIsSent() async throws {
        try await Cluster.run { cluster in
            var configuration = cluster.configuration
            configuration.settings.allowedNamespaces = []
            configuration.settings.deniedNamespaces = ["kube-system", "kube-public"]
            let mine = LabelSelector(labels: ["test": cluster.namespace])
            configuration.settings.selections = [.serviceMonitor: ResourceSelection(objects: mine)]
            try await cluster.create(.serviceMonitor, "other", spec: Cluster.monitor())
            let labels = ["test": cluster.namespace]
            try await cluster.create(.serviceMonitor, "mine", labels: labels, spec: Cluster.monitor())
            try await cluster.following(configuration) { outcomes in
                #expect(outcomes.latest.jobs.map(\.name) == [cluster.jobName("mine")])
                // A label that goes takes the resource with it.
                try await cluster.client.patch(
                    PrometheusResourceKind.serviceMonitor.resource,
                    namespace: cluster.namespace,
                    name: "mine",
                    .merge(["metadata": ["labels": ["test": nil]]])
                )
                #expect(try await outcomes.become([]))
            }
            configuration.settings.deniedNamespaces.append(cluster.namespace)
            configuration.settings.selections[.serviceMonitor]?.objects = LabelSelector()
            try await cluster.following(configuration) { outcomes in
                #expect(!outcomes.latest.jobs.contains { $0.name.hasPrefix("serviceMonitor/\(cluster.namespace)/") })
            }
            let watched = Set(cluster.proxy.requests.map(\.path)).filter { $0.contains("monitoring.coreos.com/v1/") }
            #expect(watched.allSatisfy { $0.hasSuffix("/servicemonitors") })
        }
    }

    /// The server goes away for a while: what was known stays, and what happened meanwhile is learned afterwards.
    @Test func aBrokenWatchKeepsTheLastState() async throws {
        try await Cluster.run { cluster in
            try await cluster.put(secret: "login", token: "one")
            try await cluster.create(.serviceMonitor, "secured", spec: Cluster.monitor(secret: "login"))
            let job = cluster.jobName("secured")
            try await cluster.following { outcomes in
                #expect(outcomes.token(of: job) == "one")
                cluster.proxy.setDown(true)
                try await cluster.put(secret: "login", token: "two")
                try await cluster.create(.serviceMonitor, "new", spec: Cluster.monitor())
                try await Task.sleep(for: .seconds(1))
                #expect(outcomes.latest.jobs.map(\.name) == [job])
                #expect(outcomes.token(of: job) == "one")
                cluster.proxy.setDown(false)
                #expect(try await outcomes.become([cluster.jobName("new"), job], within: .seconds(40)))
                #expect(try await TestCluster.eventually(within: .seconds(40)) { outcomes.token(of: job) == "two" })
            }
        }
    }

    /// One change is told at once; many are told together.
    @Test func aStormIsToldInFewReports() async throws {
        try await Cluster.run { cluster in
            // Long, so that a slow machine's "at once" is still told from it.
            let quiet = 4
            var configuration = cluster.configuration
            configuration.quietTime = .seconds(quiet)
            try await cluster.following(configuration) { outcomes in
                // The first report was empty, and its quiet time is over.
                try await Task.sleep(for: .seconds(quiet) + .milliseconds(200))
                let start = ContinuousClock.now
                try await cluster.create(.serviceMonitor, "alone", spec: Cluster.monitor())
                #expect(try await outcomes.become([cluster.jobName("alone")]))
                #expect(ContinuousClock.now - start < .seconds(quiet))
                let before = outcomes.all.count
                let began = ContinuousClock.now
                for number in 0..<60 {
                    try await cluster.create(.serviceMonitor, "m\(number)", spec: Cluster.monitor())
                }
                #expect(try await TestCluster.eventually { outcomes.latest.jobs.count == 61 })
                let seconds = Int((ContinuousClock.now - began).components.seconds)
                #expect(outcomes.all.count - before <= seconds / quiet + 2)
            }
        }
    }

    /// An account that may not create events: said once, and everything else goes on.
    @Test func eventsThatAreNotAllowed() async throws {
        let handler = InMemoryLogHandler()
        try await Cluster.run { cluster in
            cluster.proxy.inject(.status(403), next: 1000) { $0.path.hasSuffix("/events") && $0.method == .POST }
            let events = EventRecorder(
                client: cluster.proxied,
                reporter: EventReporter(controller: "target-allocator", instance: "test")
            )
            try await cluster.create(.serviceMonitor, "a", spec: ["endpoints": [["port": 1]]])
            try await cluster.create(.serviceMonitor, "b", spec: ["endpoints": [["port": 2]]])
            try await cluster.create(.serviceMonitor, "good", spec: Cluster.monitor())
            var logger = Logger(label: "test") { _ in handler }
            logger.logLevel = .debug
            try await withLogger(logger) { _ in
                try await cluster.following(events: events) { outcomes in
                    #expect(outcomes.latest.rejected.count == 2)
                    #expect(outcomes.latest.jobs.map(\.name) == [cluster.jobName("good")])
                    let refusals = { @Sendable (level: Logger.Level) in
                        handler.entries.count { $0.level == level && "\($0.message)".contains("event") }
                    }
                    let isSaidOnce = try await TestCluster.eventually {
                        refusals(.warning) == 1 && refusals(.debug) == 1
                    }
                    #expect(isSaidOnce)
                }
            }
            #expect(handler.entries.count { "\($0.message)" == "a resource is rejected" } == 2)
        }
    }

    /// Kinds and Secrets that the account may not read are left out, told of, and there once it may.
    @Test func whatIsNotAllowed() async throws {
        try await Cluster.run { cluster in
            var configuration = cluster.configuration
            configuration.syncTimeout = .milliseconds(700)
            configuration.retryPeriod = .milliseconds(300)
            try await cluster.put(secret: "login", token: "one")
            try await cluster.create(.serviceMonitor, "open", spec: Cluster.monitor())
            try await cluster.create(.serviceMonitor, "secured", spec: Cluster.monitor(secret: "login"))
            try await cluster.create(.podMonitor, "pods", spec: ["selector": [:], "podMetricsEndpoints": [[:]]])
            cluster.proxy.inject(.status(403), next: 1000) { request in
                request.path.hasSuffix("/podmonitors") || request.path.contains("/secrets")
            }
            try await cluster.following(configuration) { outcomes in
                #expect(outcomes.latest.jobs.map(\.name) == [cluster.jobName("open")])
                #expect(outcomes.latest.rejected.map(\.reason) == [.unreadableAsset])
                #expect(outcomes.latest.rejected.first?.message.contains("Secret \(cluster.namespace)/login") ?? false)
                cluster.proxy.clearFaults()
                let all = [cluster.jobName("open"), cluster.jobName("secured")]
                let pods = "podMonitor/\(cluster.namespace)/pods/0"
                let isThere = try await outcomes.become(all + [pods], within: .seconds(40))
                #expect(isThere)
            }
        }
    }

    private static let events = APIResource(group: "", version: "v1", plural: "events", kind: "Event")
}
