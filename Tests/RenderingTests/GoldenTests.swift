import FoundationEssentials
import JSONTree
import KubeModel
import Rendering
import Testing
import YAMLTree

/// Each fixture folder is rendered and compared with what it expects; `UPDATE_GOLDEN=1` writes the expectation anew.
struct GoldenTests {
    @Test(arguments: try Fixture.names) func rendersAsExpected(_ name: String) throws {
        let fixture = try Fixture(name)
        let plan = try plan(fixture.inputs)
        let objects = plan.apply.map { JSONValue.object($0.json) }
        if Fixture.isUpdating {
            try Data(YAMLWriter.stream(objects).utf8).write(to: fixture.expectedFile)
        }
        let expected = try fixture.expected()
        #expect(objects.count == expected.count)
        for (object, expected) in zip(objects, expected) {
            #expect(object == expected, "\(object["kind"]?.string ?? "") \(object["metadata"]?["name"]?.string ?? "")")
        }
    }

    @Test(arguments: try Fixture.names) func rendersTheSameTwice(_ name: String) throws {
        let inputs = try Fixture(name).inputs
        let first = try plan(inputs)
        #expect(first == (try plan(inputs)))
        // Equal is not enough: hashes over the objects go by the order of members, too.
        #expect(first.apply.map { $0.json.bytes() } == (try plan(inputs)).apply.map { $0.json.bytes() })
    }

    @Test(arguments: try Fixture.names) func keepsToWhatServerSideApplyTakes(_ name: String) throws {
        for object in try plan(Fixture(name).inputs).apply {
            #expect(JSONValue.object(object.json).problems(at: "\(object.kind)") == [])
        }
    }

    /// What was applied is owned next time: nothing is pruned, nothing made anew.
    @Test(arguments: try Fixture.names) func restsAfterItsOwnObjects(_ name: String) throws {
        var inputs = try Fixture(name).inputs
        inputs.owned = try plan(inputs).apply.map { OwnedObject($0, fieldManagers: ["swiftlet"]) }
        let second = try plan(inputs)
        #expect(second.prune == [])
        #expect(second.recreate == [])
        #expect(second.apply == (try plan(Fixture(name).inputs)).apply)
    }
}

/// The same for target allocators.
struct TargetAllocatorGoldenTests {
    @Test(arguments: try TargetAllocatorFixture.names) func rendersAsExpected(_ name: String) throws {
        let fixture = try TargetAllocatorFixture(name)
        let objects = try plan(fixture.inputs).apply.map { JSONValue.object($0.json) }
        if Fixture.isUpdating {
            try Data(YAMLWriter.stream(objects).utf8).write(to: fixture.expectedFile)
        }
        let expected = try fixture.expected()
        #expect(objects.count == expected.count)
        for (object, expected) in zip(objects, expected) {
            #expect(object == expected, "\(object["kind"]?.string ?? "") \(object["metadata"]?["name"]?.string ?? "")")
        }
    }

    @Test(arguments: try TargetAllocatorFixture.names) func keepsToWhatServerSideApplyTakes(_ name: String) throws {
        for object in try plan(TargetAllocatorFixture(name).inputs).apply {
            #expect(JSONValue.object(object.json).problems(at: "\(object.kind)") == [])
        }
    }

    /// What was applied is owned next time: nothing is pruned, nothing made anew.
    @Test(arguments: try TargetAllocatorFixture.names) func restsAfterItsOwnObjects(_ name: String) throws {
        var inputs = try TargetAllocatorFixture(name).inputs
        inputs.owned = try plan(inputs).apply.map { OwnedObject($0, fieldManagers: ["swiftlet"]) }
        let second = try plan(inputs)
        #expect(second.prune == [])
        #expect(second.recreate == [])
        #expect(second.apply == (try plan(TargetAllocatorFixture(name).inputs)).apply)
    }
}

extension JSONValue {
    /// Nulls, and lists whose entries share a key that server-side apply tells them apart by.
    fileprivate func problems(at path: String) -> [String] {
        switch self {
        case .null: return ["\(path) is null"]
        case .object(let object):
            return object.flatMap { key, value in value.listProblems(key, path) + value.problems(at: "\(path).\(key)") }
        case .array(let elements):
            return elements.enumerated().flatMap { $0.element.problems(at: "\(path)[\($0.offset)]") }
        default: return []
        }
    }

    private func listProblems(_ key: String, _ path: String) -> [String] {
        let keys: [String: [String]] = [
            "env": ["name"], "volumes": ["name"], "containers": ["name"], "initContainers": ["name"],
            "volumeMounts": ["mountPath"], "hostAliases": ["ip"],
        ]
        guard let elements = self.array else { return [] }
        var wanted = keys[key] ?? []
        if key == "ports", elements.contains(where: { $0["containerPort"] != nil }) {
            wanted = ["containerPort", "protocol"]
        }
        if key == "ports", path == "Service.spec" { wanted = ["port", "protocol"] }
        guard !wanted.isEmpty else { return [] }
        var seen: Set<[JSONValue]> = []
        return elements.enumerated().compactMap { place, element in
            let values = wanted.compactMap { element[$0] }
            if values.count != wanted.count { return "\(path).\(key)[\(place)] lacks \(wanted)" }
            return seen.insert(values).inserted ? nil : "\(path).\(key)[\(place)] repeats \(values)"
        }
    }
}
