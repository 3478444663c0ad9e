package import JSONTree
import PrometheusConfig
import PrometheusModel

/// All that discoveries have found so far, as ``DiscoveryUpdate``s told it. For commands that show it; the allocator keeps
/// it in another form.
package struct DiscoveredTargets: Sendable {
    private struct Found {
        var groups: [String: TargetGroup] = [:]
        var isComplete = false
    }

    private var found: [DiscoveryPlace: Found] = [:]

    package init() {}

    /// - Parameter jobs: how many discoveries each job has, also those that have nothing yet.
    package init(waitingFor jobs: [(name: String, discoveries: Int)]) {
        for job in jobs {
            for index in 0..<job.discoveries { self.found[DiscoveryPlace(job: job.name, index: index)] = Found() }
        }
    }

    package mutating func apply(_ update: DiscoveryUpdate) {
        let place = DiscoveryPlace(job: update.job, index: update.discovery)
        var entry = self.found[place] ?? Found()
        if update.isInitial { entry = Found(isComplete: true) }
        for source in update.removed { entry.groups[source] = nil }
        for group in update.changed { entry.groups[group.source] = group }
        self.found[place] = entry
    }

    package var isComplete: Bool { self.found.values.allSatisfy(\.isComplete) }

    /// `job[place]` of those that are not complete.
    package var incomplete: [String] {
        self.found.filter { !$0.value.isComplete }.map { "\($0.key.job)[\($0.key.index)]" }.sorted()
    }

    /// For each job its targets as `http_sd` lists them, in a stable order.
    package var json: JSONObject {
        var jobs: [String: [(order: String, target: JSONValue)]] = [:]
        for (place, entry) in self.found {
            for group in entry.groups.values {
                for target in group.targets {
                    var labels = JSONObject()
                    for label in group.labels + target { labels[label.name] = .string(label.value) }
                    labels = labels.sortedByKey()
                    let address = labels["__address__"] ?? ""
                    let value: JSONObject = ["targets": .array([address]), "labels": .object(labels)]
                    jobs[place.job, default: []].append((labels.description, .object(value)))
                }
            }
            jobs[place.job, default: []] += []
        }
        return JSONObject(
            jobs.sorted { $0.key < $1.key }.map { name, targets in
                (name, .array(targets.sorted { $0.order < $1.order }.map(\.target)))
            }
        )
    }
}
