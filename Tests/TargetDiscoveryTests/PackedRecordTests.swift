import Foundation
import JSONTree
import PrometheusModel
import TargetDiscovery
import Testing
import YAMLTree

struct PackedRecordTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

    /// A record comes out of the packed form as it went in, for all objects of the golden tests.
    @Test func roundTrip() throws {
        var count = 0
        for role in RoleGoldenTests.roles {
            let text = try Data(contentsOf: Self.root.appending(path: "\(role).yaml"))
            for row in try #require(try YAMLReader.document(in: Array(text)).array) {
                for object in try #require(row["objects"]?.array).compactMap(\.object) {
                    Self.check(object)
                    count += 1
                }
            }
        }
        #expect(count > 100)
    }

    private static func check(_ object: JSONObject) {
        func same<Record: DiscoveryRecord>(_ record: Record) {
            #expect(Packed(record).record == record)
            #expect(Packed(record) == Packed<Record>(object))
        }
        switch object[string: "kind"] {
        case "Pod": same(PodRecord(object))
        case "Node": same(NodeRecord(object))
        case "Service": same(ServiceRecord(object))
        case "Endpoints": same(EndpointsRecord(object))
        case "EndpointSlice": same(EndpointSliceRecord(object))
        case "Ingress": same(IngressRecord(object))
        default: same(ObjectRecord(object))
        }
    }

    /// What is absent, null or of another type is empty; nothing of it may trap.
    @Test(arguments: [
        "{}", #"{"metadata":null,"spec":null,"status":null}"#, #"{"metadata":[],"spec":1,"status":"x"}"#,
        #"{"spec":{"containers":[1,null,{"ports":[{},{"containerPort":"x"},{"containerPort":-1}]}],"rules":[7],"tls":[{}]}}"#,
        #"{"subsets":[{"ports":[{}],"addresses":[{}]}],"endpoints":[{},{"addresses":[1]}],"ports":[{},{"port":-5}]}"#,
    ]) func malformed(_ text: String) throws {
        let object = try #require(try JSONValue(parsing: text).object)
        let lookup = DiscoveryLookup()
        Self.check(object)
        #expect(PodRecord(object).targetGroup(lookup).targets.isEmpty)
        _ = NodeRecord(object).targetGroup()
        _ = ServiceRecord(object).targetGroup(lookup)
        _ = EndpointsRecord(object).targetGroup(lookup)
        _ = EndpointSliceRecord(object).targetGroup(lookup)
        _ = IngressRecord(object).targetGroup(lookup)
    }

    /// The packed form is smaller than the strings alone would be as an object in JSON.
    @Test func size() throws {
        let text = try Data(contentsOf: Self.root.appending(path: "pod.yaml"))
        let rows = try #require(try YAMLReader.document(in: Array(text)).array)
        for row in rows {
            let pod = try #require(row["objects"]?[0]?.object)
            #expect(Packed<PodRecord>(pod).byteCount < pod.bytes().count)
        }
    }
}
