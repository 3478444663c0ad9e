import JSONTree
import KubeModel
import Testing

struct PodViewTests {
    private let pod = Pod([
        "metadata": ["name": "p", "unknown": 1],
        "spec": [
            "containers": [
                [
                    "name": "app", "image": "a:1", "imagePullPolicy": "Always", "command": ["x"], "args": ["y"],
                    "env": [
                        ["name": "A", "value": "1", "unknown": true],
                        ["name": "B", "valueFrom": ["fieldRef": ["fieldPath": "metadata.name"]]],
                    ],
                    "volumeMounts": [["name": "v", "mountPath": "/v", "readOnly": true]],
                    "securityContext": ["runAsUser": 1], "unknown": [1.50],
                ]
            ],
            "initContainers": [["name": "i", "restartPolicy": "Always"]],
            "volumes": [["name": "v", "emptyDir": [:]]],
            "nodeName": "n", "shareProcessNamespace": true, "securityContext": ["fsGroup": 2],
        ],
    ])

    @Test func reads() throws {
        let spec = self.pod.spec
        let app = try #require(spec.containers.first)
        #expect(self.pod.metadata.name == "p")
        #expect(app.name == "app")
        #expect(app.image == "a:1")
        #expect(app.imagePullPolicy == "Always")
        #expect(app.command == ["x"])
        #expect(app.args == ["y"])
        #expect(app.env.map(\.name) == ["A", "B"])
        #expect(app.env.map(\.value) == ["1", nil])
        #expect(app.env.map(\.fieldPath) == [nil, "metadata.name"])
        #expect(app.volumeMounts.map(\.mountPath) == ["/v"])
        #expect(app.volumeMounts.map(\.isReadOnly) == [true])
        #expect(app.securityContext == ["runAsUser": 1])
        #expect(spec.initContainers.map(\.restartPolicy) == ["Always"])
        #expect(spec.volumes.map(\.name) == ["v"])
        #expect(spec.nodeName == "n")
        #expect(spec.shareProcessNamespace == true)
        #expect(spec.securityContext == ["fsGroup": 2])
    }

    /// Touching one member writes that one only.
    @Test func keepsTheRest() {
        var pod = self.pod
        pod.spec.containers[0].env[0].value = "2"
        let expected: JSONValue = [
            ["op": "replace", "path": "/spec/containers/0/env/0/value", "value": "2"]
        ]
        #expect(JSONPatch.diff(from: self.pod.json, to: pod.json).json == expected)
    }

    @Test func makes() {
        #expect(EnvVar("A", value: "1").json == ["name": "A", "value": "1"])
        #expect(
            EnvVar("A", field: "status.podIP").json == [
                "name": "A", "valueFrom": ["fieldRef": ["fieldPath": "status.podIP"]],
            ]
        )
        #expect(VolumeMount("v", at: "/v").json == ["name": "v", "mountPath": "/v"])
        #expect(VolumeMount("v", at: "/v", readOnly: true).json == ["name": "v", "mountPath": "/v", "readOnly": true])
        #expect(Volume("v", "emptyDir", ["sizeLimit": "1Gi"]).json == ["name": "v", "emptyDir": ["sizeLimit": "1Gi"]])
        #expect(Container(name: "c", image: "i").json == ["name": "c", "image": "i"])
    }
}
