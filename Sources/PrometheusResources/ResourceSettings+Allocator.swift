package import PrometheusConfig

extension ResourceSettings {
    /// What the allocator was told about resources.
    ///
    /// - Parameters:
    ///   - namespace: the allocator's own.
    ///   - kubeconfigFile: what the allocator itself connects with, when that is not the pod's account.
    package init(_ settings: AllocatorSettings, namespace: String, kubeconfigFile: String? = nil) {
        self.init(namespace: namespace)
        let resources = settings.prometheusCR
        let selections: [(PrometheusResourceKind, AllocatorSettings.Selection)] = [
            (.serviceMonitor, resources.serviceMonitors), (.podMonitor, resources.podMonitors),
            (.probe, resources.probes), (.scrapeConfig, resources.scrapeConfigs),
        ]
        for (kind, selection) in selections {
            self.selections[kind] = ResourceSelection(
                objects: selection.objects?.selector,
                namespaces: selection.namespaces.selector
            )
        }
        self.allowedNamespaces = resources.allowNamespaces
        self.deniedNamespaces = resources.denyNamespaces
        self.global = resources.global
        self.scrapeClasses = resources.scrapeClasses
        self.deniesFileAccess = resources.deniesFileAccess
        self.kubeconfigFile = kubeconfigFile
    }
}
