import JSONTree
package import KubeModel
package import TelemetryAPI

extension TargetAllocatorContext {
    /// cert-manager's objects for mutual TLS (specification section 3.14). None where that is not at hand: then the operator
    /// writes the Secrets that they would have led to itself.
    func certificates() -> [KubeObject?] {
        guard let mutualTLS = self.spec.mutualTLS, mutualTLS.isEnabled, mutualTLS.usesCertManager,
            self.facts.certManager
        else { return [] }
        let authority = ObjectName.authorityCertificate(self.name)
        return [
            self.issuer(ObjectName.selfSignedIssuer(self.name), ["selfSigned": [:]]),
            self.certificate(
                authority,
                issuer: ObjectName.selfSignedIssuer(self.name),
                [
                    "isCA": true, "commonName": .string(authority), "duration": "17280h", "renewBefore": "4344h",
                ]
            ),
            self.issuer(ObjectName.authorityIssuer(self.name), ["ca": ["secretName": .string(authority)]]),
            self.leaf(ObjectName.serverCertificate(self.name)),
            self.leaf(ObjectName.clientCertificate(self.name)),
        ]
    }

    private func leaf(_ name: String) -> KubeObject {
        self.certificate(
            name,
            issuer: ObjectName.authorityIssuer(self.name),
            [
                "duration": "2160h",
                "dnsNames": .strings(
                    MutualTLSSecrets.serverNames(allocator: self.name, namespace: self.resource.namespace)
                ),
                "usages": ["client auth", "server auth"],
            ]
        )
    }

    private func issuer(_ name: String, _ spec: JSONObject) -> KubeObject {
        var object = self.object(
            GroupVersionKind(group: "cert-manager.io", version: "v1", kind: "Issuer"),
            name,
            annotations: [:]
        )
        object.spec = spec
        return object
    }

    private func certificate(_ name: String, issuer: String, _ more: JSONObject) -> KubeObject {
        var object = self.object(
            GroupVersionKind(group: "cert-manager.io", version: "v1", kind: "Certificate"),
            name,
            annotations: [:]
        )
        var spec = more
        spec["subject"] = ["organizationalUnits": ["opentelemetry-operator"]]
        spec["secretName"] = .string(name)
        spec["issuerRef"] = ["kind": "Issuer", "name": .string(issuer)]
        object.spec = spec
        return object
    }
}

/// The Secrets of an allocator's mutual TLS, whoever writes them.
package enum MutualTLSSecrets {
    /// The authority's, which only the operator reads; what the allocator mounts; what its collectors mount.
    package static func names(of allocator: String) -> (authority: String, server: String, client: String) {
        (
            ObjectName.authorityCertificate(allocator), ObjectName.serverCertificate(allocator),
            ObjectName.clientCertificate(allocator)
        )
    }

    /// Under which the allocator is reached.
    package static func serverNames(allocator: String, namespace: String) -> [String] {
        let service = ObjectName.targetAllocator(allocator)
        return [service, "\(service).\(namespace).svc", "\(service).\(namespace).svc.cluster.local"]
    }

    /// Whether the operator is to issue them.
    package static func areOurs(_ resource: TargetAllocatorResource, _ facts: ClusterFacts) -> Bool {
        guard let mutualTLS = resource.spec.mutualTLS, resource.isManaged else { return false }
        return mutualTLS.isEnabled && mutualTLS.usesCertManager && !facts.certManager
    }

    /// One of the Secrets, without data.
    package static func secret(_ name: String, of resource: TargetAllocatorResource, _ settings: OperatorSettings)
        -> KubeObject
    {
        var object = KubeObject(
            GroupVersionKind(group: "", version: "v1", kind: "Secret"),
            namespace: resource.namespace,
            name: name
        )
        object.metadata.labels = ObjectLabels.labels(
            resource.metadata,
            name: name,
            image: "",
            component: .targetAllocator,
            filter: settings.labelFilter
        )
        object.setController(TargetAllocatorResource.groupVersionKind, resource.metadata)
        return object
    }
}
