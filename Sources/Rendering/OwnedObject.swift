package import JSONTree
package import KubeModel

/// An object that belongs to a resource, as the cluster has it: what a plan has to know of it, and no more.
package struct OwnedObject: Sendable, Hashable {
    package var reference: ObjectReference
    /// RFC 3339, as the server wrote it.
    package var creationTimestamp: String
    package var resourceVersion: String
    package var isDeleting: Bool
    /// Labels and annotations that this operator (or the one before it) has set, of the object and of its pod template.
    package var applied: AppliedMetadata
    package var appliedToTemplate: AppliedMetadata
    /// What can't change in the life of a workload; nil for other kinds.
    package var fixed: FixedFields?
    /// The annotation by which cluster-scoped objects name their collector.
    package var collector: String?
    /// Who else decides how many pods a workload has: an autoscaler, or whoever applied that number.
    package var replicasManager: String?

    package struct AppliedMetadata: Sendable, Hashable {
        package var labels: [String: String]
        package var annotations: [String: String]

        package init(labels: [String: String] = [:], annotations: [String: String] = [:]) {
            self.labels = labels
            self.annotations = annotations
        }
    }

    /// The parts of a workload's spec that the API server refuses to change.
    package struct FixedFields: Sendable, Hashable {
        package var selector: JSONObject
        package var serviceName: String?
        package var podManagementPolicy: String?
        package var volumeClaimTemplates: [JSONValue]
        /// Of the claims it was made with, as they were wanted: the annotation of that name.
        package var claimsHash: String?

        package init(
            selector: JSONObject,
            serviceName: String? = nil,
            podManagementPolicy: String? = nil,
            volumeClaimTemplates: [JSONValue] = [],
            claimsHash: String? = nil
        ) {
            self.selector = selector
            self.serviceName = serviceName
            self.podManagementPolicy = podManagementPolicy
            self.volumeClaimTemplates = volumeClaimTemplates
            self.claimsHash = claimsHash
        }
    }

    package init(
        _ reference: ObjectReference,
        creationTimestamp: String = "",
        resourceVersion: String = "",
        isDeleting: Bool = false,
        applied: AppliedMetadata = AppliedMetadata(),
        appliedToTemplate: AppliedMetadata = AppliedMetadata(),
        fixed: FixedFields? = nil,
        collector: String? = nil
    ) {
        self.reference = reference
        self.creationTimestamp = creationTimestamp
        self.resourceVersion = resourceVersion
        self.isDeleting = isDeleting
        self.applied = applied
        self.appliedToTemplate = appliedToTemplate
        self.fixed = fixed
        self.collector = collector
    }

    /// Takes from a live object what a plan needs.
    /// - Parameter fieldManagers: whose labels and annotations count as applied by us: our own, and that of the operator
    ///   we took over from (`manager`).
    package init(_ object: KubeObject, fieldManagers: Set<String>) {
        let metadata = object.metadata
        self.init(
            object.reference,
            creationTimestamp: metadata.creationTimestamp ?? "",
            resourceVersion: metadata.resourceVersion ?? "",
            isDeleting: metadata.isDeleting,
            collector: metadata.annotations[ObjectAnnotations.collector]
        )
        guard ["Deployment", "DaemonSet", "StatefulSet"].contains(object.kind), let spec = object.spec else { return }
        let template = ObjectMeta(spec[object: "template"]?[object: "metadata"] ?? [:])
        for entry in metadata.json[array: "managedFields"] ?? [] {
            guard let manager = entry["manager"]?.string, let fields = entry["fieldsV1"] else { continue }
            guard fieldManagers.contains(manager) else {
                if Self.scales(entry, manager) { self.replicasManager = manager }
                continue
            }
            self.applied.add(metadata, fields["f:metadata"])
            self.appliedToTemplate.add(template, fields["f:spec"]?["f:template"]?["f:metadata"])
        }
        self.fixed = FixedFields(
            selector: spec[object: "selector"] ?? [:],
            serviceName: spec[string: "serviceName"],
            podManagementPolicy: spec[string: "podManagementPolicy"],
            volumeClaimTemplates: spec[array: "volumeClaimTemplates"] ?? [],
            claimsHash: metadata.annotations[ObjectAnnotations.claimsHash]
        )
    }

    /// Whether managed fields of another say that the number of pods is theirs to decide: an autoscaler has scaled the
    /// workload, or somebody has applied that number. A `kubectl scale` or an edit is drift, and is undone.
    private static func scales(_ entry: JSONValue, _ manager: String) -> Bool {
        guard entry["fieldsV1"]?["f:spec"]?["f:replicas"] != nil else { return false }
        if entry["operation"]?.string == "Apply" { return true }
        // Servers before 1.22 don't name the subresource.
        if manager == "kube-controller-manager" { return true }
        return entry["subresource"]?.string == "scale" && !manager.hasPrefix("kubectl")
    }
}

extension OwnedObject.AppliedMetadata {
    /// The labels and annotations that a set of managed fields names.
    fileprivate mutating func add(_ metadata: ObjectMeta, _ fields: JSONValue?) {
        self.labels.merge(Self.chosen(metadata.labels, fields?["f:labels"])) { $1 }
        self.annotations.merge(Self.chosen(metadata.annotations, fields?["f:annotations"])) { $1 }
    }

    private static func chosen(_ map: [String: String], _ fields: JSONValue?) -> [String: String] {
        guard let names = fields?.object else { return [:] }
        return map.filter { names.contains("f:\($0.key)") }
    }
}
