import JSONTree
import KubeModel
import KubeRuntime
import TargetDiscovery
import Testing

@testable import TargetAllocator

/// What a pod costs in the store that discovery keeps of it. The growth of the process is printed only: other tests run at
/// the same time.
struct DiscoveryMemoryTests {
    private static func pod(_ number: Int) -> JSONObject {
        let hash = String(number * 7_919 % 99_991, radix: 36)
        return [
            "apiVersion": "v1", "kind": "Pod",
            "metadata": [
                "name": .string("checkout-service-7c9d8b6f5d-\(hash)\(number)"),
                "namespace": .string("team-\(number % 50)"),
                "uid": .string("5f2b7e2c-0b3f-4f6e-9d53-0d2ab\(1_000_000 + number)"),
                "labels": [
                    "app.kubernetes.io/name": "checkout-service", "app.kubernetes.io/instance": "checkout",
                    "app.kubernetes.io/version": "1.42.7", "app.kubernetes.io/component": "backend",
                    "pod-template-hash": "7c9d8b6f5d", "team": .string("team-\(number % 50)"),
                ],
                "annotations": [
                    "prometheus.io/scrape": "true", "prometheus.io/port": "9090",
                    "checksum/config": "0a4d55a8d778e5022fab701977c5d840bbc486d0d8c4d5a5a2b1d6a6ec8e6f0b",
                    "kubectl.kubernetes.io/restartedAt": "2026-11-20T10:11:12Z",
                ],
                "ownerReferences": [
                    [
                        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "checkout-service-7c9d8b6f5d",
                        "controller": true, "uid": "7f2b7e2c-0b3f-4f6e-9d53-0d2ab9e1c0ff",
                    ]
                ],
            ],
            "spec": [
                "nodeName": .string("ip-10-0-\(number % 200)-17.eu-central-1.compute.internal"),
                "containers": [
                    [
                        "name": "app", "image": "registry.example.com/checkout/checkout-service:1.42.7",
                        "ports": [
                            ["name": "http", "containerPort": 8080, "protocol": "TCP"],
                            ["name": "metrics", "containerPort": 9090, "protocol": "TCP"],
                        ],
                    ],
                    [
                        "name": "proxy", "image": "registry.example.com/mesh/proxy:2.10.1",
                        "ports": [["name": "admin", "containerPort": 15_090, "protocol": "TCP"]],
                    ],
                ],
            ],
            "status": [
                "phase": "Running", "podIP": .string("10.\(number / 60_000).\(number / 250 % 250).\(number % 250)"),
                "hostIP": .string("10.0.\(number % 200).17"), "conditions": [["type": "Ready", "status": "True"]],
                "containerStatuses": [
                    [
                        "name": "app",
                        "containerID": .string("containerd://\(String(repeating: "ab", count: 29))\(100_000 + number)"),
                    ],
                    [
                        "name": "proxy",
                        "containerID": .string("containerd://\(String(repeating: "cd", count: 29))\(100_000 + number)"),
                    ],
                ],
            ],
        ]
    }

    private static func resident() throws -> Int {
        let text = String(decoding: try FileContent.bytes(of: "/proc/self/statm"), as: UTF8.self)
        return try #require(Int(text.split(separator: " ")[1])) * 4096
    }

    @Test func bytesOfAPod() throws {
        let count = 10_000
        let before = try Self.resident()
        let store = Store<Packed<PodRecord>>(name: "pods", indexes: [.podNode])
        store.receive(.listing)
        for page in 0..<20 {
            let objects = (0..<count / 20).map { place in
                let pod = Self.pod(page * (count / 20) + place)
                return WatchedObject(
                    key: KubeObject(pod).key,
                    resourceVersion: "\(10_000_000 + page)",
                    item: Packed<PodRecord>(pod)
                )
            }
            store.receive(.page(objects, malformed: []))
        }
        store.receive(.listed)
        let bytes = (try Self.resident() - before) / count
        let (estimate, packed) = (store.estimatedBytes / count, Packed<PodRecord>(Self.pod(1)).byteCount)
        print("a pod in the store: \(bytes) bytes resident, \(estimate) by estimate; packed alone: \(packed)")
        #expect(store.count == count)
        #expect(estimate < 1_000, "\(estimate)")
        #expect(packed < 1_000, "\(packed)")
    }
}
