// What `hack/bench targets` runs: the allocator's state alone, without discovery, sockets and processes around it.

import ArgumentParser
import Glibc
import JSONTree
import PrometheusConfig
import PrometheusModel
import TargetAllocation

/// Allocates so many targets with the labels of pods and says what each step takes.
@main
struct TargetTime: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "TargetTime",
        abstract: "Measures the allocation of targets.",
        discussion: """
            Prints one JSON line for each number of targets and each strategy, with milliseconds of the thread's own CPU
            time unless they say otherwise: 'discovered' takes in all groups (labels, filter, identity), 'pass' gives all
            targets away, 'scaled' is a pass after one more collector came, 'change_us'
            one pod that is replaced (median and worst of many), 'lists' writes all lists, and 'copy' is the least that
            anybody does with them: JSONTree writes the same lists from ready trees. 'page' and 'snapshot' are how long a
            page of 200 targets and a snapshot hold the state, 'page_sort' and 'snapshot_sort' what they do afterwards;
            'follow' takes in the snapshot of another replica that is the same.
            """
    )

    @Option(help: "How many targets, separated by commas.") var targets = "1000,10000,100000"
    @Option(help: "Strategies, separated by commas.") var strategies = "consistent-hashing,least-weighted,per-node"
    @Option(help: "How many collectors.") var collectors = 50
    @Option(help: "How many jobs.") var jobs = 10
    @Flag(help: "With the relabel rules of a ServiceMonitor, 20 a job.") var relabelling = false
    @Flag(help: "Says how much memory is resident instead, before and after all lists are kept.") var memory = false

    func run() throws {
        for count in self.targets.split(separator: ",").compactMap({ Int($0) }) {
            for name in self.strategies.split(separator: ",") {
                guard let strategy = AllocationSettings.Strategy(rawValue: String(name)) else {
                    throw ValidationError("there is no strategy '\(name)'")
                }
                let fleet = try Fleet(targets: count, jobs: self.jobs, collectors: self.collectors, self.relabelling)
                let line = self.memory ? self.memory(fleet, strategy) : try self.measure(fleet, strategy)
                print(JSONValue.object(line).text())
                fflush(nil)
            }
        }
    }

    private func measure(_ fleet: Fleet, _ strategy: AllocationSettings.Strategy) throws -> JSONObject {
        var state = AllocatorState(AllocationSettings(strategy: strategy), isHolding: true)
        fleet.start(&state)
        let discovered = fleet.discover(&state)
        let pass = milliseconds { state.release(now: .zero) }
        let scaled = milliseconds { state.setCollectors(fleet.pods(self.collectors + 1), now: .zero) }
        let filtered: Double? = fleet.otherRules.map { jobs in
            state.setJobs(jobs, now: .zero)
            return milliseconds { state.setJobs(fleet.jobs, now: .zero) }
        }
        var changes: [Double] = []
        for number in 0..<1000 {
            let update = fleet.replaced(number * 7919 % fleet.targets)
            changes.append(milliseconds { state.apply([update], now: .zero) } * 1000)
        }
        changes.sort()
        let (lists, copy, bytes) = try self.writeAll(fleet, state)
        var line: JSONObject = [
            "targets": .int(fleet.targets), "strategy": .string(strategy.rawValue), "collectors": .int(self.collectors),
            "jobs": .int(fleet.jobs.count), "relabelling": .bool(self.relabelling),
            "kept": .int(state.overview().targets), "labels": .int(fleet.labelsOfEach), "bytes": .int(bytes),
        ]
        let times =
            [
                ("discovered", discovered), ("pass", pass), ("scaled", scaled),
                ("change_us", changes[changes.count / 2]), ("change_worst_us", changes[changes.count - 1]),
                ("lists", lists), ("copy", copy),
            ]
            + Self.readings(state)
        for (name, time) in times { line[name] = Self.number(time) }
        if let filtered { line["filtered"] = Self.number(filtered) }
        return line
    }

    /// What readers of all targets cost: while they have the state, and afterwards.
    private static func readings(_ state: AllocatorState) -> [(String, Double)] {
        var hashes: [UInt64] = []
        var page = milliseconds { hashes = state.hashes() }
        let pageSort = milliseconds { hashes.sort() }
        page += milliseconds { _ = state.targets(hashes.suffix(200)) }
        var snapshot = AssignmentSnapshot()
        let gathered = milliseconds { snapshot = state.gatherSnapshot() }
        let snapshotSort = milliseconds { snapshot.sort() }
        var follower = state
        follower.forgetRestored()
        let follow = milliseconds { follower.follow(snapshot, now: .zero) }
        return [
            ("page", page), ("page_sort", pageSort), ("snapshot", gathered), ("snapshot_sort", snapshotSort),
            ("follow", follow),
        ]
    }

    /// All lists by us, and by JSONTree from a tree that is there.
    private func writeAll(_ fleet: Fleet, _ state: AllocatorState) throws -> (lists: Double, copy: Double, bytes: Int) {
        var (lists, copy, bytes, seen) = (0.0, 0.0, 0, 0)
        for job in fleet.jobs {
            for pod in fleet.pods(self.collectors + 1) {
                var list: [UInt8] = []
                lists += milliseconds { list = state.list(job: job.name, collector: pod.name) }
                let tree = try JSONValue(parsing: list)
                copy += milliseconds { seen += tree.bytes().count }
                bytes += list.count
            }
        }
        guard seen > 0 else { throw ValidationError("all lists are empty") }
        return (lists, copy, bytes)
    }

    private func memory(_ fleet: Fleet, _ strategy: AllocationSettings.Strategy) -> JSONObject {
        let empty = residentMegabytes()
        var state = AllocatorState(AllocationSettings(strategy: strategy), isHolding: true)
        fleet.start(&state)
        _ = fleet.discover(&state)
        state.release(now: .zero)
        let allocated = residentMegabytes()
        let lists = TargetLists<[UInt8]>(state) { [UInt8]($0) }
        state = AllocatorState()
        for job in fleet.jobs {
            for pod in fleet.pods(self.collectors) {
                _ = lists.list(job: job.name, collector: pod.name, compressed: true)
            }
        }
        let compressed = residentMegabytes()
        for job in fleet.jobs {
            for pod in fleet.pods(self.collectors) {
                _ = lists.list(job: job.name, collector: pod.name, compressed: false)
            }
        }
        return [
            "targets": .int(fleet.targets), "strategy": .string(strategy.rawValue), "collectors": .int(self.collectors),
            "labels": .int(fleet.labelsOfEach), "relabelling": .bool(self.relabelling), "empty_mb": Self.number(empty),
            "allocated_mb": Self.number(allocated), "compressed_mb": Self.number(compressed),
            "all_mb": Self.number(residentMegabytes()), "kept_mb": Self.number(Double(lists.keptBytes) / 1e6),
        ]
    }

    private static func number(_ value: Double) -> JSONValue {
        let hundredths = Int((value * 100).rounded())
        let rest = hundredths % 100
        return (try? JSONValue(parsing: "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)")) ?? .null
    }
}

/// What others do on the same processor is not in it.
func milliseconds(_ body: () throws -> Void) rethrows -> Double {
    func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) / 1e6
    }
    let start = now()
    try body()
    return now() - start
}

func residentMegabytes() -> Double {
    guard let stream = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(stream) }
    var buffer = [UInt8](repeating: 0, count: 128)
    let count = fread(&buffer, 1, buffer.count, stream)
    let fields = String(decoding: buffer[..<count], as: UTF8.self).split(separator: " ")
    return fields.count > 1 ? (Double(fields[1]) ?? 0) * 4096 / 1e6 : 0
}
