import PrometheusModel
import Synchronization
import Testing

@testable import TargetAllocation

struct TargetListsTests {
    private typealias Lists = TargetLists<[UInt8]>

    private static func lists(_ targets: Int, collectors: Int = 2, capacity: Int = 1 << 20) -> Lists {
        var state = AllocatorState()
        state.setJobs([job("a")], now: .zero)
        state.setCollectors(pods(0..<collectors), now: .zero)
        state.apply([TargetUpdate(job: "a", changed: groups(0..<targets, ["zone": "somewhere"]))], now: .zero)
        return Lists(state, capacity: capacity) { [UInt8]($0) }
    }

    private static func owner(_ lists: Lists, _ number: Int) -> String {
        lists.read { $0.owners("a")[address(number)] ?? "" }
    }

    @Test func keptUntilTheyChange() {
        let lists = Self.lists(100)
        #expect(lists.kept(job: "a", collector: "collector-0", compressed: false) == nil)
        let first = lists.list(job: "a", collector: "collector-0", compressed: false)
        let other = lists.list(job: "a", collector: "collector-1", compressed: false)
        let all = lists.list(job: "a", collector: nil, compressed: false)
        let jobs = lists.jobs()
        #expect(decode(first.body).count + decode(other.body).count == 100)
        #expect(first.body == lists.read { $0.list(job: "a", collector: "collector-0") })
        #expect(all.body == lists.read { $0.list(job: "a") })
        #expect(lists.kept(job: "a", collector: "collector-0", compressed: false)?.entityTag == first.entityTag)
        #expect(first.entityTag != other.entityTag)

        // One change: one of the two is out of date, and the one of all.
        let name = Self.owner(lists, 3)
        let untouched = name == "collector-0" ? "collector-1" : "collector-0"
        lists.update({ $0.apply([TargetUpdate(job: "a", removed: ["source-3"])], now: .zero) }, now: .zero)
        #expect(lists.kept(job: "a", collector: name, compressed: false) == nil)
        #expect(lists.kept(job: "a", collector: untouched, compressed: false) != nil)
        #expect(lists.kept(job: "a", collector: nil, compressed: false) == nil)
        #expect(
            !decode(lists.list(job: "a", collector: name, compressed: false).body).contains {
                $0["__address__"] == address(3)
            }
        )
        #expect(lists.jobs().entityTag == jobs.entityTag)

        lists.update({ $0.apply([TargetUpdate(job: "a", isComplete: true)], now: .zero) }, now: .zero)
        #expect(lists.jobs().body == Array("{}\n".utf8))
        #expect(lists.list(job: "a", collector: name, compressed: false).body == Array("[]\n".utf8))
    }

    @Test func collectorsAndJobsThatAreGoneAreNotKept() {
        let lists = Self.lists(50)
        for name in ["collector-0", "collector-1"] { _ = lists.list(job: "a", collector: name, compressed: true) }
        _ = lists.list(job: "a", collector: nil, compressed: false)
        lists.update({ $0.setCollectors(pods(0..<1), now: .zero) }, now: .zero)
        #expect(lists.kept(job: "a", collector: "collector-1", compressed: true) == nil)
        #expect(lists.list(job: "a", collector: "collector-1", compressed: false).body == Array("[]\n".utf8))
        #expect(decode(lists.list(job: "a", collector: "collector-0", compressed: false).body).count == 50)
        // A collector without targets is on the list of all.
        _ = lists.list(job: "a", collector: nil, compressed: false)
        lists.update({ $0.setSettings(AllocationSettings(strategy: .leastWeighted), now: .zero) }, now: .zero)
        lists.update({ $0.setCollectors(pods(0..<3), now: .zero) }, now: .zero)
        #expect(
            String(decoding: lists.list(job: "a", collector: nil, compressed: false).body, as: UTF8.self).contains(
                "collector-2"
            )
        )
        lists.update({ $0.setJobs([], now: .zero) }, now: .zero)
        #expect(lists.keptBytes <= 600)
        #expect(lists.list(job: "a", collector: "collector-0", compressed: false).body == Array("[]\n".utf8))
    }

    @Test func namesThatStandForNothingAreNotRemembered() {
        let lists = Self.lists(10)
        for number in 0..<1000 {
            #expect(lists.list(job: "job \(number)", collector: "x", compressed: false).body == Array("[]\n".utf8))
            _ = lists.list(job: "job \(number)", collector: nil, compressed: false)
            _ = lists.list(job: "a", collector: "x\(number)", compressed: true)
        }
        #expect(lists.keptBytes == 0)
        #expect(lists.kept(job: "job 1", collector: "x", compressed: false) == nil)
    }

    @Test func memoryIsBounded() {
        let lists = Self.lists(2000, collectors: 20, capacity: 50_000)
        for _ in 0..<3 {
            for number in 0..<20 {
                let list = lists.list(job: "a", collector: "collector-\(number)", compressed: false)
                #expect(decode(list.body).count > 0)
                #expect(lists.keptBytes <= 50_000)
            }
        }
        // What was asked for last is there.
        #expect(lists.kept(job: "a", collector: "collector-19", compressed: false) != nil)
        #expect(lists.kept(job: "a", collector: "collector-0", compressed: false) == nil)
    }

    @Test func compressedBytesAreTheSameList() throws {
        let lists = Self.lists(3000)
        let plain = lists.list(job: "a", collector: "collector-0", compressed: false)
        let compressed = lists.list(job: "a", collector: "collector-0", compressed: true)
        #expect(compressed.isCompressed && !plain.isCompressed)
        #expect(compressed.body.count * 5 < plain.body.count)
        #expect(compressed.body.prefix(3) == [0x1F, 0x8B, 8])
        // RFC 1952: the last four bytes are the length.
        let length = compressed.body.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        #expect(length == plain.body.count)
        #expect(compressed.entityTag != plain.entityTag)
        #expect(compressed.entityTag.hasSuffix("-gzip\""))
    }

    @Test(arguments: [
        ("\"abc\"", true), ("W/\"abc\"", true), ("\"x\", \"abc\"", true), ("*", true), (" \"x\" ,W/\"abc\" ", true),
        ("\"x\"", false), ("abc", false), ("", false), ("\"abc", false), ("\"ab\", c\"abc\"", false),
        ("\"abc-gzip\"", false),
    ])
    func entityTagsAreCompared(header: String, isThere: Bool) {
        #expect(EntityTag.matches(header, "\"abc\"") == isThere)
    }

    @Test func deliveriesEndHandOvers() {
        let lists = Self.lists(300)
        for name in ["collector-0", "collector-1"] {
            let list = lists.list(job: "a", collector: name, compressed: false)
            lists.delivered(job: "a", collector: name, compressed: false, version: list.version, now: .zero)
        }
        lists.update({ $0.setCollectors(pods(0..<3), now: .zero) }, now: .zero)
        let handing = { lists.read { $0.overview().collectors.reduce(0) { $0 + $1.handingOver } } }
        #expect(handing() > 0)
        for name in ["collector-0", "collector-1", "collector-2"] {
            let list = lists.list(job: "a", collector: name, compressed: true)
            lists.delivered(job: "a", collector: name, compressed: true, version: list.version, now: .zero)
        }
        #expect(handing() == 0)
        let sum = (0..<3).reduce(0) {
            $0 + decode(lists.list(job: "a", collector: "collector-\($1)", compressed: false).body).count
        }
        #expect(sum == 300)
    }

    /// While a change runs readers of lists that were there get them at once; a delivery of such a list doesn't count for
    /// what it does not hold.
    @Test func readersDoNotWaitForAChange() {
        let lists = Self.lists(200)
        for name in ["collector-0", "collector-1"] {
            let list = lists.list(job: "a", collector: name, compressed: false)
            lists.delivered(job: "a", collector: name, compressed: false, version: list.version, now: .zero)
        }
        lists.update({ $0.setCollectors(pods(0..<3), now: .zero) }, now: .zero)
        let waiting = {
            lists.read { state in
                state.targets(collector: "collector-2", limit: .max).filter { $0.previousCollector != nil }.count
            }
        }
        #expect(waiting() > 0)
        let fresh = lists.list(job: "a", collector: "collector-2", compressed: false)
        lists.update({ $0.apply([TargetUpdate(job: "a", changed: groups(200..<400))], now: .zero) }, now: .zero)
        lists.update(
            { _ in
                // This would wait for ever if it wanted the state.
                let old = lists.list(job: "a", collector: "collector-2", compressed: false)
                #expect(old.version == fresh.version)
                #expect(lists.kept(job: "a", collector: "collector-2", compressed: false) == nil)
                lists.delivered(job: "a", collector: "collector-2", compressed: false, version: old.version, now: .zero)
            },
            now: .zero
        )
        let new = lists.list(job: "a", collector: "collector-2", compressed: false)
        #expect(new.version > fresh.version)
        #expect(waiting() > 0)
        lists.update({ $0.tick(now: .zero) }, now: .zero)
        #expect(waiting() == 0)
    }

    /// Readers beside a writer: each answer is a whole list, and in the end all are those of the state.
    @Test func readersBesideAWriter() async {
        let lists = Self.lists(3000, collectors: 3)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for round in 0..<60 {
                    let change = groups([round * 7 % 3000], ["zone": "round-\(round)"])
                    lists.update({ $0.apply([TargetUpdate(job: "a", changed: change)], now: .zero) }, now: .zero)
                    if round % 20 == 10 {
                        lists.update({ $0.setCollectors(pods(0..<(3 + round % 3)), now: .zero) }, now: .zero)
                    }
                }
            }
            for reader in 0..<3 {
                group.addTask {
                    for _ in 0..<40 {
                        let list = lists.list(job: "a", collector: "collector-\(reader)", compressed: false)
                        let isWhole =
                            list.body.starts(with: Array("[{".utf8)) && list.body.suffix(4) == Array("}}]\n".utf8)
                        #expect(isWhole)
                    }
                }
            }
        }
        for reader in 0..<3 {
            let name = "collector-\(reader)"
            #expect(
                lists.list(job: "a", collector: name, compressed: false).body
                    == lists.read { $0.list(job: "a", collector: name) }
            )
        }
    }
}
