import JSONTree
import KubeModel
import TelemetryAPI
import Testing
import YAMLTree

@testable import CollectorVersions

struct UpgradeTests {
    private static func collector(_ version: String?, _ spec: String = "config: {receivers: {}, exporters: {}}") throws
        -> Collector
    {
        var collector = Collector(spec: try YAMLReader.document(in: spec), version: version ?? "")
        if version == nil { collector.status = CollectorStatus([:]) }
        return collector
    }

    // MARK: Versions

    enum Expected { case notNeeded, newer, upgraded, failed }

    @Test(arguments: [
        ("0.158.0", "0.158.0", Expected.notNeeded), ("", "0.158.0", .notNeeded),
        ("0.157.0", "0.158.0", .upgraded), ("0.2.0", "0.158.0", .upgraded), ("0.60", "0.158.0", .upgraded),
        // The same version written in another way: only the status follows.
        ("v0.158.0", "0.158.0", .upgraded), ("0.158.0+build", "0.158.0", .upgraded), ("0.158", "0.158.0", .upgraded),
        ("0.158.0-rc.1", "0.158.0", .upgraded), ("0.158.0", "0.158.0-rc.1", .newer),
        ("0.158.1", "0.158.0", .newer), ("1.0.0", "0.158.0", .newer), ("v1", "0.158.0", .newer),
        ("latest", "0.158.0", .failed), ("0.158.x", "0.158.0", .failed), ("0..1", "0.158.0", .failed),
        ("0.1.2.3", "0.158.0", .failed), ("99999999999999999999.0.0", "0.158.0", .failed),
        (" 0.1.0", "0.158.0", .failed), ("-1", "0.158.0", .failed), ("v", "0.158.0", .failed),
        ("0.100.0", "latest", .failed), ("0.100.0", "", .failed),
    ])
    func comparesVersions(_ from: String, _ to: String, _ expected: Expected) throws {
        let result = upgrade(try Self.collector(from), to: to)
        switch (result.outcome, expected) {
        case (.notNeeded, .notNeeded), (.newer, .newer), (.failed, .failed): break
        case (.upgraded(let collector, _), .upgraded): #expect(collector.status.version == to)
        default: Issue.record("\(from) to \(to): \(result.outcome)")
        }
    }

    @Test(arguments: ["managementState: unmanaged", "upgradeStrategy: none"])
    func leavesAloneWhatTheUserKeeps(_ setting: String) throws {
        let collector = try Self.collector("0.2.0", "{\(setting), config: {}}")
        #expect(upgrade(collector, to: "0.158.0").outcome == .notNeeded)
    }

    @Test func needsAStoredVersion() throws {
        #expect(upgrade(try Self.collector(nil), to: "0.158.0").outcome == .notNeeded)
    }

    @Test func imageOfTheUserPreventsNothing() throws {
        let collector = try Self.collector("0.121.0", "{image: mine, upgradeStrategy: automatic, config: {}}")
        guard case .upgraded(let upgraded, _) = upgrade(collector, to: "0.158.0").outcome else {
            Issue.record("not upgraded")
            return
        }
        #expect(upgraded.json.text == collector.json.text.replacing("0.121.0", with: "0.158.0"))
    }

    @Test func garbageSaysWhatToChange() throws {
        let result = upgrade(try Self.collector("latest"), to: "0.158.0")
        guard case .failed(nil, let message) = result.outcome else {
            Issue.record("\(result.outcome)")
            return
        }
        #expect(message.hasPrefix("status.version 'latest' is not a version: set it to "))
    }

    @Test(arguments: [
        // Those above the stored version, up to the wanted one.
        ("0.103.0", "0.104.0", ["0.104.0", "0.104.0"]), ("0.104.0-rc.1", "0.104.0", ["0.104.0", "0.104.0"]),
        ("0.104.0", "0.105.0", ["0.105.0"]), ("0.104.0", "0.105.0-rc.1", []), ("0.121.9", "0.122.0", ["0.122.0"]),
        ("0.122.0", "0.158.0", []), ("0.105.0", "0.109.9", []),
    ])
    func runsTheStepsBetween(_ from: String, _ to: String, _ versions: [String]) throws {
        let steps = try #require(
            zip([SemanticVersion(lenient: from)], [SemanticVersion(lenient: to)]).compactMap { from, to in
                from.flatMap { from in to.map { to in UpgradeStep.all.filter { $0.isBetween(from, to) } } }
            }.first
        )
        #expect(steps.map(\.version) == versions)
    }

    @Test func stepsAreInOrder() throws {
        let versions = UpgradeStep.all.compactMap { SemanticVersion(lenient: $0.version) }
        #expect(versions.count == UpgradeStep.all.count)
        #expect(versions == versions.sorted())
    }

    @Test func aFailureChangesNothingAndStopsThere() throws {
        let steps = [
            UpgradeStep(version: "0.2.0") { spec, notes in
                spec["replicas"] = 1
                notes.changed.append("replicas set")
            },
            UpgradeStep(version: "0.3.0") { _, _ throws(StepFailure) in throw StepFailure(message: "no") },
            UpgradeStep(version: "0.4.0") { _, _ in Issue.record("runs after a failure") },
        ]
        let result = upgrade(try Self.collector("0.1.0"), to: "0.158.0", steps: steps)
        #expect(result.outcome == .failed(step: "0.3.0", message: "no"))
    }

    // MARK: Conditions and events

    @Test func newerIsACondition() throws {
        let result = upgrade(try Self.collector("0.159.0"), to: "0.158.0")
        let condition = try #require(result.condition(now: "2026-01-01T00:00:00Z", generation: 3))
        #expect(condition.type == "Upgraded" && condition.status == .false && condition.reason == "NewerVersion")
        #expect(condition.json[int: "observedGeneration"] == 3)
        #expect(condition.lastTransitionTime == "2026-01-01T00:00:00Z")
        #expect(result.events == [])
    }

    @Test func nothingNeededSaysNothing() throws {
        let result = upgrade(try Self.collector("0.158.0"), to: "0.158.0")
        #expect(result.condition(now: "", generation: 1) == nil)
        #expect(result.events == [])
    }

    @Test func messagesAreBounded() throws {
        var extensions: JSONObject = [:]
        for number in 0..<5_000 { extensions["health_check/é\(number)"] = ["port": 1] }
        let spec: JSONValue = ["config": ["exporters": [:], "extensions": .object(extensions)]]
        let many = upgrade(Collector(spec: spec, version: "0.2.0"), to: "0.158.0")
        #expect(try #require(many.condition(now: "", generation: 1)).message.utf8.count <= 2_000)

        let reports = (0..<500).map {
            CollectorUpgrade.Report(
                version: "0.\($0).0",
                outcome: .changed,
                message: String(repeating: "é", count: 900)
            )
        }
        let result = CollectorUpgrade(from: "0.1.0", to: "0.2.0", outcome: .upgraded(Collector([:]), reports))
        let message = try #require(result.condition(now: "", generation: 1)).message
        #expect(message.utf8.count <= 8_300)
        #expect(message.split(separator: "\n").last == "and 490 more")

        let long = String(repeating: "long ", count: 1_000)
        for step in [nil, "0.61.0"] {
            let failed = CollectorUpgrade(from: "0.1.0", to: "0.2.0", outcome: .failed(step: step, message: long))
            #expect(failed.events.allSatisfy { $0.note.utf8.count <= 1_024 })
            #expect(try #require(failed.condition(now: "", generation: 1)).message.utf8.count <= 1_024)
        }
    }

    @Test func failureIsAWarning() throws {
        let collector = try Self.collector(
            "0.60.0",
            "config: {receivers: {jaeger: {remote_sampling: {}}}, exporters: {}}"
        )
        let events = upgrade(collector, to: "0.158.0").events
        #expect(events.map(\.type) == [.warning])
        #expect(events.map(\.reason) == ["Upgrade"])
        #expect(
            events.first?.note.hasPrefix(
                "automated update not possible. Configuration must be corrected manually and CR instance must be"
                    + " re-created. "
            ) == true
        )
    }
}
