import JSONTree
import KubeModel
import TelemetryAPI

extension KubeObject {
    /// Keeps labels and annotations of a live workload that the operator set before and no longer sets: a workload never
    /// loses what came from its resource (specification section 7.3; users rely on it since a change of the template
    /// would restart their pods). The scrape annotations go when they were the operator's own.
    mutating func keepAppliedMetadata(of existing: OwnedObject) {
        guard existing.fixed != nil else { return }
        var applied = existing.applied
        // It says what the live claims were made of, not what is wanted.
        applied.annotations[ObjectAnnotations.claimsHash] = nil
        self.metadata.keep(applied)
        guard var spec = self.spec else { return }
        spec.mutateObject("template") { template in
            var metadata = ObjectMeta(template[object: "metadata"] ?? [:])
            var applied = existing.appliedToTemplate
            if applied.annotations[ObjectAnnotations.prometheusMarker] != nil {
                for key in ObjectAnnotations.prometheus.keys { applied.annotations[key] = nil }
                applied.annotations[ObjectAnnotations.prometheusMarker] = nil
            }
            // The Go operator can't read the version of `host:5000/img:tag`. Reading it now would restart every such
            // pod that was taken over from it.
            if applied.labels[ObjectLabels.version] == "", Self.hasRegistryPortAndTag(template) {
                metadata.labels[ObjectLabels.version] = ""
            }
            metadata.keep(applied)
            template[object: "metadata"] = metadata.json
        }
        self.spec = spec
    }

    /// Leaves the number of pods to whoever else decides it, and says so; `nil` when nobody does.
    mutating func leaveReplicas(to existing: OwnedObject) -> String? {
        guard let manager = existing.replicasManager, self.spec?["replicas"] != nil else { return nil }
        self.spec?["replicas"] = nil
        return
            "spec.replicas has no effect: \(manager) scales the \(self.kind) \"\(self.name)\"; a kubectl scale of it gives the number back to the operator"
    }

    private static func hasRegistryPortAndTag(_ template: JSONObject) -> Bool {
        let image = template["spec"]?["containers"]?[0]?["image"]?.string ?? ""
        return image.utf8.filter { $0 == UInt8(ascii: ":") }.count == 2 && !image.contains("@sha256")
    }

    /// Which field of a live workload differs although the API server does not let it change.
    func fixedFieldChange(from existing: OwnedObject) -> String? {
        guard let fixed = existing.fixed, let spec = self.spec else { return nil }
        let selector = spec[object: "selector"] ?? [:]
        if !fixed.selector.isEmpty, selector != fixed.selector { return "spec.selector" }
        let labels = spec[object: "template"]?[object: "metadata"]?[stringMap: "labels"] ?? [:]
        for (key, value) in fixed.selector[stringMap: "matchLabels"] ?? [:] where labels[key] != value {
            return "spec.template.metadata.labels"
        }
        guard self.kind == "StatefulSet" else { return nil }
        if spec[string: "serviceName"] ?? "" != fixed.serviceName ?? "" { return "spec.serviceName" }
        if let policy = fixed.podManagementPolicy, spec[string: "podManagementPolicy"] ?? policy != policy {
            return "spec.podManagementPolicy"
        }
        let claims = spec[array: "volumeClaimTemplates"] ?? []
        guard claims.count == fixed.volumeClaimTemplates.count,
            self.hasAppliedClaims(claims, fixed)
                || zip(claims, fixed.volumeClaimTemplates).allSatisfy(Self.isSameClaim)
        else { return "spec.volumeClaimTemplates" }
        return nil
    }

    /// Made of the same claims: what is there beyond them was added by the server or its webhooks, which would add it to a
    /// new object as well.
    private func hasAppliedClaims(_ wanted: [JSONValue], _ live: OwnedObject.FixedFields) -> Bool {
        guard let hash = live.claimsHash, hash == self.metadata.annotations[ObjectAnnotations.claimsHash] else {
            return false
        }
        return LiveComparison.holds(["claims": .array(wanted)], in: ["claims": .array(live.volumeClaimTemplates)])
    }

    /// Name, labels, annotations and spec are the same; a volume mode that was not asked for may have been defaulted.
    private static func isSameClaim(_ desired: JSONValue, _ live: JSONValue) -> Bool {
        let (left, right) = (
            ObjectMeta(desired["metadata"]?.object ?? [:]), ObjectMeta(live["metadata"]?.object ?? [:])
        )
        guard left.name == right.name, left.labels == right.labels, left.annotations == right.annotations else {
            return false
        }
        var wanted = desired["spec"]?.object ?? [:]
        let given = live["spec"]?.object ?? [:]
        if wanted["volumeMode"] == nil { wanted["volumeMode"] = given["volumeMode"] }
        return wanted.withCanonicalQuantities == given.withCanonicalQuantities
    }
}

extension ObjectMeta {
    fileprivate mutating func keep(_ applied: OwnedObject.AppliedMetadata) {
        self.labels.merge(applied.labels) { own, _ in own }
        self.annotations.merge(applied.annotations) { own, _ in own }
    }
}

extension JSONObject {
    /// A claim's spec whose storage quantities can be compared: `1024Mi` is `1Gi`; empty members say nothing.
    fileprivate var withCanonicalQuantities: JSONObject {
        var copy = JSONObject(self.filter { !$0.value.isDeeplyEmpty }.map { ($0.key, $0.value) })
        guard let resources = copy[object: "resources"] else { return copy }
        copy[object: "resources"] = JSONObject(
            resources.map { name, value in
                guard let amounts = value.object else { return (name, value) }
                return (
                    name,
                    .object(
                        JSONObject(
                            amounts.map { key, amount in
                                guard let quantity = Quantity(amount) else { return (key, amount) }
                                return (key, .string(String(quantity.nanos)))
                            }
                        )
                    )
                )
            }
        )
        return copy
    }
}
