import JSONTree
package import KubeModel

/// A webhook configuration that another installation of the operator registered under a name of its own, as the Go
/// operator's Helm chart does (`<fullname>-mutation`).
package struct PredecessorWebhooks: Sendable, Hashable {
    package var configuration: ObjectReference
    /// Behind which the other operator answers.
    package var service: ObjectKey
    /// What can't be written while it does not answer, sorted; empty when all its webhooks are ignored then.
    package var refused: [String]

    /// The Go operator's webhooks by their names, with the path that each has (operations.md section 4).
    static let paths: [String: String] = [
        "minstrumentation.kb.io": "/mutate-opentelemetry-io-v1alpha1-instrumentation",
        "mopampbridge.kb.io": "/mutate-opentelemetry-io-v1alpha1-opampbridge",
        "mopentelemetrycollectorbeta.kb.io": "/mutate-opentelemetry-io-v1beta1-opentelemetrycollector",
        "mpod.kb.io": "/mutate-v1-pod",
        "mtargetallocatorbeta.kb.io": "/mutate-opentelemetry-io-v1beta1-targetallocator",
        "vinstrumentationcreateupdate.kb.io": "/validate-opentelemetry-io-v1alpha1-instrumentation",
        "vinstrumentationdelete.kb.io": "/validate-opentelemetry-io-v1alpha1-instrumentation",
        "vopampbridgecreateupdate.kb.io": "/validate-opentelemetry-io-v1alpha1-opampbridge",
        "vopampbridgedelete.kb.io": "/validate-opentelemetry-io-v1alpha1-opampbridge",
        "vopentelemetrycollectorcreateupdatebeta.kb.io": "/validate-opentelemetry-io-v1beta1-opentelemetrycollector",
        "vopentelemetrycollectordeletebeta.kb.io": "/validate-opentelemetry-io-v1beta1-opentelemetrycollector",
        "vtargetallocatorcreateupdatebeta.kb.io": "/validate-opentelemetry-io-v1beta1-targetallocator",
        "vtargetallocatordeletebeta.kb.io": "/validate-opentelemetry-io-v1beta1-targetallocator",
    ]

    /// `nil` for anything else: an entry with another name or path, or at another Service than the rest, makes it somebody's
    /// own; so does our name, as that is kept right by us.
    ///
    /// - Parameter own: our webhook Service; `nil` when the API server reaches us elsewhere.
    package init?(_ object: KubeObject, own: ObjectKey?) {
        guard ![WebhookRegistration.mutatingName, WebhookRegistration.validatingName].contains(object.name),
            let entries = object.json[array: "webhooks"], !entries.isEmpty
        else { return nil }
        var services: Set<ObjectKey> = []
        var refused: Set<String> = []
        for entry in entries {
            guard let name = entry["name"]?.string, let path = Self.paths[name],
                let service = entry["clientConfig"]?["service"], service["path"]?.string == path,
                let namespace = service["namespace"]?.string, let serviceName = service["name"]?.string
            else { return nil }
            services.insert(ObjectKey(namespace: namespace, name: serviceName))
            // The default of this field is Fail, and the server writes it out.
            guard entry["failurePolicy"]?.string ?? "Fail" == "Fail" else { continue }
            for rule in entry["rules"]?.array ?? [] {
                refused.formUnion(rule["resources"]?.array?.compactMap(\.string) ?? [])
            }
        }
        guard services.count == 1, let service = services.first, service != own else { return nil }
        self.configuration = object.reference
        self.service = service
        self.refused = refused.sorted()
    }

    /// The namespaces of the Services that a configuration points at.
    package static func serviceNamespaces(of configuration: KubeObject) -> Set<String> {
        Set(
            (configuration.json[array: "webhooks"] ?? []).compactMap {
                $0["clientConfig"]?["service"]?["namespace"]?.string
            }
        )
    }

    /// What to tell when nobody answers behind ``service``.
    package var leftBehind: String {
        let kind = self.configuration.groupVersionKind.kind
        let effect =
            self.refused.isEmpty
            ? "its webhooks are ignored" : "the API server refuses to write \(self.refused.joined(separator: ", "))"
        return
            "\(kind) \(self.configuration.key.name) is left of an operator behind the Service \(self.service), which has no ready pod: \(effect). If that operator is gone for good: kubectl delete \(kind.lowercased()) \(self.configuration.key.name)"
    }
}

/// Another installation of the operator: a Deployment that carries its label.
package struct PredecessorDeployment: Sendable, Hashable {
    package var reference: ObjectReference
    /// The namespaces it watches; empty for all.
    package var watchedNamespaces: [String]
    /// Whether it has pods.
    package var isRunning: Bool

    package static let selector = "app.kubernetes.io/name=opentelemetry-operator"

    package init(_ object: KubeObject) {
        self.reference = object.reference
        self.isRunning = object.json["status"]?["replicas"]?.int ?? 0 > 0
        var watched: [String] = []
        for container in object.spec?["template"]?["spec"]?["containers"]?.array ?? [] {
            for variable in container["env"]?.array ?? [] where variable["name"]?.string == "WATCH_NAMESPACE" {
                let isOwn = variable["valueFrom"]?["fieldRef"]?["fieldPath"]?.string == "metadata.namespace"
                watched = isOwn ? [object.namespace] : Self.list(variable["value"]?.string ?? "")
            }
            // A flag wins over a variable.
            let arguments = container["args"]?.array?.compactMap(\.string) ?? []
            for (place, argument) in arguments.enumerated() {
                if argument.hasPrefix("--watch-namespace=") {
                    watched = Self.list(argument.dropFirst("--watch-namespace=".count))
                } else if argument == "--watch-namespace", place + 1 < arguments.count {
                    watched = Self.list(arguments[place + 1])
                }
            }
        }
        self.watchedNamespaces = watched
    }

    private static func list(_ text: some StringProtocol) -> [String] {
        text.split(separator: ",").map { String($0.filter { !$0.isWhitespace }) }.filter { !$0.isEmpty }
    }

    /// Whether it cares for a namespace that we watch, too.
    ///
    /// - Parameter own: the namespaces we watch; empty for all.
    package func meets(_ own: [String]) -> Bool {
        own.isEmpty || self.watchedNamespaces.isEmpty || !Set(own).isDisjoint(with: self.watchedNamespaces)
    }

    /// The namespaces where another operator may lead that does what we are about to do, sorted.
    ///
    /// - Parameters:
    ///   - deployments: all that could be found.
    ///   - webhooks: all that could be found; they tell of an operator whose Deployment is gone or has another label.
    ///   - own: our own namespace, where the one Lease decides between us and any other; `nil` when we hold none.
    ///   - watched: the namespaces we watch; empty for all.
    package static func rivals(
        _ deployments: [PredecessorDeployment],
        _ webhooks: [PredecessorWebhooks],
        own: String?,
        watched: [String]
    ) -> [String] {
        let known = Set(deployments.map(\.reference.key.namespace))
        var namespaces = Set(deployments.filter { $0.meets(watched) }.map(\.reference.key.namespace))
        namespaces.formUnion(webhooks.map(\.service.namespace).filter { !known.contains($0) })
        if let own { namespaces.remove(own) }
        return namespaces.sorted()
    }
}
