import JSONTree
import PrometheusConfig
import PrometheusModel

@testable import TargetAllocation

func job(_ name: String, discoveries: Int = 1, rules: [RelabelRule] = []) -> ScrapeJob {
    ScrapeJob(name: name, discoveries: Array(repeating: .statics([]), count: discoveries), relabelRules: rules)
}

func labels(_ labels: [String: String]) -> [Label] {
    labels.sorted { $0.key < $1.key }.map { Label(name: $0.key, value: $0.value) }
}

func group(_ source: String, _ shared: [String: String] = [:], _ targets: [String: String]...) -> TargetGroup {
    TargetGroup(source: source, labels: labels(shared), targets: targets.map(labels))
}

/// Groups of one target each, by address.
func groups(_ addresses: some Sequence<Int>, _ shared: [String: String] = [:]) -> [TargetGroup] {
    addresses.map { group("source-\($0)", shared, ["__address__": address($0)]) }
}

func address(_ number: Int) -> String { "10.0.\(number / 250).\(number % 250):9090" }

func pods(_ names: some Sequence<Int>) -> [CollectorPod] {
    names.map { CollectorPod(name: "collector-\($0)", nodeName: "node-\($0)") }
}

extension AllocatorState {
    /// The targets of a list, each as its labels.
    func targets(_ job: String, _ collector: String) -> [[String: String]] {
        decode(self.list(job: job, collector: collector))
    }

    func addresses(_ job: String, _ collector: String) -> [String] {
        self.targets(job, collector).map { $0["__address__"] ?? "" }.sorted()
    }

    /// A collector has fetched what it has of a job.
    mutating func fetch(_ job: String, _ collector: String, now: Duration) {
        let version = self.version(job: job, collector: collector)
        self.fetched(job: job, collector: collector, version: version ?? 0, now: now)
    }

    mutating func fetchAll(now: Duration) {
        for job in self.jobSlots.keys { for name in self.collectorSlots.keys { self.fetch(job, name, now: now) } }
    }

    /// Who has each address of a job, hand-overs left out.
    func owners(_ job: String) -> [String: String] {
        var owners: [String: String] = [:]
        for target in self.targets(job: job, limit: .max) {
            let address = target.labels.first { $0.name == "__address__" }?.value ?? ""
            owners[address] = target.collector
        }
        return owners
    }
}

/// The label sets of a list; each element's address is that of its labels, and alone, or this is empty.
func decode(_ bytes: [UInt8]) -> [[String: String]] {
    guard bytes.last == UInt8(ascii: "\n"), case .array(let elements)? = try? JSONValue(parsing: bytes) else {
        return []
    }
    return elements.compactMap { element in
        guard case .object(let object) = element, case .object(let labels)? = object["labels"] else { return nil }
        var read: [String: String] = [:]
        for member in labels.members { if case .string(let text) = member.value { read[member.key] = text } }
        guard object["targets"] == .array([.string(read["__address__"] ?? "")]) else { return nil }
        return read
    }
}
