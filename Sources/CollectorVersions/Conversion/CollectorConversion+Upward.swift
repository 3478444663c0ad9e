import JSONTree

extension CollectorConversion {
    /// v1alpha1 to v1beta1.
    static func upward(_ old: JSONObject) -> JSONObject {
        var new = old
        new["apiVersion"] = .string(Version.v1beta1.apiVersion)
        var text: String?
        if let spec = old[object: "spec"] {
            let raised = self.raised(spec)
            new["spec"] = .object(raised.spec)
            text = raised.unreadable
        }
        if let status = old[object: "status"] { new["status"] = .object(self.raised(status: status)) }
        if let kept = old["metadata"]?["annotations"]?[self.keptAnnotation]?.string.flatMap(KeptFields.init(json:)) {
            kept.restore(into: &new)
            self.annotate(&new, self.keptAnnotation, nil)
        }
        if let text, text.utf8.count <= self.keptTextLimit {
            self.annotate(&new, self.textAnnotation, text)
        } else {
            self.annotate(&new, self.textAnnotation, nil)
        }
        return new
    }

    /// A v1alpha1 spec in the words of v1beta1, and the text of its configuration where that is none.
    static func raised(_ old: JSONObject) -> (spec: JSONObject, unreadable: String?) {
        var spec = old
        var unreadable: String?
        switch old["config"] {
        case .string(let text):
            switch OldConfiguration(text) {
            case .read(let config): spec["config"] = .object(config)
            case .empty: spec["config"] = .object(OldConfiguration.nothing)
            case .unreadable:
                spec["config"] = .object(OldConfiguration.nothing)
                unreadable = text
            }
        case nil, .null: spec["config"] = .object(OldConfiguration.nothing)
        // Not what the schema of v1alpha1 allows; perhaps somebody's v1beta1 with the wrong version on it.
        default: break
        }
        self.raiseAutoscaler(&spec)
        spec.rename("updateStrategy", to: "daemonSetUpdateStrategy")
        spec.mutateIfObject("observability") { self.raiseObservability(&$0) }
        spec.mutateIfObject("targetAllocator") { allocator in
            allocator.mutateIfObject("observability") { self.raiseObservability(&$0) }
            let strategies = ["least-weighted", "consistent-hashing", "per-node"]
            if let strategy = allocator[string: "allocationStrategy"], !strategies.contains(strategy) {
                // The default, as `""` is none of the values that v1beta1 takes.
                allocator.remove("allocationStrategy")
            }
            if let filter = allocator[string: "filterStrategy"], filter != "relabel-config" {
                allocator["filterStrategy"] = ""
            }
            allocator.mutateIfObject("prometheusCR") { source in
                for name in ["podMonitorSelector", "serviceMonitorSelector"] {
                    switch source[name] {
                    case .object(let labels): source[name] = labels.isEmpty ? [:] : ["matchLabels": .object(labels)]
                    // Selects all, where no selector at all would select nothing.
                    case nil, .null: source[name] = [:]
                    default: break
                    }
                }
            }
        }
        return (spec, unreadable)
    }

    /// The old bounds fill only what the autoscaler leaves open.
    private static func raiseAutoscaler(_ spec: inout JSONObject) {
        let bounds = ["minReplicas", "maxReplicas"].compactMap { name in spec.remove(name).map { (name, $0) } }
        for (name, value) in bounds where !value.isNull {
            if let present = spec["autoscaler"], !present.isNull, present.object == nil { continue }
            spec.mutateObject("autoscaler") { autoscaler in
                if autoscaler[name]?.isNull ?? true { autoscaler[name] = value }
            }
        }
    }

    private static func raiseObservability(_ observability: inout JSONObject) {
        observability.mutateIfObject("metrics") {
            $0.rename("DisablePrometheusAnnotations", to: "disablePrometheusAnnotations")
        }
    }

    static func raised(status old: JSONObject) -> JSONObject {
        var status = old
        // Deprecated long ago: events took their place, and `scale` the other's.
        status.remove("messages")
        status.remove("replicas")
        return status
    }
}

extension JSONObject {
    /// Gives a member another name, in its place; the new name's own member wins.
    mutating func rename(_ old: String, to new: String) {
        guard let place = self.position(of: old), let value = self.remove(old), self[new] == nil else { return }
        self.insert(new, value, at: place)
    }

    /// Changes a member that is an object; any other is left alone.
    mutating func mutateIfObject(_ key: String, _ body: (inout JSONObject) -> Void) {
        guard self[key]?.object != nil else { return }
        self.mutateObject(key, body)
    }
}
