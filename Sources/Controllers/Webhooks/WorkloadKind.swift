package import JSONTree
package import KubeModel

/// The kinds that make pods, and where in them the pod is.
package enum WorkloadKind: Sendable, Hashable {
    case pod
    /// The path of the pod template.
    case template([String])

    package init?(_ object: KubeObject) {
        switch (object.groupVersionKind.group, object.kind) {
        case ("", "Pod"): self = .pod
        case ("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "DaemonSet"), ("apps", "ReplicaSet"),
            ("batch", "Job"):
            self = .template(["spec", "template"])
        case ("batch", "CronJob"): self = .template(["spec", "jobTemplate", "spec", "template"])
        default: return nil
        }
    }
}

extension WorkloadKind {
    /// The pod itself, or one as the workload's controller would make it: from the template, owned by the workload.
    ///
    /// - Throws: ``JSONError`` when the object has no template.
    package func pod(of object: KubeObject) throws(JSONError) -> JSONObject {
        guard case .template(let path) = self else { return object.json }
        guard var pod = Self.value(object.json, path[...]) else {
            throw JSONError(.unexpectedKind, "it has no \(path.joined(separator: "."))", offset: 0)
        }
        var owner = object
        if owner.metadata.uid == nil { owner.metadata.uid = "" }
        pod.mutateObject("metadata") { metadata in
            metadata["ownerReferences"] = [.object(OwnerReference(controller: owner).json)]
        }
        return pod
    }

    /// The object with a changed pod in the place of that of ``pod(of:)``.
    package func replacing(podOf object: KubeObject, by pod: JSONObject) -> KubeObject {
        guard case .template(let path) = self else { return KubeObject(pod) }
        let template = Self.value(object.json, path[...]) ?? [:]
        var changed = pod
        changed.mutateObject("metadata") { metadata in
            metadata.remove("ownerReferences")
            metadata["ownerReferences"] = template[object: "metadata"]?["ownerReferences"]
        }
        if template[object: "metadata"] == nil, changed[object: "metadata"]?.isEmpty == true {
            changed.remove("metadata")
        }
        return KubeObject(Self.replacing(object.json, path[...], changed))
    }

    private static func value(_ object: JSONObject, _ path: ArraySlice<String>) -> JSONObject? {
        guard let key = path.first else { return object }
        return object[object: key].flatMap { self.value($0, path.dropFirst()) }
    }

    private static func replacing(_ object: JSONObject, _ path: ArraySlice<String>, _ value: JSONObject) -> JSONObject {
        guard let key = path.first else { return value }
        var copy = object
        copy[object: key] = self.replacing(object[object: key] ?? [:], path.dropFirst(), value)
        return copy
    }
}
