import JSONTree
import KubeModel
import TelemetryAPI
import Testing
import YAMLTree

@testable import CollectorVersions

struct UpgradeTests {
    static let current = "0.158.0"

    static func collector(_ version: String?, _ spec: JSONObject = ["config": ["exporters": [:]]]) -> Collector {
        var collector = Collector(["metadata": ["name": "simplest"], "spec": .object(spec)])
        collector.status.version = version
        return collector
    }

    @Test(arguments: [
        ("0.2.0", 20), ("0.60", 7), ("v0.60.0", 7), ("0.103.0", 6), ("0.104.0", 4), ("0.104.0-rc.1", 6), ("0.121", 1),
        ("0.121.0+build.7", 1), ("0.122.0", 0), ("0.158.0-rc.1", 0), ("v0.158.0", 0),
    ])
    func runsTheStepsAfterAVersion(_ version: String, _ steps: Int) throws {
        let upgrade = try #require(upgradeCollector(Self.collector(version), to: Self.current).upgrade)
        #expect(upgrade.reports.count == steps)
        #expect(upgrade.version == Self.current)
        #expect(upgrade.from == version)
        #expect(upgrade.collector.status.version == version)
    }

    @Test func stopsAtTheOperatorsVersion() throws {
        let upgrade = try #require(upgradeCollector(Self.collector("0.103.0"), to: "0.104.0").upgrade)
        #expect(upgrade.reports.map(\.version) == ["0.104.0", "0.104.0"])
    }

    @Test func runsOnlyWhereItIsWanted() {
        #expect(upgradeCollector(Self.collector(nil), to: Self.current) == .unchanged(.new))
        #expect(upgradeCollector(Self.collector(""), to: Self.current) == .unchanged(.new))
        #expect(upgradeCollector(Self.collector(Self.current), to: Self.current) == .unchanged(.current))
        for (spec, reason): (JSONObject, CollectorUpgradeOutcome.Reason) in [
            (["managementState": "unmanaged"], .unmanaged), (["upgradeStrategy": "none"], .notWanted),
        ] {
            #expect(upgradeCollector(Self.collector("0.2.0", spec), to: Self.current) == .unchanged(reason))
        }
        // An image of the user's is no reason against it.
        let outcome = upgradeCollector(Self.collector("0.122.0", ["image": "mine:1"]), to: Self.current)
        #expect(outcome.upgrade?.changesSpec == false)
    }

    @Test(arguments: ["0.159.0", "v1.0.0", "0.158.1-rc.1"]) func leavesANewerCollectorAlone(_ version: String) throws {
        var collector = Self.collector(version)
        let outcome = upgradeCollector(collector, to: Self.current)
        #expect(outcome == .unchanged(.newer(than: Self.current)))
        #expect(outcome.events.isEmpty)
        let condition = try #require(outcome.condition(for: collector, now: "n"))
        #expect(condition.status == .false)
        #expect(condition.reason == "NewerVersion")
        #expect(condition.message.contains(version))
        // Once versions agree, the condition no longer stands.
        collector.status.conditions = [condition]
        collector.status.version = Self.current
        let later = upgradeCollector(collector, to: Self.current).condition(for: collector, now: "n")
        #expect(later?.status == .true)
        collector.status.conditions = []
        #expect(upgradeCollector(collector, to: Self.current).condition(for: collector, now: "n") == nil)
    }

    @Test(arguments: ["latest", "0.1.2.3", "0..1", "-", "v", "0.1-", "99999999999999999999", "\u{0}", "１.2"])
    func refusesWhatIsNoVersion(_ version: String) throws {
        let collector = Self.collector(version)
        let outcome = upgradeCollector(collector, to: Self.current)
        let failure = try #require(outcome.failure)
        #expect(failure.version == nil)
        #expect(failure.message.contains("status.version is '\(version)'"))
        #expect(outcome.condition(for: collector, now: "n")?.reason == "UpgradeFailed")
        let note = try #require(outcome.events.first)
        #expect(note.type == "Warning")
        #expect(note.reason == "Upgrade")
        #expect(
            note.note.hasPrefix(
                "automated update not possible. Configuration must be corrected manually and CR instance must be re-created."
            )
        )
        #expect(upgradeCollector(Self.collector("0.1.0"), to: version).failure != nil)
    }

    @Test func writesBackOnlyWhatIsDifferent() throws {
        let text = """
            {"zeta":1.50,"config":{"service":{"pipelines":{"x":{"receivers":["otlp"]}}},"receivers":{"otlp":{"b":1e3,"a":0.10}},\
            "exporters":{}},"args":{},"alpha":null}
            """
        let spec = try #require(try JSONValue(parsing: text).object)
        let unchanged = try #require(upgradeCollector(Self.collector("0.103.0", spec), to: "0.110.0").upgrade)
        #expect(!unchanged.changesSpec)
        #expect(unchanged.collector.spec.json.description == text)
        #expect(upgradeCollector(Self.collector("0.103.0", spec), to: "0.110.0").events.map(\.type) == ["Warning"])
        let changed = try #require(upgradeCollector(Self.collector("0.2.0", spec), to: Self.current).upgrade)
        #expect(
            changed.collector.spec.json.description
                == text.replacing(
                    #"["otlp"]}}}"#,
                    with: #"["otlp"]}},"telemetry":{"metrics":{"readers":[{"pull":{"exporter":{"prometheus":"#
                        + #"{"host":"0.0.0.0","port":8888}}}}]}}}"#
                )
        )
    }

    @Test func keepsAllTelemetry() throws {
        let spec: JSONObject = [
            "config": [
                "exporters": [:],
                "service": ["telemetry": ["logs": ["level": "debug"], "traces": ["level": "none"], "other": 1]],
            ]
        ]
        let upgrade = try #require(upgradeCollector(Self.collector("0.100.0", spec), to: Self.current).upgrade)
        let telemetry = try #require(upgrade.collector.spec.config?[path: "service", "telemetry"]?.object)
        #expect(Array(telemetry.keys) == ["logs", "traces", "other", "metrics"])
    }

    @Test func boundsItsMessages() throws {
        var exporters = JSONObject()
        for number in 0..<500 { exporters["otlp/\(String(repeating: "é", count: 300))\(number)"] = ["insecure": true] }
        let collector = Self.collector("0.2.0", ["config": ["exporters": .object(exporters)]])
        let outcome = upgradeCollector(collector, to: Self.current)
        let condition = try #require(outcome.condition(for: collector, now: "n"))
        #expect(condition.message.utf8.count <= CollectorUpgradeOutcome.messageLimit)
        #expect(condition.message.contains("0.36.0: changed: "))
    }
}
