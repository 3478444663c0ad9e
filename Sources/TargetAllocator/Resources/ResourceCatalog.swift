import KubeModel
import PrometheusResources

extension APIResource {
    static let namespaces = APIResource(
        group: "",
        version: "v1",
        plural: "namespaces",
        kind: "Namespace",
        isNamespaced: false
    )
    static let secrets = APIResource(group: "", version: "v1", plural: "secrets", kind: "Secret")
    static let configMaps = APIResource(group: "", version: "v1", plural: "configmaps", kind: "ConfigMap")
}

extension PrometheusResourceKind {
    var resource: APIResource {
        let kind = self.groupVersionKind
        return APIResource(
            group: kind.group,
            version: kind.version,
            plural: kind.kind.lowercased() + "s",
            kind: kind.kind
        )
    }
}
