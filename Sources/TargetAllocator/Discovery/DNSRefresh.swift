import Logging
import Metrics
import PrometheusConfig
import PrometheusModel
import TargetDiscovery

/// Targets from DNS records.
struct DNSRefresh: GroupRefresh {
    let names: [String]
    let type: Resolver.RecordType
    let port: Int
    private var groups: [String: GroupList] = [:]
    private var failed: Set<String> = []
    private let resolver = Resolver()

    init(names: [String], type: Resolver.RecordType, port: Int) {
        self.names = names
        self.type = type
        self.port = port
    }

    static func finder(_ discovery: DNSDiscovery) -> RefreshingFinder<DNSRefresh> {
        let type: Resolver.RecordType =
            switch discovery.type {
            case .srv: .service
            case .a: .a
            case .aaaa: .aaaa
            case .mx: .mailExchange
            case .ns: .nameServer
            }
        return RefreshingFinder(
            refresh: DNSRefresh(names: discovery.names, type: type, port: discovery.port),
            interval: discovery.refreshInterval.interval
        )
    }

    mutating func refresh() async throws -> [GroupList]? {
        let (type, resolver) = (self.type, self.resolver)
        let answers = await withTaskGroup { group in
            for name in Set(self.names) {
                group.addTask {
                    do {
                        return (
                            name, Result<[DNSRecord], any Error>.success(try await resolver.records(of: name, type))
                        )
                    } catch {
                        return (name, .failure(error))
                    }
                }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        try Task.checkCancellation()
        for (name, answer) in answers {
            DiscoveryMetrics.dnsLookups.increment()
            switch answer {
            case .success(let records):
                let group = DNSRecord.targetGroup(name: name, records: records, port: self.port)
                if self.groups[name]?.holds([group]) != true {
                    self.groups[name] = GroupList(place: name, groups: [group])
                }
                self.failed.remove(name)
            case .failure(let error):
                DiscoveryMetrics.dnsFailures.increment()
                // Said once until it works again.
                if self.failed.insert(name).inserted {
                    Logger.current.warning(
                        "a name can't be looked up: its targets stay as they were",
                        metadata: ["name": "\(name)", "error": "\(error)"]
                    )
                }
            }
        }
        return self.groups.values.sorted { $0.place < $1.place }
    }
}
