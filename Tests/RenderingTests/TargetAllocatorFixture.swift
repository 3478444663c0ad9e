import FoundationEssentials
import JSONTree
import KubeModel
import TelemetryAPI
import YAMLTree

@testable import Rendering

/// One folder below `Fixtures/TargetAllocator`: `input.yaml` (a TargetAllocator, the collectors of its namespace, and maybe a
/// `RenderInputs` document) and `expected.yaml`.
struct TargetAllocatorFixture {
    var folder: URL
    var inputs: TargetAllocatorInputs

    static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "Fixtures").appending(path: "TargetAllocator")

    static var names: [String] {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: Self.root.path).filter { !$0.hasPrefix(".") }.sorted()
        }
    }

    init(_ name: String) throws {
        self.folder = Self.root.appending(path: name)
        let documents = try YAMLReader.documents(in: Array(Data(contentsOf: self.folder.appending(path: "input.yaml"))))
            .compactMap(\.object)
        func all(_ kind: String) -> [JSONObject] { documents.filter { $0[string: "kind"] == kind } }
        guard let resource = all("TargetAllocator").first else {
            throw Fixture.Unreadable(reason: "\(name): no TargetAllocator")
        }
        let around = all("RenderInputs").first ?? [:]
        let settings = try OperatorSettings(fixture: around[object: "settings"] ?? [:])
        self.inputs = TargetAllocatorInputs(
            resource: TargetAllocatorResource(resource).withSchemaDefaults,
            settings: settings,
            facts: ClusterFacts(fixture: around[object: "facts"] ?? [:]),
            collectors: try all("OpenTelemetryCollector").map {
                try defaultCollector(Collector($0).withSchemaDefaults, settings: settings).collector
            }
        )
    }

    var expectedFile: URL { self.folder.appending(path: "expected.yaml") }

    func expected() throws -> [JSONValue] {
        try YAMLReader.documents(in: Array(Data(contentsOf: self.expectedFile)))
    }
}
