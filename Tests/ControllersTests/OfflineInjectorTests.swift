import JSONTree
import KubeModel
import PodInjection
import TelemetryAPI
import Testing

@testable import Controllers

/// `swiftlet inject`, as a library.
struct OfflineInjectorTests {
    static let annotated = """
        metadata: {annotations: {instrumentation.opentelemetry.io/inject-python: "true"}, labels: {app: a}}
        spec: {containers: [{name: app, image: "app:1"}]}
        """

    private func injector() throws -> OfflineInjector {
        OfflineInjector([try yamlObject(WebhooksTests.instrumentation)], namespace: "shop", facts: ClusterFacts())
    }

    private func workload(_ kind: String, _ group: String = "apps/v1") throws -> KubeObject {
        let template = JSONValue.object(try yaml(Self.annotated))
        var object = KubeObject(
            GroupVersionKind(apiVersion: group, kind: kind),
            namespace: kind == "Pod" ? "shop" : nil,
            name: "web"
        )
        switch kind {
        case "Pod":
            object.metadata.json["annotations"] = template["metadata"]?["annotations"]
            object.json["spec"] = template["spec"]
        case "CronJob":
            object.json["spec"] = ["schedule": "* * * * *", "jobTemplate": ["spec": ["template": template]]]
        default: object.json["spec"] = ["template": template, "selector": ["matchLabels": ["app": "a"]]]
        }
        return object
    }

    private func podSpec(_ object: KubeObject) -> JSONValue? {
        switch object.kind {
        case "Pod": object.json["spec"]
        case "CronJob": object.json["spec"]?["jobTemplate"]?["spec"]?["template"]?["spec"]
        default: object.json["spec"]?["template"]?["spec"]
        }
    }

    @Test(arguments: [
        ("Pod", "v1", "k8s.pod.name"), ("Deployment", "apps/v1", "k8s.deployment.name=web"),
        ("StatefulSet", "apps/v1", "k8s.statefulset.name=web"), ("DaemonSet", "apps/v1", "k8s.daemonset.name=web"),
        ("ReplicaSet", "apps/v1", "k8s.replicaset.name=web"), ("Job", "batch/v1", "k8s.job.name=web"),
        ("CronJob", "batch/v1", "k8s.cronjob.name=web"), ("CronJob", "batch/v1beta1", "k8s.cronjob.name=web"),
    ])
    func workloads(_ kind: String, _ apiVersion: String, _ attribute: String) throws {
        let object = try self.workload(kind, apiVersion)
        let place = try #require(WorkloadKind(object))
        let (changed, outcome) = try self.injector().inject(object, place)
        #expect(outcome.decisions.map(\.code) == [.injected], "\(outcome.decisions)")
        let spec = self.podSpec(changed)
        #expect(spec?["initContainers"]?[0]?["image"] == "python:1")
        let attributes = spec?["containers"]?[0]?["env"]?.array?.first { $0["name"] == "OTEL_RESOURCE_ATTRIBUTES" }
        #expect(attributes?["value"]?.string?.contains(attribute) == true, "\(attributes ?? nil)")
        // What was lent to the template for the occasion is gone, and nothing else changed.
        #expect(!changed.json.description.contains("ownerReferences"))
        #expect(changed.json["apiVersion"] == object.json["apiVersion"])
        #expect(changed.metadata.json == object.metadata.json || kind == "Pod")
        #expect(changed.json["spec"]?["selector"] == object.json["spec"]?["selector"])
    }

    @Test(arguments: ["Pod", "Deployment", "CronJob"])
    func whatAsksForNothingStaysByteForByte(_ kind: String) throws {
        var object = try self.workload(kind, kind == "Pod" ? "v1" : kind == "CronJob" ? "batch/v1" : "apps/v1")
        let text = JSONValue.object(object.json).text().replacing("inject-python", with: "nothing")
        object = KubeObject(try #require(try JSONValue(parsing: Array(text.utf8)).object))
        let place = try #require(WorkloadKind(object))
        let (same, outcome) = try self.injector().inject(object, place)
        #expect(same.json.bytes() == object.json.bytes())
        #expect(!outcome.isChanged && outcome.decisions.isEmpty)
        // Also a template without metadata.
        guard kind == "Deployment" else { return }
        object.spec?.mutateObject("template") { template in _ = template.remove("metadata") }
        #expect(try self.injector().inject(object, place).object.json.bytes() == object.json.bytes())
    }

    @Test func ownersOfATemplateStay() throws {
        var object = try self.workload("Deployment")
        object.spec?.mutateObject("template") { template in
            template.mutateObject("metadata") { $0["ownerReferences"] = [["kind": "X", "name": "y"]] }
        }
        let changed = try self.injector().inject(object, .template(["spec", "template"])).object
        #expect(changed.spec?["template"]?["metadata"]?["ownerReferences"] == [["kind": "X", "name": "y"]])
    }

    @Test(arguments: ["{}", "{spec: {}}", "{spec: {template: 7}}", "{spec: {template: {spec: 7}}}"])
    func malformed(_ text: String) throws {
        var object = try yaml(text)
        object["apiVersion"] = "apps/v1"
        object["kind"] = "Deployment"
        let kind = try #require(WorkloadKind(KubeObject(object)))
        #expect(throws: (any Error).self) { try self.injector().inject(KubeObject(object), kind) }
    }

    @Test func otherKindsMakeNoPods() {
        for (apiVersion, kind) in [("v1", "Service"), ("example.com/v1", "Deployment"), ("v1", "Deployment")] {
            #expect(WorkloadKind(KubeObject(["apiVersion": .string(apiVersion), "kind": .string(kind)])) == nil)
        }
    }
}
