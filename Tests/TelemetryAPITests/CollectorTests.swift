import JSONTree
import KubeModel
import TelemetryAPI
import Testing

struct CollectorTests {
    @Test(
        arguments: [
            (nil, CollectorMode.deployment), ("", .deployment), ("daemonset", .daemonset),
            ("statefulset", .statefulset),
            ("sidecar", .sidecar), ("Deployment", nil), ("job", nil),
        ] as [(String?, CollectorMode?)]
    )
    func mode(_ text: String?, _ mode: CollectorMode?) {
        var collector = Collector([:])
        collector.spec.modeText = text
        #expect(collector.mode == mode)
    }

    @Test func onlyUnmanagedIsUnmanaged() {
        for (text, isManaged) in [("unmanaged", false), ("managed", true), ("", true)] {
            var collector = Collector([:])
            collector.spec.managementState = text
            #expect(collector.isManaged == isManaged)
        }
    }

    /// Members nobody knows are still there after a change of one that is known.
    @Test func changingAFieldKeepsTheOthers() {
        var collector = Collector([
            "metadata": ["name": "a", "managedFields": [["x": 1]]],
            "spec": ["future": ["y": nil], "networkPolicy": ["other": 1], "config": ["receivers": [:], "odd": true]],
        ])
        collector.spec.networkPolicyEnabled = true
        collector.spec.replicas = 3
        #expect(
            collector.json == [
                "metadata": ["name": "a", "managedFields": [["x": 1]]],
                "spec": [
                    "future": ["y": nil], "networkPolicy": ["other": 1, "enabled": true],
                    "config": ["receivers": [:], "odd": true], "replicas": 3,
                ],
            ]
        )
    }

    @Test func configVersionsAreAtLeastOne() {
        for (value, versions) in [(nil, 3), (0, 1), (5, 5)] as [(Int?, Int)] {
            var spec = CollectorSpec([:])
            spec.json[int: "configVersions"] = value
            #expect(spec.configVersions == versions)
        }
    }

    @Test func labelNamesTheTargetAllocator() {
        var collector = Collector([:])
        #expect(collector.targetAllocatorName == nil)
        collector.metadata.labels = [Collector.targetAllocatorLabel: "shared"]
        #expect(collector.targetAllocatorName == "shared")
    }
}
