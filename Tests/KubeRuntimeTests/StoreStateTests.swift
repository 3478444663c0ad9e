import KubeModel
import Testing

@testable import KubeRuntime

@Suite struct StoreStateTests {
    private typealias State = StoreState<String>
    private static let index = StoreIndex<String>("first-letter") { $0.isEmpty ? [] : [String($0.prefix(1))] }

    private static func object(_ name: String, _ item: String, in namespace: String = "ns", version: String = "1")
        -> WatchedObject<String>
    {
        WatchedObject(key: ObjectKey(namespace: namespace, name: name), resourceVersion: version, item: item)
    }

    private static func key(_ name: String, in namespace: String = "ns") -> ObjectKey {
        ObjectKey(namespace: namespace, name: name)
    }

    private static func list(_ state: inout State, of namespace: String? = nil, _ objects: [WatchedObject<String>])
        -> [StoreChange<String>]
    {
        state.beginList(of: namespace)
        state.addPage(of: namespace, objects)
        return state.completeList(of: namespace)
    }

    @Test func tellsWhatChanged() {
        var state = State()
        #expect(state.apply(Self.object("a", "one")) == StoreChange(key: Self.key("a"), old: nil, new: "one"))
        #expect(state.apply(Self.object("a", "one", version: "2")) == nil, "the projection is equal")
        #expect(state.resourceVersion(of: Self.key("a")) == "2")
        let change = state.apply(Self.object("a", "two", version: "3"))
        #expect(change == StoreChange(key: Self.key("a"), old: "one", new: "two"))
        #expect(change?.kind == .changed && change?.states == ["one", "two"])
        #expect(state.count == 1 && state[Self.key("a")] == "two")
        #expect(state.remove(Self.key("a"))?.kind == .deleted)
        #expect(state.remove(Self.key("a")) == nil)
        #expect(state.count == 0 && state.keys().isEmpty && state.keys(in: "ns").isEmpty)
    }

    @Test func aListIsSwappedInAtOnceAndGivesTheDifference() {
        var state = State()
        _ = Self.list(
            &state,
            [Self.object("keep", "k"), Self.object("change", "c"), Self.object("gone", "g"), Self.object("gone2", "g")]
        )
        state.beginList(of: nil)
        state.addPage(of: nil, [Self.object("new", "n"), Self.object("keep", "k", version: "9")])
        #expect(state[Self.key("new")] == nil && state[Self.key("gone")] == "g", "nothing shows before the end")
        state.addPage(of: nil, [Self.object("change", "c2", version: "9")])
        let changes = state.completeList(of: nil)
        #expect(
            changes == [
                StoreChange(key: Self.key("gone"), old: "g", new: nil),
                StoreChange(key: Self.key("gone2"), old: "g", new: nil),
                StoreChange(key: Self.key("change"), old: "c", new: "c2"),
                StoreChange(key: Self.key("new"), old: nil, new: "n"),
            ]
        )
        #expect(state.count == 3 && state.resourceVersion(of: Self.key("keep")) == "9")
        #expect(state.completeList(of: nil).isEmpty, "a list counts once")
    }

    @Test func aListThatIsBegunAgainDropsTheFirst() {
        var state = State()
        state.beginList(of: nil)
        state.addPage(of: nil, [Self.object("a", "old")])
        state.beginList(of: nil)
        state.addPage(of: nil, [Self.object("b", "new")])
        #expect(state.completeList(of: nil).map(\.key) == [Self.key("b")])
    }

    @Test func aListOfOneNamespaceLeavesTheOthersAlone() {
        var state = State()
        _ = Self.list(&state, of: "x", [Self.object("a", "1", in: "x")])
        _ = Self.list(&state, of: "y", [Self.object("a", "2", in: "y"), Self.object("b", "3", in: "y")])
        let changes = Self.list(&state, of: "y", [Self.object("b", "3", in: "y")])
        #expect(changes == [StoreChange(key: Self.key("a", in: "y"), old: "2", new: nil)])
        #expect(state[Self.key("a", in: "x")] == "1")
        #expect(Set(state.keys(in: "y")) == [Self.key("b", in: "y")])
    }

    @Test func anObjectThatCannotBeReadStaysAsItWas() {
        var state = State()
        _ = Self.list(&state, [Self.object("a", "1"), Self.object("b", "2")])
        state.beginList(of: nil)
        state.addPage(of: nil, [], malformed: [Self.key("a"), Self.key("unknown")])
        #expect(state.completeList(of: nil).map(\.key) == [Self.key("b")])
        #expect(state[Self.key("a")] == "1" && state.count == 1)
    }

    @Test func indexesFollow() {
        var state = State(indexes: [Self.index])
        _ = Self.list(
            &state,
            [Self.object("a", "xa"), Self.object("b", "xb"), Self.object("c", "y"), Self.object("d", "")]
        )
        #expect(state.keys(by: "first-letter", "x") == [Self.key("a"), Self.key("b")])
        _ = state.apply(Self.object("a", "ya"))
        #expect(state.keys(by: "first-letter", "x") == [Self.key("b")])
        #expect(state.keys(by: "first-letter", "y") == [Self.key("a"), Self.key("c")])
        _ = state.remove(Self.key("b"))
        #expect(state.keys(by: "first-letter", "x").isEmpty)
        #expect(state.keys(by: "no such index", "x").isEmpty)
    }

    @Test func replayIsAllOfItAsAdded() {
        var state = State()
        _ = Self.list(&state, [Self.object("b", "2"), Self.object("a", "1"), Self.object("a", "0", in: "a")])
        #expect(state.replay().map(\.key.description) == ["a/a", "ns/a", "ns/b"])
        #expect(state.replay().allSatisfy { $0.kind == .added })
    }

    /// Whatever happens, applying the changes that were told gives what the store holds.
    @Test(arguments: 0..<10)
    func changesAddUpToTheContents(seed: UInt64) {
        var random = SplitMix(state: seed)
        var state = State(indexes: [Self.index])
        var mirror: [ObjectKey: String] = [:]
        for step in 0..<500 {
            func someObject() -> WatchedObject<String> {
                Self.object(
                    "o\(Int.random(in: 0..<20, using: &random))",
                    "\(Int.random(in: 0..<5, using: &random))",
                    in: "n\(Int.random(in: 0..<3, using: &random))",
                    version: "\(step)"
                )
            }
            var changes: [StoreChange<String>] = []
            switch Int.random(in: 0..<10, using: &random) {
            case 0: changes = Self.list(&state, (0..<30).map { _ in someObject() })
            case 1...3: changes = state.remove(someObject().key).map { [$0] } ?? []
            default: changes = state.apply(someObject()).map { [$0] } ?? []
            }
            for change in changes {
                #expect(mirror[change.key] == change.old)
                mirror[change.key] = change.new
            }
        }
        #expect(Set(state.keys()) == Set(mirror.keys) && state.count == mirror.count)
        for (key, item) in mirror {
            #expect(state[key] == item)
            #expect(state.keys(by: "first-letter", String(item.prefix(1))).contains(key))
        }
        let indexed = (0..<5).reduce(0) { $0 + state.keys(by: "first-letter", "\($1)").count }
        #expect(indexed == mirror.count)
    }

    @Test func estimatesItsMemory() {
        var state = State()
        #expect(state.estimatedBytes == 0)
        // More than are measured, each of about a kilobyte.
        for number in 0..<1_000 {
            _ = state.apply(Self.object("object-\(number)", String(repeating: "x", count: 1_000)))
        }
        #expect((1_000_000...1_300_000).contains(state.estimatedBytes))
        for number in 0..<500 { _ = state.remove(Self.key("object-\(number)")) }
        #expect((500_000...650_000).contains(state.estimatedBytes))
    }
}
