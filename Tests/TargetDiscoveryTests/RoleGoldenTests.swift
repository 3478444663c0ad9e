import Foundation
import JSONTree
import KubeModel
import PrometheusModel
import TargetDiscovery
import Testing
import YAMLTree

/// Objects of each role and the groups they give. `UPDATE_GOLDEN=1` writes the expectation anew: read the difference.
/// test_target_discovery.py gives the same objects to a real API server and compares with a real Prometheus.
struct RoleGoldenTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
    static let roles = ["node", "pod", "service", "endpoints", "endpointslice", "ingress"]

    @Test(arguments: roles) func groups(_ role: String) throws {
        let input = try YAMLReader.document(in: Array(Data(contentsOf: Self.root.appending(path: "\(role).yaml"))))
        var found = JSONObject()
        for element in try #require(input.array) {
            let row = try #require(element.object)
            let name = try #require(row[string: "case"])
            let group = try Self.group(role, row)
            found[name] = .object(group.json)
        }
        let place = Self.root.appending(path: "\(role).expected.yaml")
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
            try Data(YAMLWriter.text(.object(found)).utf8).write(to: place)
            return
        }
        let expected = try #require(try YAMLReader.document(in: Array(Data(contentsOf: place))).object)
        #expect(Array(found.keys) == Array(expected.keys))
        for (name, value) in expected where found[name] != value {
            Issue.record("\(role), \(name): \(found[name]?.description ?? "nothing") instead of \(value)")
        }
    }

    private static func group(_ role: String, _ row: JSONObject) throws -> TargetGroup {
        let objects = try #require(row[array: "objects"]).compactMap(\.object)
        let attached = Set(row[strings: "attach"] ?? [])
        // By way of the packed form, as the stores hold them.
        func find<Record: DiscoveryRecord>(_ kind: String, _ key: ObjectKey) -> Record? {
            objects.first { $0[string: "kind"] == kind && KubeObject($0).key == key }.map { Packed<Record>($0).record }
        }
        let lookup = DiscoveryLookup(
            pod: { find("Pod", $0) },
            service: { find("Service", $0) },
            node: attached.contains("node") ? { find("Node", ObjectKey(name: $0)) } : nil,
            namespace: attached.contains("namespace") ? { find("Namespace", ObjectKey(name: $0)) } : nil
        )
        let own = try #require(objects.first)
        switch role {
        case "node": return Packed<NodeRecord>(own).record.targetGroup()
        case "pod": return Packed<PodRecord>(own).record.targetGroup(lookup)
        case "service": return Packed<ServiceRecord>(own).record.targetGroup(lookup)
        case "endpoints": return Packed<EndpointsRecord>(own).record.targetGroup(lookup)
        case "endpointslice": return Packed<EndpointSliceRecord>(own).record.targetGroup(lookup)
        default: return Packed<IngressRecord>(own).record.targetGroup(lookup)
        }
    }
}

extension TargetGroup {
    var json: JSONObject {
        [
            "source": .string(self.source),
            "labels": Self.map(self.labels),
            "targets": .array(self.targets.map(Self.map)),
        ]
    }

    private static func map(_ labels: [Label]) -> JSONValue {
        .object(JSONObject(labels.map { ($0.name, JSONValue.string($0.value)) }))
    }
}
