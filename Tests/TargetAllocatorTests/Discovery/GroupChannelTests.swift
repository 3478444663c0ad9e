import JSONTree
import PrometheusModel
import Synchronization
import Testing

@testable import TargetAllocator

struct GroupChannelTests {
    private static func group(_ source: String, _ addresses: String...) -> TargetGroup {
        TargetGroup(
            source: source,
            labels: [],
            targets: addresses.map { [Label(name: "__address__", value: $0)] }
        )
    }

    @Test func newcomersGetAllOnceAndChangesFromThenOn() {
        let updates = Updates()
        let channel = GroupChannel { updates.add($0) }
        let everything = [Self.group("1", "a:1")]
        channel.join(DiscoveryPlace(job: "one", index: 0))
        channel.publish(changed: everything, removed: [])
        #expect(updates.taken == [])
        channel.admitNewcomers { everything }
        #expect(updates.taken == [DiscoveryUpdate(job: "one", discovery: 0, changed: everything, isInitial: true)])
        channel.join(DiscoveryPlace(job: "two", index: 3))
        channel.publish(changed: [Self.group("2", "b:1")], removed: ["1"])
        #expect(
            updates.taken == [
                DiscoveryUpdate(job: "one", discovery: 0, changed: [Self.group("2", "b:1")], removed: ["1"])
            ]
        )
        channel.admitNewcomers { [Self.group("2", "b:1")] }
        #expect(updates.taken.map(\.job) == ["two"])
        channel.publish(changed: [], removed: [])
        #expect(updates.taken == [])
        #expect(channel.jobs == ["one", "two"])
        channel.leave(DiscoveryPlace(job: "one", index: 0))
        #expect(!channel.isEmpty)
        channel.publish(changed: [], removed: ["2"])
        #expect(updates.taken.map(\.job) == ["two"])
        channel.leave(DiscoveryPlace(job: "two", index: 3))
        #expect(channel.isEmpty)
    }

    @Test func partsAreForThoseWhoHaveNothing() {
        let updates = Updates()
        let channel = GroupChannel { updates.add($0) }
        channel.join(DiscoveryPlace(job: "one", index: 0))
        channel.publishPart([Self.group("1", "a:1")], removed: [])
        #expect(updates.taken.map(\.isInitial) == [false])
        channel.admitNewcomers { [] }
        #expect(updates.taken.map(\.isInitial) == [true])
        channel.publishPart([Self.group("1", "a:1")], removed: [])
        #expect(updates.taken == [])
    }

    @Test func differences() {
        let same = GroupList(place: "same", groups: [Self.group("0", "z:1")])
        let known = GroupList(place: "a", groups: [Self.group("1", "a:1"), Self.group("2", "b:1"), Self.group("3")])
        let found = GroupList(place: "a", groups: [Self.group("2", "b:2"), Self.group("3"), Self.group("4", "d:1")])
        let gone = GroupList(place: "b", groups: [Self.group("5", "e:1")])
        let new = GroupList(place: "c", groups: [Self.group("6", "f:1")])
        let (changed, removed) = RefreshingFinder<FileRefresh>.difference(
            from: [same, known, gone],
            to: [same, found, new]
        )
        #expect(changed == [Self.group("2", "b:2"), Self.group("4", "d:1"), Self.group("6", "f:1")])
        #expect(removed.sorted() == ["1", "5"])
    }

    @Test func listsGiveBackWhatTheyWereMadeOf() {
        let labels = [Label(name: "zone", value: "caf\u{E9}"), Label(name: "zone", value: "cafe\u{301}")]
        let groups = [
            TargetGroup(source: "1", labels: labels, targets: [[], [labels[0]], [labels[1], labels[0]]]),
            TargetGroup(source: "2", labels: [], targets: []),
            TargetGroup(source: "3", labels: [labels[1]], targets: [[labels[1]]]),
        ]
        let list = GroupList(place: "a", groups: groups)
        #expect(list.groups == groups && list.holds(groups))
        #expect(!list.holds(Array(groups.dropLast())) && !list.holds(groups.reversed()))
        var others = groups
        others[2].targets[0][0].value = "caf\u{E9}"
        #expect(!list.holds(others))
    }

    @Test func discoveredTargets() {
        var found = DiscoveredTargets(waitingFor: [("a", 1), ("b", 2)])
        #expect(!found.isComplete)
        #expect(found.json == ["a": [], "b": []])
        found.apply(DiscoveryUpdate(job: "a", discovery: 0, changed: [Self.group("old", "x:1")]))
        found.apply(DiscoveryUpdate(job: "a", discovery: 0, changed: [Self.group("1", "a:1")], isInitial: true))
        #expect(found.incomplete == ["b[0]", "b[1]"])
        found.apply(DiscoveryUpdate(job: "b", discovery: 0, changed: [Self.group("1", "b:2", "b:1")], isInitial: true))
        found.apply(DiscoveryUpdate(job: "b", discovery: 1, changed: [], isInitial: true))
        #expect(found.isComplete)
        found.apply(DiscoveryUpdate(job: "a", discovery: 0, changed: [Self.group("2", "c:1")], removed: ["1"]))
        let text = found.json.description
        #expect(text.contains(#""a":[{"targets":["c:1"],"labels":{"__address__":"c:1"}}]"#), "\(text)")
        #expect(text.contains(#"["b:1"]"#))
        #expect(!text.contains("x:1"))
    }
}

/// Collects updates; `taken` gives those since the last time.
final class Updates: Sendable {
    private let updates = Mutex<[DiscoveryUpdate]>([])

    func add(_ update: DiscoveryUpdate) { self.updates.withLock { $0.append(update) } }

    var taken: [DiscoveryUpdate] {
        self.updates.withLock { updates in
            defer { updates = [] }
            return updates
        }
    }
}
