package import JSONTree
package import KubeModel

/// Which resources of one kind are taken.
package struct ResourceSelection: Sendable, Equatable {
    /// By their own labels; `nil` takes none.
    package var objects: LabelSelector?
    /// By the labels of their namespace.
    package var namespaces: LabelSelector

    package init(objects: LabelSelector? = nil, namespaces: LabelSelector = LabelSelector()) {
        self.objects = objects
        self.namespaces = namespaces
    }
}

/// What the allocator's configuration says about resources (`prometheus_cr`).
package struct ResourceSettings: Sendable, Equatable {
    /// A kind that is not there is not taken.
    package var selections: [PrometheusResourceKind: ResourceSelection] = [:]
    /// Where resources are taken from; empty is everywhere.
    package var allowedNamespaces: [String] = []
    package var deniedNamespaces: [String] = []
    /// The allocator's own namespace: Secrets and ConfigMaps of scrape classes are there.
    package var namespace: String
    /// `global` in Prometheus' form: `scrape_interval`, `scrape_protocols`, ...
    package var global: JSONObject = ["scrape_interval": "30s"]
    /// monitoring.coreos.com/v1 ScrapeClass.
    package var scrapeClasses: [JSONObject] = []
    /// Whether jobs that read files are dropped.
    package var deniesFileAccess = false
    /// What discovery of Kubernetes objects connects with, when that is not the pod's own account.
    package var kubeconfigFile: String?

    package init(namespace: String) { self.namespace = namespace }

    /// Whether resources of a namespace can be taken at all, whatever its labels are.
    package func watches(namespace: String) -> Bool {
        if !self.allowedNamespaces.isEmpty { return self.allowedNamespaces.contains(namespace) }
        return !self.deniedNamespaces.contains(namespace)
    }

    /// - Parameter namespaceLabels: `nil` for a namespace that is not known (yet): only a selector that takes every
    ///   namespace takes this one.
    package func selects(_ resource: PrometheusResource, namespaceLabels: [String: String]?) -> Bool {
        guard self.watches(namespace: resource.namespace), let selection = self.selections[resource.id.kind],
            let objects = selection.objects, objects.matches(resource.labels)
        else { return false }
        if selection.namespaces.isEmpty { return true }
        guard let namespaceLabels else { return false }
        return selection.namespaces.matches(namespaceLabels)
    }
}
