package import CollectorConfig
import CollectorVersions
import JSONTree
package import KubeModel
package import TelemetryAPI

/// A collector made ready for rendering: what several objects need is worked out once.
package struct CollectorContext: Sendable {
    package let collector: Collector
    package let spec: CollectorSpec
    package let mode: CollectorMode
    package let settings: OperatorSettings
    package let facts: ClusterFacts
    /// `spec.config` as stored.
    package let configuration: CollectorConfiguration
    /// What goes into the ConfigMap, before a target allocator changes it: with the settings of a TLS profile, if any.
    let deployedConfiguration: CollectorConfiguration
    /// SHA-256 of the stored configuration, in hex: the pod annotation.
    let configHash: String
    let configMapName: String
    /// The allocator this collector asks, its own or the one its label names.
    let targetAllocator: TargetAllocatorFacts?
    let namespaceAnnotations: [String: String]
    let leavesReplicas: Bool
    /// Ports of enabled components, or why there are none to be had.
    private let derivedPorts: [ComponentKind: Result<[DerivedPort], ConfigurationError>]

    /// Throws for an unknown mode, a configuration of the wrong shape, and a missing TargetAllocator.
    package init(_ inputs: CollectorInputs) throws(PlanError) {
        try self.init(
            inputs.collector,
            settings: inputs.settings,
            facts: inputs.facts,
            namespaceAnnotations: inputs.namespaceAnnotations,
            leavesReplicas: inputs.leavesReplicas,
            targetAllocator: try Self.targetAllocator(of: inputs)
        )
    }

    init(
        _ collector: Collector,
        settings: OperatorSettings,
        facts: ClusterFacts,
        namespaceAnnotations: [String: String] = [:],
        leavesReplicas: Bool = false,
        targetAllocator: TargetAllocatorFacts? = nil
    ) throws(PlanError) {
        self.collector = collector
        self.spec = collector.spec
        self.settings = settings
        self.facts = facts
        self.namespaceAnnotations = namespaceAnnotations
        self.leavesReplicas = leavesReplicas
        self.targetAllocator = targetAllocator
        guard let mode = collector.mode else {
            throw PlanError(
                .unknownMode,
                path: "spec.mode",
                "unknown mode \"\(collector.spec.modeText ?? "")\"; it must be one of daemonset, deployment, sidecar, statefulset"
            )
        }
        self.mode = mode
        let config = collector.spec.config ?? [:]
        do throws(ConfigurationError) {
            self.configuration = try CollectorConfiguration(config)
            if let tls = settings.operandTLS {
                var secured = config
                try ConfigurationDefaults.apply(
                    to: &secured,
                    tls: TLSProfile(minimumVersion: tls.minimumVersion, cipherSuites: tls.cipherSuites)
                )
                self.deployedConfiguration = try CollectorConfiguration(secured)
            } else {
                self.deployedConfiguration = self.configuration
            }
        } catch {
            throw PlanError(error)
        }
        var ports: [ComponentKind: Result<[DerivedPort], ConfigurationError>] = [:]
        for kind in [ComponentKind.receiver, .exporter, .extension] {
            do throws(ConfigurationError) {
                ports[kind] = .success(try self.configuration.ports(of: [kind]))
            } catch {
                ports[kind] = .failure(error)
            }
        }
        self.derivedPorts = ports
        self.configHash = Self.hash(self.configuration)
        // The name follows what is deployed, the annotation what is stored: so did the Go operator.
        self.configMapName = ObjectName.configMap(
            collector.name,
            hash: settings.operandTLS == nil ? self.configHash : Self.hash(self.deployedConfiguration)
        )
    }

    private static func targetAllocator(of inputs: CollectorInputs) throws(PlanError) -> TargetAllocatorFacts? {
        let collector = inputs.collector
        if let name = collector.targetAllocatorName {
            guard let allocator = inputs.targetAllocator else {
                throw PlanError(
                    .missingTargetAllocator,
                    path: "metadata.labels",
                    "there is no TargetAllocator \"\(name)\" in namespace \"\(collector.namespace)\", which the label \(Collector.targetAllocatorLabel) names"
                )
            }
            return allocator
        }
        guard let embedded = collector.spec.targetAllocator, embedded.isEnabled else { return nil }
        return TargetAllocatorFacts(name: collector.name, mutualTLS: embedded.mutualTLS)
    }

    /// Lower-case hexadecimal SHA-256 of a configuration's hash input.
    package static func hash(_ configuration: CollectorConfiguration) -> String {
        HexDigest.sha256(configuration.hashInput)
    }

    /// The ports of some kinds together, sorted by name.
    func ports(of kinds: ComponentKind...) throws(ConfigurationError) -> [DerivedPort] {
        var ports: [DerivedPort] = []
        for kind in kinds { ports += try self.derivedPorts[kind]?.get() ?? [] }
        return kinds.count == 1 ? ports : ports.sortedByName
    }

    var name: String { self.collector.name }
    var namespace: String { self.collector.namespace }
    var metadata: ObjectMeta { self.collector.metadata }

    /// `spec.serviceAccount`, or the one rendered.
    var serviceAccountName: String { self.spec.serviceAccount ?? ObjectName.collector(self.name) }

    var selectorLabels: [String: String] { ObjectLabels.selector(self.metadata, component: .collector) }

    /// - Parameter filtered: whether `--labels-filter` applies; it does not for every kind (specification section 0.4).
    func labels(name: String, filtered: Bool) -> [String: String] {
        ObjectLabels.labels(
            self.metadata,
            name: name,
            image: self.spec.image ?? "",
            component: .collector,
            filter: filtered ? self.settings.labelFilter : .none
        )
    }

    var annotations: [String: String] { ObjectAnnotations.annotations(self.metadata, self.settings) }

    /// An object of this collector's namespace that it owns.
    func object(
        _ groupVersionKind: GroupVersionKind,
        _ name: String,
        labels: [String: String],
        annotations: [String: String] = [:]
    ) -> KubeObject {
        var object = KubeObject(groupVersionKind, namespace: self.namespace, name: name)
        object.metadata.labels = labels
        object.metadata.annotations = annotations
        object.setController(Collector.groupVersionKind, self.metadata)
        return object
    }

    /// What is accepted and rendered, but likely not what was meant.
    var warnings: [String] {
        var warnings = [CollectorConversion.finding(of: self.collector)].compactMap(\.self)
        // Then nothing else is worth saying of what stands in the configuration's place.
        if warnings.isEmpty { warnings = self.configuration.findings }
        func missing(_ field: String, _ kind: String) {
            warnings.append("\(field) has no effect: this cluster does not serve \(kind)")
        }
        if self.spec.targetAllocator?.isEnabled == true, !self.facts.targetAllocators {
            missing("spec.targetAllocator", "TargetAllocators (opentelemetry.io/v1alpha1)")
        }
        if self.spec.httpRoute?.isEnabled == true, !self.facts.gatewayRoutes {
            missing("spec.httpRoute", "HTTPRoutes (gateway.networking.k8s.io/v1)")
        }
        if self.spec.observability.isEnabled, !self.facts.prometheusMonitors {
            missing(
                "spec.observability.metrics.enableMetrics",
                "ServiceMonitors and PodMonitors (monitoring.coreos.com/v1)"
            )
        }
        return warnings
    }

    /// All objects in the order they are applied (specification section 3.1).
    package func objects() throws(PlanError) -> [KubeObject] {
        var objects: [KubeObject?] = []
        switch self.mode {
        case .deployment: objects += [self.deployment(), self.podDisruptionBudget()]
        case .statefulset: objects += [self.statefulSet(), self.podDisruptionBudget()]
        case .daemonset: objects.append(self.daemonSet())
        case .sidecar: break
        }
        do throws(ConfigurationError) {
            objects += [try self.configMap(), self.serviceAccount()]
            if self.mode != .sidecar {
                objects += [
                    self.horizontalPodAutoscaler(), try self.service(), try self.headlessService(),
                    try self.monitoringService(), try self.extensionService(), try self.ingress(),
                    try self.networkPolicy(),
                ]
            }
            objects.append(self.targetAllocatorResource())
            objects += try self.monitors()
            objects += try self.clusterRoleAndBinding()
            if self.mode != .sidecar { objects += try self.routes() + self.httpRoutes() }
        } catch {
            throw PlanError(error)
        }
        return objects.compactMap { $0?.finished(for: self.facts) }
    }
}

extension KubeObject {
    /// Without what server-side apply refuses: nulls, fields the server does not know yet, quantities as numbers.
    func finished(for facts: ClusterFacts) -> KubeObject {
        var object = KubeObject(self.json.withoutNulls)
        object.removeFields(unknownTo: facts.kubernetesVersion)
        object.writeQuantitiesAsStrings()
        return object
    }

    /// Makes a resource the one that controls this object and takes it along. Without a uid (a file, not a stored resource)
    /// there is nothing an owner reference could point to.
    mutating func setController(_ kind: GroupVersionKind, _ owner: ObjectMeta) {
        guard let uid = owner.uid, !uid.isEmpty else { return }
        self.metadata.ownerReferences = [
            OwnerReference([
                "apiVersion": .string(kind.apiVersion), "kind": .string(kind.kind), "name": .string(owner.name ?? ""),
                "uid": .string(uid), "controller": true, "blockOwnerDeletion": true,
            ])
        ]
    }
}

extension JSONObject {
    /// Without members and elements that are null, at every level.
    var withoutNulls: JSONObject {
        JSONObject(
            self.compactMap { member -> (String, JSONValue)? in
                member.value.isNull ? nil : (member.key, member.value.withoutNulls)
            }
        )
    }

    /// Takes over members of another object as they are; absent and null ones are left out.
    mutating func copy(_ keys: String..., from other: JSONObject) {
        for key in keys {
            if let value = other[key], !value.isNull { self[key] = value }
        }
    }
}

extension JSONValue {
    fileprivate var withoutNulls: JSONValue {
        switch self {
        case .object(let object): .object(object.withoutNulls)
        case .array(let elements): .array(elements.compactMap { $0.isNull ? nil : $0.withoutNulls })
        default: self
        }
    }
}
