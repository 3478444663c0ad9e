package import JSONTree
package import KubeModel

/// What the operator's two webhook configurations depend on.
package struct WebhookRegistration: Sendable, Hashable {
    /// How the API server reaches the webhooks.
    package enum Endpoint: Sendable, Hashable {
        /// Through a Service of the cluster.
        case service(namespace: String, name: String, port: Int)
        /// At a fixed address, `https://host:port` without a path: the operator runs outside the cluster.
        case url(String)
    }

    package var endpoint: Endpoint
    /// Base64 of the PEM certificates that the API server shall trust, as `caBundle` holds it.
    package var caBundle: String
    /// Which pods come.
    package var pods: PodSelection

    package var policy: WebhookPolicy

    package init(endpoint: Endpoint, caBundle: String, pods: PodSelection, policy: WebhookPolicy = WebhookPolicy()) {
        self.endpoint = endpoint
        self.caBundle = caBundle
        self.pods = pods
        self.policy = policy
    }

    package static let podWebhookName = "mpod.kb.io"

    package static let mutatingName = "opentelemetry-operator-mutating-webhook-configuration"
    package static let validatingName = "opentelemetry-operator-validating-webhook-configuration"
    package static let labels: JSONObject = ["app.kubernetes.io/name": "opentelemetry-operator"]
}

/// The paths at which the webhooks are served; the API server and the server must agree on them.
package enum WebhookPath {
    package static let mutatePod = "/mutate-v1-pod"
    package static let mutateCollector = "/mutate-opentelemetry-io-v1beta1-opentelemetrycollector"
    package static let validateCollector = "/validate-opentelemetry-io-v1beta1-opentelemetrycollector"
    /// Conversion of collectors between their API versions.
    package static let convert = "/convert"
    package static let mutateInstrumentation = "/mutate-opentelemetry-io-v1alpha1-instrumentation"
    package static let validateTargetAllocator = "/validate-opentelemetry-io-v1alpha1-targetallocator"
    package static let validateInstrumentation = "/validate-opentelemetry-io-v1alpha1-instrumentation"
}

/// One webhook of a configuration (operations.md section 4).
private struct Webhook {
    var name: String
    var path: String
    var group: String
    var version: String
    var resource: String
    var operations: [String]
    var failurePolicy: String

    func render(_ registration: WebhookRegistration, extra: JSONObject = [:]) -> JSONValue {
        var webhook: JSONObject = [
            "name": .string(self.name),
            "admissionReviewVersions": ["v1"],
            "clientConfig": .object(registration.clientConfig(path: self.path)),
            "failurePolicy": .string(self.failurePolicy),
            "matchPolicy": "Equivalent",
            // Said, so that what somebody else narrows them to is taken back.
            "namespaceSelector": .object(registration.policy.namespaceSelector),
            "objectSelector": .object(registration.policy.objectSelector),
            "rules": [
                [
                    "apiGroups": [.string(self.group)],
                    "apiVersions": [.string(self.version)],
                    "operations": .strings(self.operations),
                    "resources": [.string(self.resource)],
                    "scope": "*",
                ]
            ],
            "sideEffects": "None",
            "timeoutSeconds": .int(registration.policy.timeoutSeconds),
        ]
        for (key, value) in extra { webhook[key] = value }
        return .object(webhook)
    }
}

extension WebhookRegistration {
    /// How the API server reaches a path of ours, and whom it trusts there.
    fileprivate func clientConfig(path: String) -> JSONObject {
        var config: JSONObject = ["caBundle": .string(self.caBundle)]
        switch self.endpoint {
        case .service(let namespace, let name, let port):
            config["service"] = [
                "namespace": .string(namespace), "name": .string(name), "path": .string(path), "port": .int(port),
            ]
        case .url(let base):
            config["url"] = .string(base + path)
        }
        return config
    }

    /// `spec.conversion` of the collectors' CustomResourceDefinition.
    package func conversion() -> JSONObject {
        [
            "strategy": "Webhook",
            "webhook": [
                "clientConfig": .object(self.clientConfig(path: WebhookPath.convert)),
                "conversionReviewVersions": ["v1", "v1beta1"],
            ],
        ]
    }

    /// ``conversion()`` while no operator outside the cluster runs: the address that the definition is shipped with.
    package func conversionAtRest() -> JSONObject {
        var resting = self
        resting.endpoint = .service(
            namespace: "opentelemetry-operator-system",
            name: "opentelemetry-operator-webhook-service",
            port: 443
        )
        return resting.conversion()
    }

    /// `MutatingWebhookConfiguration`: defaulting of our resources, injection into pods.
    package func mutatingConfiguration() -> KubeObject {
        let instrumentation = Webhook(
            name: "minstrumentation.kb.io",
            path: WebhookPath.mutateInstrumentation,
            group: "opentelemetry.io",
            version: "v1alpha1",
            resource: "instrumentations",
            operations: ["CREATE", "UPDATE"],
            failurePolicy: self.policy.failurePolicy
        )
        let collector = Webhook(
            name: "mopentelemetrycollectorbeta.kb.io",
            path: WebhookPath.mutateCollector,
            group: "opentelemetry.io",
            version: "v1beta1",
            resource: "opentelemetrycollectors",
            operations: ["CREATE", "UPDATE"],
            failurePolicy: self.policy.failurePolicy
        )
        let pod = Webhook(
            name: Self.podWebhookName,
            path: WebhookPath.mutatePod,
            group: "",
            version: "v1",
            resource: "pods",
            operations: ["CREATE"],
            failurePolicy: self.policy.podFailurePolicy
        )
        // Other webhooks may add containers after us; then we are asked again, and answer the same pod unchanged.
        var podExtra: JSONObject = ["reinvocationPolicy": "IfNeeded"]
        podExtra["namespaceSelector"] = .object(
            WebhookPolicy.both(self.policy.namespaceSelector, self.pods.namespaceSelector)
        )
        if let conditions = self.pods.matchConditions { podExtra["matchConditions"] = conditions }
        return Self.configuration(
            kind: "MutatingWebhookConfiguration",
            name: Self.mutatingName,
            webhooks: [
                instrumentation.render(self, extra: ["reinvocationPolicy": "Never"]),
                collector.render(self, extra: ["reinvocationPolicy": "Never"]),
                pod.render(self, extra: podExtra),
            ]
        )
    }

    /// `ValidatingWebhookConfiguration`: creation and update of our resources fail closed, deletion never waits for us.
    package func validatingConfiguration() -> KubeObject {
        func pair(_ name: String, _ suffix: String, _ path: String, _ version: String, _ resource: String)
            -> [JSONValue]
        {
            [("createupdate", ["CREATE", "UPDATE"], self.policy.failurePolicy), ("delete", ["DELETE"], "Ignore")].map {
                Webhook(
                    name: "v\(name)\($0.0)\(suffix).kb.io",
                    path: path,
                    group: "opentelemetry.io",
                    version: version,
                    resource: resource,
                    operations: $0.1,
                    failurePolicy: $0.2
                ).render(self)
            }
        }
        return Self.configuration(
            kind: "ValidatingWebhookConfiguration",
            name: Self.validatingName,
            webhooks: pair(
                "instrumentation",
                "",
                WebhookPath.validateInstrumentation,
                "v1alpha1",
                "instrumentations"
            )
                + pair(
                    "opentelemetrycollector",
                    "beta",
                    WebhookPath.validateCollector,
                    "v1beta1",
                    "opentelemetrycollectors"
                )
                + pair(
                    "targetallocator",
                    "",
                    WebhookPath.validateTargetAllocator,
                    "v1alpha1",
                    "targetallocators"
                )
        )
    }

    private static func configuration(kind: String, name: String, webhooks: [JSONValue]) -> KubeObject {
        var object = KubeObject(
            GroupVersionKind(group: "admissionregistration.k8s.io", version: "v1", kind: kind),
            name: name
        )
        object.metadata.json["labels"] = .object(Self.labels)
        object.json["webhooks"] = .array(webhooks)
        return object
    }
}
