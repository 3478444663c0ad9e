package import JSONTree

/// One container of a pod (core/v1 Container).
package struct Container: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package init(name: String, image: String) {
        self.json = ["name": .string(name), "image": .string(image)]
    }

    package var name: String { self.json[string: "name"] ?? "" }
    package var image: String? {
        get { self.json[string: "image"] }
        set { self.json[string: "image"] = newValue }
    }
    package var imagePullPolicy: String? {
        get { self.json[string: "imagePullPolicy"] }
        set { self.json[string: "imagePullPolicy"] = newValue }
    }
    package var command: [String] {
        get { self.json[strings: "command"] ?? [] }
        set { self.json[strings: "command"] = newValue.isEmpty ? nil : newValue }
    }
    package var args: [String] {
        get { self.json[strings: "args"] ?? [] }
        set { self.json[strings: "args"] = newValue.isEmpty ? nil : newValue }
    }
    package var env: [EnvVar] {
        get { self.json[views: "env"] }
        set { self.json[views: "env"] = newValue }
    }
    package var volumeMounts: [VolumeMount] {
        get { self.json[views: "volumeMounts"] }
        set { self.json[views: "volumeMounts"] = newValue }
    }
    package var securityContext: JSONObject? {
        get { self.json[object: "securityContext"] }
        set { self.json[object: "securityContext"] = newValue }
    }
    /// `Always` on an init container makes it a native sidecar.
    package var restartPolicy: String? {
        get { self.json[string: "restartPolicy"] }
        set { self.json[string: "restartPolicy"] = newValue }
    }
}

/// One environment variable (core/v1 EnvVar).
package struct EnvVar: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package init(_ name: String, value: String) {
        self.json = ["name": .string(name), "value": .string(value)]
    }

    /// A variable from a field of the pod, such as `metadata.name`.
    package init(_ name: String, field path: String) {
        self.json = ["name": .string(name), "valueFrom": ["fieldRef": ["fieldPath": .string(path)]]]
    }

    package var name: String { self.json[string: "name"] ?? "" }
    package var value: String? {
        get { self.json[string: "value"] }
        set { self.json[string: "value"] = newValue }
    }
    package var valueFrom: JSONObject? { self.json[object: "valueFrom"] }
    /// The field of the pod that it comes from, if it comes from one.
    package var fieldPath: String? { self.valueFrom?[object: "fieldRef"]?[string: "fieldPath"] }
}

/// Where a container sees a volume (core/v1 VolumeMount).
package struct VolumeMount: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package init(_ name: String, at path: String, readOnly: Bool = false) {
        self.json = ["name": .string(name), "mountPath": .string(path)]
        if readOnly { self.json["readOnly"] = true }
    }

    package var name: String { self.json[string: "name"] ?? "" }
    package var mountPath: String { self.json[string: "mountPath"] ?? "" }
    package var isReadOnly: Bool { self.json[bool: "readOnly"] ?? false }
}
