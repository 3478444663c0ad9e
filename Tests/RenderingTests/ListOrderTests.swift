import JSONTree
import Rendering
import Testing

/// The order of what a live pod template has, and of what is wanted.
struct ListOrderTests {
    private func template(_ list: String, _ names: [String]) -> JSONObject {
        let elements: JSONValue = .array(names.map { ["name": .string($0), "value": .string("of \($0)")] })
        switch list {
        case "env": return ["spec": ["containers": [["name": "main", "image": "x", "env": elements]]]]
        default: return ["spec": .object(JSONObject([(list, elements)]))]
        }
    }

    @Test(
        arguments: ["env", "initContainers", "containers"],
        [
            (["b", "a"], ["a", "b"], ["a", "b"]),
            (["c", "b", "a"], ["a", "b", "c"], ["a", "b", "c"]),
            // Others' keep their places.
            (["x", "b", "y", "a", "z"], ["a", "b"], ["x", "a", "y", "b", "z"]),
            // Not there yet, and no longer wanted.
            (["b", "a"], ["a", "new", "b"], ["a", "b"]),
        ] as [([String], [String], [String])]
    )
    func restored(_ list: String, _ names: ([String], [String], [String])) {
        let (live, wanted, result) = names
        #expect(
            ListOrder.restored(self.template(list, live), as: self.template(list, wanted))
                == self.template(list, result)
        )
    }

    @Test(
        arguments: ["env", "initContainers", "containers"],
        [
            (["a", "b"], ["a", "b"]), (["a", "x", "b"], ["a", "b"]), ([], ["a"]), (["a"], []),
            // Names don't tell these apart.
            (["b", "a", "b"], ["a", "b"]), (["b", "a"], ["a", "b", "a"]),
        ] as [([String], [String])]
    )
    func right(_ list: String, _ names: ([String], [String])) {
        #expect(ListOrder.restored(self.template(list, names.0), as: self.template(list, names.1)) == nil)
    }

    @Test func bothAtOnce() {
        func pod(_ containers: [JSONValue]) -> JSONObject { ["spec": ["containers": .array(containers)]] }
        let one: JSONValue = ["name": "one", "env": [["name": "b"], ["name": "a"]]]
        let ordered: JSONValue = ["name": "one", "env": [["name": "a"], ["name": "b"]]]
        let two: JSONValue = ["name": "two"]
        #expect(ListOrder.restored(pod([two, one]), as: pod([ordered, two])) == pod([ordered, two]))
    }

    @Test(
        arguments: [[:], ["spec": 1], ["spec": ["containers": 1]], ["spec": ["containers": [1, ["env": 2]]]]]
            as [JSONObject]
    )
    func somethingElse(_ live: JSONObject) {
        #expect(ListOrder.restored(live, as: self.template("env", ["a", "b"])) == nil)
        #expect(ListOrder.restored(self.template("env", ["b", "a"]), as: live) == nil)
    }
}
