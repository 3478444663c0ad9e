import JSONTree
import KubeModel
import Testing

struct KubeObjectTests {
    @Test func changingOneFieldLeavesTheRestAsItWas() throws {
        let text = #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","future":{"x":1.0}},"spec":{"y":[1]}}"#
        var object = KubeObject(try #require(try JSONValue(parsing: text).object))
        object.metadata.labels["app"] = "b"
        #expect(
            JSONValue.object(object.json).text()
                == #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","future":{"x":1.0},"labels":{"app":"b"}},"spec":{"y":[1]}}"#
        )
    }

    @Test func coreAndGroupedVersions() {
        #expect(GroupVersionKind(apiVersion: "v1", kind: "Pod").group == "")
        #expect(GroupVersionKind(apiVersion: "apps/v1", kind: "Deployment").version == "v1")
        #expect(
            APIResource(group: "apps", version: "v1", plural: "deployments", kind: "Deployment")
                .path(namespace: "n", name: "x", subresource: "scale")
                == "/apis/apps/v1/namespaces/n/deployments/x/scale"
        )
    }
}
