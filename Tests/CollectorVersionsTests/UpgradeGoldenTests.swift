import FoundationEssentials
import JSONTree
import KubeModel
import TelemetryAPI
import Testing
import YAMLTree

@testable import CollectorVersions

/// A folder `upgrade-*` below `Fixtures`: `input.yaml` (a collector, then the version to reach) and `expected.yaml` (the
/// specification that comes out, then everything that is said about it).
struct UpgradeFixture {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
    static var names: [String] {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: Self.root.path).filter { $0.hasPrefix("upgrade-") }
                .sorted()
        }
    }

    var collector: Collector
    var version: String
    var expectedFile: URL

    init(_ name: String) throws {
        let folder = Self.root.appending(path: name)
        let documents = try YAMLReader.documents(in: Array(Data(contentsOf: folder.appending(path: "input.yaml"))))
        self.collector = Collector(try #require(documents.first?.object))
        self.version = try #require(documents.last?["to"]?.string)
        self.expectedFile = folder.appending(path: "expected.yaml")
    }

    static var isUpdating: Bool { ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" }
}

extension CollectorUpgradeOutcome {
    var upgrade: CollectorUpgrade? { if case .upgraded(let upgrade) = self { upgrade } else { nil } }
    var failure: CollectorUpgradeFailure? { if case .failed(let failure) = self { failure } else { nil } }
}

/// `UPDATE_GOLDEN=1` writes the expectation anew: read the difference.
struct UpgradeGoldenTests {
    @Test(arguments: try UpgradeFixture.names) func upgradesAsExpected(_ name: String) throws {
        let fixture = try UpgradeFixture(name)
        let outcome = upgradeCollector(fixture.collector, to: fixture.version)
        var said = JSONObject()
        if let upgrade = outcome.upgrade {
            said["version"] = .string(upgrade.version)
            said["reports"] = .array(
                upgrade.reports.map { report in
                    var json: JSONObject = [
                        "step": .string("\(report.version) \(report.name)"), "effect": .string(report.effect.rawValue),
                    ]
                    if !report.message.isEmpty { json["message"] = .string(report.message) }
                    return .object(json)
                }
            )
        }
        let condition = outcome.condition(for: fixture.collector, now: "2026-11-27T12:00:00Z")
        said["condition"] = condition.map { .object($0.json) }
        said["events"] = .array(outcome.events.map { ["type": .string($0.type), "note": .string($0.note)] })
        let spec = (outcome.upgrade?.collector ?? fixture.collector).spec.json
        let documents: [JSONValue] = [.object(spec), .object(said)]
        if UpgradeFixture.isUpdating {
            try Data(YAMLWriter.stream(documents).utf8).write(to: fixture.expectedFile)
        }
        let expected = try YAMLReader.documents(in: Array(Data(contentsOf: fixture.expectedFile)))
        try #require(expected.count == 2)
        #expect(expected[0] == documents[0])
        #expect(expected[1] == documents[1])
        // Order and the text of numbers count as well.
        #expect(expected[0].text() == documents[0].text())
    }

    @Test(arguments: try UpgradeFixture.names) func changesNothingTheSecondTime(_ name: String) throws {
        let fixture = try UpgradeFixture(name)
        guard let upgrade = upgradeCollector(fixture.collector, to: fixture.version).upgrade else { return }
        var collector = upgrade.collector
        collector.status.version = upgrade.version
        #expect(upgradeCollector(collector, to: fixture.version) == .unchanged(.current))
        #expect(upgrade.changesSpec == (upgrade.collector != fixture.collector))
    }

    /// Each step has a folder, and its name is unique.
    @Test func everyStepHasAFixture() throws {
        let names = try UpgradeFixture.names
        #expect(upgradeSteps.count == 20)
        #expect(Set(upgradeSteps.map(\.name)).count == upgradeSteps.count)
        for step in upgradeSteps { #expect(names.contains("upgrade-\(step.version)"), "\(step.version)") }
        for (step, next) in zip(upgradeSteps, upgradeSteps.dropFirst()) { #expect(!(next.number < step.number)) }
    }
}
