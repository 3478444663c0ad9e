package import JSONTree

/// Turns a collector of one version into the same collector of the other (specification section 1.5).
///
/// Total: whatever an object holds, there is a result. What the other version can't say is kept in an annotation, so that
/// a collector that is read, edited and written in v1alpha1 loses nothing, which it did with the Go operator.
///
/// ```swift
/// let stored = CollectorConversion.convert(object, to: .v1beta1)
/// if let finding = CollectorConversion.finding(in: stored) { ... }
/// ```
package enum CollectorConversion {
    /// On a v1alpha1 object: what only v1beta1 can say, as compact JSON.
    package static let newFieldsAnnotation = "operator.opentelemetry.io/v1beta1-fields"
    /// On a v1beta1 object: what only v1alpha1 can say, as compact JSON.
    package static let oldFieldsAnnotation = "operator.opentelemetry.io/v1alpha1-fields"

    /// The collector in the wanted version; an object that is no collector, or has this version already, is unchanged.
    ///
    /// Of `metadata` only the two annotations above ever change.
    package static func convert(_ object: JSONObject, to version: CollectorVersion) -> JSONObject {
        switch (CollectorVersion(of: object), version) {
        case (.v1alpha1, .v1beta1): self.upward(object)
        case (.v1beta1, .v1alpha1): self.downward(object)
        default: object
        }
    }

    /// Why a v1beta1 collector has an empty configuration although its author wrote one in v1alpha1; `nil` if there is
    /// nothing to tell, also once `spec.config` was written anew.
    ///
    /// For the validating webhook, the status and people: one sentence that names the place.
    package static func finding(in object: JSONObject) -> String? {
        guard CollectorVersion(of: object) == .v1beta1,
            let left = KeptFields.read(self.oldFieldsAnnotation, of: object),
            let config = object[object: "spec"]?[object: "config"], ConfigText.isPlaceholder(config)
        else { return nil }
        if let value = left["config"], case .failure(let problem) = ConfigText.read(value) { return problem.message }
        return left[string: "reason"]
    }

    private static func upward(_ object: JSONObject) -> JSONObject {
        var object = object
        object["apiVersion"] = .string(CollectorVersion.v1beta1.apiVersion)
        let kept = KeptFields.read(self.newFieldsAnnotation, of: object) ?? [:]
        KeptFields.write(nil, to: self.newFieldsAnnotation, of: &object)
        var left: JSONObject = [:]
        switch object["spec"] {
        // v1beta1 requires a config: without one the operator could not even write the status.
        case nil, .null: object["spec"] = .object(SpecConversion.upward([:], kept: kept, left: &left))
        case .object(let spec): object["spec"] = .object(SpecConversion.upward(spec, kept: kept, left: &left))
        default: break
        }
        object.changeObject("status") { status in
            left.keep("status", status.take(["messages", "replicas"]))
            status.add(kept[object: "status"])
        }
        KeptFields.write(left, to: self.oldFieldsAnnotation, of: &object)
        return object
    }

    private static func downward(_ object: JSONObject) -> JSONObject {
        var object = object
        object["apiVersion"] = .string(CollectorVersion.v1alpha1.apiVersion)
        let left = KeptFields.read(self.oldFieldsAnnotation, of: object) ?? [:]
        KeptFields.write(nil, to: self.oldFieldsAnnotation, of: &object)
        var kept: JSONObject = [:]
        if let spec = object[object: "spec"] {
            object["spec"] = .object(SpecConversion.downward(spec, left: left, kept: &kept))
        }
        object.changeObject("status") { status in
            kept.keep("status", status.take(["conditions", "observedGeneration"]))
            var old = left[object: "status"] ?? [:]
            // An old count is no news: it only comes back while it is true.
            if let current = status[object: "scale"]?["replicas"], current != old["replicas"] { old.remove("replicas") }
            status.add(old)
        }
        KeptFields.write(kept, to: self.newFieldsAnnotation, of: &object)
        return object
    }
}
