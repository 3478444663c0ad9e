import CollectorConfig
import JSONTree
import KubeModel
package import TelemetryAPI

/// What the validating webhook answers about a collector.
package struct CollectorValidation: Sendable, Hashable {
    private var notices: [Notice] = []
    /// All that is wrong, in the order of the checks; the first message is the answer, all together its causes.
    package var errors: [Issue] = []

    package struct Issue: Sendable, Hashable {
        package enum Reason: String, Sendable, Hashable {
            case invalid = "FieldValueInvalid"
            case forbidden = "FieldValueForbidden"
            case required = "FieldValueRequired"
            case notSupported = "FieldValueNotSupported"
        }

        /// Of the field, such as `spec.autoscaler.minReplicas`.
        package var path: String
        package var reason: Reason
        package var message: String
    }

    /// What a warning is about. Clients and API servers cut long lists of warnings, so the first of these come first.
    enum Weight: Int, Comparable, Hashable {
        /// It would be refused if it were new.
        case invalid
        /// Nothing can be rendered.
        case notRendered
        /// The API server will refuse a rendered object.
        case refusedObject
        /// The collector will not start, or not receive.
        case crash
        /// An account lacks permissions.
        case permissions
        /// A field does nothing.
        case noEffect
        case advice

        static func < (left: Weight, right: Weight) -> Bool { left.rawValue < right.rawValue }
    }

    private struct Notice: Sendable, Hashable {
        var weight: Weight
        var text: String
    }

    /// The gravest first.
    package var warnings: [String] { self.warnings(besides: []) }

    /// The warnings together with those about permissions, which the API server was asked for.
    package func warnings(besides permissions: [String]) -> [String] {
        (self.notices + permissions.map { Notice(weight: .permissions, text: $0) })
            .sorted { $0.weight < $1.weight }.map(\.text)
    }

    /// For what is stored already.
    package mutating func turnErrorsIntoWarnings() {
        for error in self.errors { self.warn(.invalid, "\(error.path): \(error.message)") }
        self.errors = []
    }

    mutating func warn(_ weight: Weight, _ text: String) { self.notices.append(Notice(weight: weight, text: text)) }

    mutating func refuse(_ path: String, _ reason: Issue.Reason, _ message: String) {
        self.errors.append(Issue(path: path, reason: reason, message: message))
    }
}

/// Checks a collector as it would be stored (specification sections 2.3 and 2.4).
///
/// All checks are made, whatever the result of one is; the Go operator leaves some out when an autoscaler is set. What
/// needs the API server (privileges of the user and of service accounts) is in ``AccessCheck``.
/// - Parameters:
///   - old: the stored collector on an update
///   - targetAllocator: the one the collector's label names, if it exists
package func validateCollector(
    _ collector: Collector,
    old: Collector? = nil,
    settings: OperatorSettings,
    facts: ClusterFacts,
    targetAllocator: TargetAllocatorFacts? = nil
) -> CollectorValidation {
    var result = CollectorValidation()
    let spec = collector.spec
    guard let mode = collector.mode else {
        result.refuse(
            "spec.mode",
            .notSupported,
            "unknown mode \"\(spec.modeText ?? "")\"; it must be one of daemonset, deployment, sidecar, statefulset"
        )
        return result
    }
    if let old, let before = old.mode, before != mode {
        result.refuse(
            "spec.mode",
            .forbidden,
            "the OpenTelemetry Collector mode is set to \(before.rawValue), which does not support modification"
        )
    }
    var configuration: CollectorConfiguration?
    do throws(ConfigurationError) {
        configuration = try CollectorConfiguration(spec.config ?? [:])
    } catch {
        let error = PlanError(error)
        result.refuse(error.path, .invalid, "the OpenTelemetry config is incorrect. \(error.description)")
    }
    if let nulls = configuration?.nullPaths, !nulls.isEmpty {
        result.warn(
            .advice,
            "Collector config spec.config has null objects: \(nulls.joined(separator: ", ")). For compatibility with other tooling, such as kustomize and kubectl edit, it is recommended to use empty objects e.g. batch: {}."
        )
    }
    result.checkFieldsOfMode(spec, mode)
    result.checkTargetAllocator(collector, mode)
    result.checkPorts(spec.ports)
    if let configuration { result.checkDerivedPorts(configuration) }
    result.checkAutoscaler(spec, mode)
    result.checkIngress(spec, mode)
    if mode != .daemonset, spec.json[object: "daemonSetUpdateStrategy"]?[string: "type"] ?? "" != "" {
        result.refuseAttribute("spec.daemonSetUpdateStrategy", "updateStrategy", mode)
    }
    if mode != .deployment, spec.json[object: "deploymentUpdateStrategy"]?[string: "type"] ?? "" != "" {
        result.refuseAttribute("spec.deploymentUpdateStrategy", "deploymentUpdateStrategy", mode)
    }
    if let configuration {
        let refused = configuration.components(disabledBy: settings.fipsDisabledComponents)
        if !refused.isEmpty {
            result.refuse(
                "spec.config",
                .forbidden,
                "the collector configuration contains not FIPS compliant components: [\(refused.joined(separator: " "))]. Please remove it from the config"
            )
        }
    }
    // What would stop the rendering is a warning here: the cluster may still change so that it does not.
    if result.errors.isEmpty {
        do throws(PlanError) {
            let inputs = CollectorInputs(
                collector: collector,
                settings: settings,
                facts: facts,
                targetAllocator: targetAllocator
            )
            let context = try CollectorContext(inputs)
            for warning in context.warnings { result.warn(.init(of: warning), warning) }
            result.checkServerRules(context)
            _ = try context.objects()
        } catch {
            result.warn(.notRendered, error.description)
        }
    }
    return result
}

extension CollectorValidation.Weight {
    /// Of a warning that comes with the rendering.
    fileprivate init(of warning: String) {
        if warning.contains("is defined but not used") {
            self = .advice
        } else if warning.contains("has no effect") {
            self = .noEffect
        } else {
            self = .crash
        }
    }
}

extension CollectorValidation {
    fileprivate mutating func refuseAttribute(_ path: String, _ attribute: String, _ mode: CollectorMode) {
        self.refuse(
            path,
            .forbidden,
            "the OpenTelemetry Collector mode is set to \(mode.rawValue), which does not support the attribute '\(attribute)'"
        )
    }

    /// Rows 2 to 7.
    fileprivate mutating func checkFieldsOfMode(_ spec: CollectorSpec, _ mode: CollectorMode) {
        if mode != .statefulset {
            if !spec.list("volumeClaimTemplates").isEmpty {
                self.refuseAttribute("spec.volumeClaimTemplates", "volumeClaimTemplates", mode)
            }
            if spec.json[object: "persistentVolumeClaimRetentionPolicy"] != nil {
                self.refuseAttribute(
                    "spec.persistentVolumeClaimRetentionPolicy",
                    "persistentVolumeClaimRetentionPolicy",
                    mode
                )
            }
        }
        guard mode == .sidecar else { return }
        if !spec.list("tolerations").isEmpty { self.refuseAttribute("spec.tolerations", "tolerations", mode) }
        if spec.text("priorityClassName") != nil {
            self.refuseAttribute("spec.priorityClassName", "priorityClassName", mode)
        }
        if spec.json[object: "affinity"] != nil { self.refuseAttribute("spec.affinity", "affinity", mode) }
        if !spec.list("additionalContainers").isEmpty {
            self.refuseAttribute("spec.additionalContainers", "AdditionalContainers", mode)
        }
    }

    /// Row 9.
    mutating func checkPorts(_ ports: [PortsSpec]) {
        for (place, port) in ports.enumerated() {
            let names = PortName.problems(port.name)
            let numbers = PortName.problems(number: port.port)
            guard !names.isEmpty || !numbers.isEmpty else { continue }
            self.refuse(
                "spec.ports[\(place)].\(names.isEmpty ? "port" : "name")",
                .invalid,
                "the OpenTelemetry Spec Ports configuration is incorrect, port name '\(port.name)' errors: [\(names.joined(separator: " "))], num '\(port.port)' errors: [\(numbers.joined(separator: " "))]"
            )
        }
    }

    /// Rows 10 to 12.
    fileprivate mutating func checkDerivedPorts(_ configuration: CollectorConfiguration) {
        let ports: [DerivedPort]
        do throws(ConfigurationError) {
            ports = try configuration.ports(of: [.receiver, .exporter, .extension])
        } catch {
            self.refuse(
                PlanError(error).path,
                .invalid,
                "the OpenTelemetry config is incorrect. The port numbers are invalid: \(error.description)"
            )
            return
        }
        for port in ports {
            let name = String(decoding: port.name.utf8.prefix(15), as: UTF8.self)
            if name != port.name {
                self.warn(
                    .advice,
                    "the OpenTelemetry config port name '\(port.name)' exceeds the maximum length of 15 characters and has been truncated to '\(name)'"
                )
            }
            let names = PortName.problems(name)
            let numbers = PortName.problems(number: port.port)
            guard !names.isEmpty || !numbers.isEmpty else { continue }
            self.refuse(
                "spec.config.\(port.component)",
                .invalid,
                "the OpenTelemetry config is incorrect. The port name '\(name)' errors: [\(names.joined(separator: " "))], num '\(port.port)' errors: [\(numbers.joined(separator: " "))]"
            )
        }
    }

    /// Rows 13 to 16.
    fileprivate mutating func checkAutoscaler(_ spec: CollectorSpec, _ mode: CollectorMode) {
        guard let autoscaler = spec.autoscaler else { return }
        let prefix = "the OpenTelemetry Spec autoscale configuration is incorrect"
        guard let most = autoscaler.maxReplicas else {
            if autoscaler.minReplicas != nil {
                self.refuse(
                    "spec.autoscaler.maxReplicas",
                    .required,
                    "spec.maxReplica must be set when spec.minReplica is set"
                )
            } else {
                self.warn(.noEffect, "spec.autoscaler has no effect without spec.autoscaler.maxReplicas")
            }
            return
        }
        if mode == .daemonset || mode == .sidecar {
            self.warn(.noEffect, "spec.autoscaler has no effect on a collector of mode \(mode.rawValue)")
        }
        if let replicas = spec.replicas, replicas > most {
            self.refuse("spec.replicas", .invalid, "\(prefix), replicas must not be greater than maxReplicas")
        }
        // Without a minimum it is `replicas`, which has just been looked at.
        if let least = autoscaler.minReplicas, least > most {
            self.refuse(
                "spec.autoscaler.minReplicas",
                .invalid,
                "\(prefix), minReplicas must not be greater than maxReplicas"
            )
        }
        for direction in ["scaleDown", "scaleUp"] {
            guard let window = autoscaler.behavior?[object: direction]?[int: "stabilizationWindowSeconds"],
                !(0...3600).contains(window)
            else { continue }
            self.refuse(
                "spec.autoscaler.behavior.\(direction).stabilizationWindowSeconds",
                .invalid,
                "\(prefix), \(direction).stabilizationWindowSeconds should be >=0 and <=3600"
            )
        }
        for (place, metric) in autoscaler.metrics.enumerated() {
            let path = "spec.autoscaler.metrics[\(place)]"
            guard metric["type"]?.string == "Pods" else {
                self.refuse(
                    path + ".type",
                    .notSupported,
                    "\(prefix), metric type unsupported. Expected metric of source type Pod"
                )
                continue
            }
            let target = metric["pods"]?["target"]
            func isWhole(_ value: JSONValue?) -> Bool {
                guard let quantity = value.flatMap({ Quantity($0) }) else { return false }
                return quantity.nanos % 1_000_000_000 == 0 && quantity.value >= 1
            }
            switch target?["type"]?.string {
            case "AverageValue":
                if !isWhole(target?["averageValue"]) {
                    self.refuse(
                        path + ".pods.target.averageValue",
                        .invalid,
                        "\(prefix), average value should be greater than 0"
                    )
                }
            case "Value":
                if !isWhole(target?["value"]) {
                    self.refuse(path + ".pods.target.value", .invalid, "\(prefix), value should be greater than 0")
                }
            default: self.refuse(path + ".pods.target.type", .notSupported, "\(prefix), invalid pods target type")
            }
        }
    }

    /// Rows 17 and 18.
    fileprivate mutating func checkIngress(_ spec: CollectorSpec, _ mode: CollectorMode) {
        guard let ingress = spec.ingress else { return }
        if ingress.type == "ingress", mode == .sidecar {
            self.refuse(
                "spec.ingress",
                .forbidden,
                "the OpenTelemetry Spec Ingress configuration is incorrect. Ingress can only be used in combination with the modes: deployment, daemonset, statefulset"
            )
        }
        if ingress.ruleType == "subdomain", ingress.hostname.isEmpty || ingress.hostname == "*" {
            self.refuse(
                "spec.ingress.hostname",
                .invalid,
                "a valid Ingress hostname has to be defined for subdomain ruleType"
            )
        }
    }
}

extension CollectorConfiguration {
    /// The enabled components a list of `receiver.x`, `exporter.y`, … names by their types, in that notation.
    fileprivate func components(disabledBy list: [String]) -> [String] {
        guard !list.isEmpty else { return [] }
        let disabled = Set(list)
        var found: [String] = []
        for kind in [ComponentKind.receiver, .exporter, .processor, .extension] {
            for id in self.enabled(kind) {
                let name = "\(kind.rawValue).\(Self.type(ofComponent: id))"
                if disabled.contains(name), !found.contains(name) { found.append(name) }
            }
        }
        return found
    }
}
