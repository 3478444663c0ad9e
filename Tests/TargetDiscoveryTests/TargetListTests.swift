import PrometheusModel
import TargetDiscovery
import Testing

struct TargetListTests {
    @Test(arguments: [
        ("[]", 0, 0),
        ("null", 0, 0),
        (#"[{"targets":["a:1","b:2"],"labels":{"env":"x"}},{"targets":["c:3"]}]"#, 2, 3),
        (#"[{"targets":null,"labels":null}]"#, 1, 0),
        (#"[{}]"#, 1, 0),
        (#"[{"targets":[null],"labels":{"a":null}}]"#, 1, 1),
    ]) func json(_ text: String, _ groups: Int, _ targets: Int) throws {
        let found = try TargetList.groups(answer: Array(text.utf8), url: "http://h/t")
        #expect(found.count == groups)
        #expect(found.reduce(0) { $0 + $1.targets.count } == targets)
    }

    @Test func labels() throws {
        let text = #"[{"targets":["a:1"],"labels":{"z":"1","empty":"","b":"2"}},{"targets":["b:1"]}]"#
        let found = try TargetList.groups(answer: Array(text.utf8), url: "http://h/t?x=1")
        let url = Label(name: "__meta_url", value: "http://h/t?x=1")
        #expect(found[0].labels == [url, Label(name: "b", value: "2"), Label(name: "z", value: "1")])
        #expect(found[0].targets == [[Label(name: "__address__", value: "a:1")]])
        #expect(found.map(\.source) == ["http://h/t?x=1:0", "http://h/t?x=1:1"])
        let file = try TargetList.groups(file: Array(text.utf8), path: "/t/x.json", format: .json)
        #expect(file[1].labels == [Label(name: "__meta_filepath", value: "/t/x.json")])
        #expect(file.map(\.source) == ["/t/x.json:0", "/t/x.json:1"])
    }

    /// Texts that come again are kept once; those that only look the same stay what they are.
    @Test func bytesStay() throws {
        let (composed, decomposed) = ("caf\u{e9} of the market square", "cafe\u{301} of the market square")
        let values = [composed, decomposed, composed, "another long text altogether"]
        let groups = values.map { #"{"targets":["a:1"],"labels":{"a_rather_long_name":"\#($0)"}}"# }
        let text = "[" + groups.joined(separator: ",") + "]"
        let found = try TargetList.groups(answer: Array(text.utf8), url: "http://h/t")
        let read = found.map { group in group.labels.filter { $0.name == "a_rather_long_name" }.map(\.value) }
        #expect(read.map { $0.map { Array($0.utf8) } } == values.map { [Array($0.utf8)] })
    }

    /// What a user says of `__meta_filepath` does not count.
    @Test func origin() throws {
        let text = #"[{"targets":["a:1"],"labels":{"__meta_filepath":"mine"}}]"#
        let found = try TargetList.groups(file: Array(text.utf8), path: "/t/x.json", format: .json)
        #expect(found[0].labels == [Label(name: "__meta_filepath", value: "/t/x.json")])
    }

    @Test(arguments: [
        ("- targets: [a:1, 'b:2']\n  labels:\n    env: prod\n    zone: 7\n    flag: yes\n    on: off\n", 2),
        ("", 0),
        ("# nothing\n", 0),
        (#"[{"targets": ["a:1"]}]"#, 1),
    ]) func yaml(_ text: String, _ targets: Int) throws {
        let found = try TargetList.groups(file: Array(text.utf8), path: "/t/x.yml", format: .yaml)
        #expect(found.reduce(0) { $0 + $1.targets.count } == targets)
        if targets == 2 {
            let labels = Dictionary(uniqueKeysWithValues: found[0].labels.map { ($0.name, $0.value) })
            #expect(labels == ["env": "prod", "zone": "7", "flag": "yes", "on": "off", "__meta_filepath": "/t/x.yml"])
        }
    }

    @Test(arguments: [
        ("", "not JSON"), ("{", "not JSON"), ("{}", "must be a list of target groups"),
        ("[null]", "[0] is null, but must be a target group"), ("[[]]", "[0] is"),
        (#"[{"targets":["a"]},{"target":[]}]"#, "[1] has 'target'"),
        (#"[{"targets":"a"}]"#, "[0].targets is"), (#"[{"targets":[["a"]]}]"#, "[0].targets[0] is"),
        (#"[{"labels":[]}]"#, "[0].labels is"), (#"[{"labels":{"a":{}}}]"#, "[0].labels.a is"),
        (#"[{"labels":{"a":1}}]"#, "[0].labels.a is"), (#"[{"targets":[1]}]"#, "[0].targets[0] is"),
        (#"[{"labels":{"":"x"}}]"#, "a label without a name"), ("[] []", "not JSON"),
    ]) func refused(_ text: String, _ message: String) {
        let error = #expect(throws: TargetListError.self) {
            try TargetList.groups(answer: Array(text.utf8), url: "http://h")
        }
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    @Test(arguments: [
        ("a.json", TargetList.Format.json), ("a.YML", .yaml), ("b.yaml", .yaml), ("c.txt", nil), ("json", nil),
    ]) func format(_ path: String, _ format: TargetList.Format?) {
        #expect(TargetList.Format(path: path) == format)
    }
}
