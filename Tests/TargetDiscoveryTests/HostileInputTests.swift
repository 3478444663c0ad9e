import Foundation
import JSONTree
import KubeModel
import PrometheusModel
import TargetDiscovery
import Testing
import YAMLTree

/// Mutated lists and objects: whatever comes, there is an answer or an error, and an answer is one that others can use.
struct HostileInputTests {
    /// The same numbers in every run, so that a failure comes again.
    private struct Random: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            self.state &+= 0x9E37_79B9_7F4A_7C15
            var z = self.state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    private static let seeds = [
        #"[{"targets":["a:1","b:2"],"labels":{"env":"x","__meta_y":"z"}},{"targets":[],"labels":{}}]"#,
        "- targets: [a:1, 'b:2']\n  labels:\n    env: prod\n    zone: 7\n- targets:\n  - \"[::1]:9\"\n",
        "- &a\n  targets: [x]\n- *a\n- <<: *a\n",
    ]
    private static let pieces = [
        "null", "[]", "{}", "\"", "\\u0000", "\u{1F600}", "targets", "labels", ": ", "- ", "\n", "[[", "]]", "1e999",
        "&a", "*a",
        "!!binary ", "<<", "\t", "~",
    ]

    private static func mutated(_ bytes: [UInt8], _ random: inout Random) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let place = Int.random(in: 0...bytes.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 1 where place < bytes.count: bytes.remove(at: place)
            case 2: bytes.insert(contentsOf: Array((Self.pieces.randomElement(using: &random) ?? "").utf8), at: place)
            default: bytes.insert(contentsOf: bytes.prefix(place), at: place)
            }
        }
        return bytes
    }

    private static func check(_ groups: [TargetGroup]) {
        #expect(Set(groups.map(\.source)).count == groups.count)
        for group in groups {
            Self.check(group.labels)
            for target in group.targets {
                Self.check(target)
                #expect(target.contains { $0.name == "__address__" })
            }
        }
    }

    private static func check(_ labels: [Label]) {
        for (left, right) in zip(labels, labels.dropFirst()) {
            #expect(left.name.utf8.lexicographicallyPrecedes(right.name.utf8), "\(labels)")
        }
        #expect(labels.allSatisfy { !$0.name.isEmpty && (!$0.value.isEmpty || $0.name == "__address__") })
    }

    @Test func lists() {
        var random = Random(state: 41)
        var good = 0
        for round in 0..<20_000 {
            let bytes = Self.mutated(Array(Self.seeds[round % Self.seeds.count].utf8), &random)
            for format in [TargetList.Format.json, .yaml] {
                if let groups = try? TargetList.groups(file: bytes, path: "/t", format: format) {
                    good += 1
                    Self.check(groups)
                }
            }
        }
        // Neither all nor none, or the mutations would say nothing.
        #expect((1_000..<30_000).contains(good), "\(good)")
    }

    private static func mutated(_ value: JSONValue, _ random: inout Random) -> JSONValue {
        if Int.random(in: 0..<25, using: &random) == 0 {
            return [.null, [], [:], "", "x", 0, -1, true, .number(JSONNumber(1e300))].randomElement(using: &random)
                ?? .null
        }
        switch value {
        case .array(let elements): return .array(elements.map { Self.mutated($0, &random) })
        case .object(let object):
            return .object(JSONObject(object.map { ($0.key, Self.mutated($0.value, &random)) }))
        default: return value
        }
    }

    @Test func objects() throws {
        var random = Random(state: 17)
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
        let lookup = DiscoveryLookup()
        for role in RoleGoldenTests.roles {
            let rows = try YAMLReader.document(in: Array(Data(contentsOf: root.appending(path: "\(role).yaml"))))
            let objects = (rows.array ?? []).compactMap { $0["objects"]?[0] }
            for round in 0..<2_000 {
                guard case .object(let object) = Self.mutated(objects[round % objects.count], &random) else { continue }
                switch role {
                case "node": Self.check([Self.same(NodeRecord(object)).targetGroup()])
                case "pod": Self.check([Self.same(PodRecord(object)).targetGroup(lookup)])
                case "service": Self.check([Self.same(ServiceRecord(object)).targetGroup(lookup)])
                case "endpoints": Self.check([Self.same(EndpointsRecord(object)).targetGroup(lookup)])
                case "endpointslice": Self.check([Self.same(EndpointSliceRecord(object)).targetGroup(lookup)])
                default: Self.check([Self.same(IngressRecord(object)).targetGroup(lookup)])
                }
            }
        }
    }

    private static func same<Record: DiscoveryRecord>(_ record: Record) -> Record {
        let packed = Packed(record).record
        #expect(packed == record)
        return packed
    }
}
