import JSONTree
import Testing
import YAMLTree

struct ManifestReaderTests {
    private static func found(_ text: String) throws(YAMLError) -> [String] {
        try ManifestReader.objects(in: text).map { "\($0.object[string: "kind"] ?? "")@\($0.line)" }
    }

    @Test(arguments: [
        ("apiVersion: v1\nkind: A", ["A@1"]),
        ("# c\n---\n---\n\napiVersion: v1\nkind: A\n---\n# d\n---\nkind: B\napiVersion: v1\n---\n", ["A@5", "B@10"]),
        (
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: A\n-\n  kind: B\n  apiVersion: v1\n- {kind: BList, items: []}",
            ["A@4", "B@7"]
        ),
        ("apiVersion: v1\nkind: PodList\nmetadata: {}\nitems:\n- {apiVersion: v1, kind: Pod}", ["Pod@5"]),
        ("apiVersion: v1\nkind: AllowList", ["AllowList@1"]),
        (#"{"apiVersion":"v1","kind":"A"}"# + "\n\n" + #"{"apiVersion":"v1","kind":"B"}"#, ["A@1", "B@3"]),
        ("{\n\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n{\"apiVersion\":\"v1\",\"kind\":\"A\"}]}", ["A@1"]),
        ("apiVersion: v1\nkind: List\nitems:", []),
        ("", []),
    ])
    func findsObjects(_ text: String, _ expected: [String]) throws {
        #expect(try Self.found(text) == expected)
    }

    @Test(arguments: [
        (
            "apiVersion: v1\nkind: A\n---\n- 1",
            "invalid YAML in document 2 at line 4, column 1: expected a Kubernetes object, found array"
        ),
        ("---\na: 1", "invalid YAML at line 2, column 1: the object has no kind"),
        (
            "kind: List\nitems: {}",
            "invalid YAML at line 1, column 1: the items of the List must be an array, found object"
        ),
        ("kind: Pod", "invalid YAML at line 1, column 1: the Pod has no apiVersion"),
        (
            "kind: List\napiVersion: v1\nitems:\n- kind: A\n  apiVersion: v1\n- 5",
            "invalid YAML at line 6, column 1: expected a Kubernetes object, found number"
        ),
        (
            "kind: A\napiVersion: v1\n---\na: [",
            "invalid YAML in document 2 at line 5, column 1: did not find expected node content (while parsing a flow node)"
        ),
    ])
    func saysWhereItFails(_ text: String, _ message: String) {
        let error = #expect(throws: YAMLError.self) { try Self.found(text) }
        #expect(error?.description == message)
    }
}
