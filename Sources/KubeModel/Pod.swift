package import JSONTree

/// A pod (core/v1 Pod), or a pod template, whose `metadata` and `spec` have the same shape.
package struct Pod: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package var metadata: ObjectMeta {
        get { ObjectMeta(self.json[object: "metadata"] ?? [:]) }
        set { self.json[object: "metadata"] = newValue.json }
    }
    package var spec: PodSpec {
        get { PodSpec(self.json[object: "spec"] ?? [:]) }
        set { self.json[object: "spec"] = newValue.json }
    }
}

/// What runs in a pod (core/v1 PodSpec).
package struct PodSpec: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package var containers: [Container] {
        get { self.json[views: "containers"] }
        set { self.json[views: "containers"] = newValue }
    }
    package var initContainers: [Container] {
        get { self.json[views: "initContainers"] }
        set { self.json[views: "initContainers"] = newValue }
    }
    package var volumes: [Volume] {
        get { self.json[views: "volumes"] }
        set { self.json[views: "volumes"] = newValue }
    }
    package var nodeName: String? { self.json[string: "nodeName"] }
    package var shareProcessNamespace: Bool? {
        get { self.json[bool: "shareProcessNamespace"] }
        set { self.json[bool: "shareProcessNamespace"] = newValue }
    }
    package var securityContext: JSONObject? { self.json[object: "securityContext"] }
}

/// One volume of a pod (core/v1 Volume).
package struct Volume: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    /// A volume of one source, such as `emptyDir`.
    package init(_ name: String, _ source: String, _ settings: JSONObject = [:]) {
        self.json = ["name": .string(name), source: .object(settings)]
    }

    package var name: String { self.json[string: "name"] ?? "" }
}
