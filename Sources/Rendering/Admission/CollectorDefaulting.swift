import CollectorConfig
import JSONTree
package import TelemetryAPI

// Defaulting and validation stand here and not in TelemetryAPI, since both need to understand the configuration.

/// A collector with its defaults, and what is to be told about it.
package struct DefaultedCollector: Sendable, Hashable {
    package var collector: Collector
    /// The default metrics reader was added: worth an event (specification section 2.2).
    package var addedTelemetry: Bool
    /// For the answer of the webhook.
    package var warnings: [String]
}

/// Fills in what the mutating webhook fills in (specification section 2.2). Applying it twice is the same as once.
///
/// Throws when the configuration's defaults can't be worked out; the request is then refused.
package func defaultCollector(_ collector: Collector, settings: OperatorSettings) throws(PlanError)
    -> DefaultedCollector
{
    var result = DefaultedCollector(collector: collector, addedTelemetry: false, warnings: [])
    var spec = collector.spec
    if spec.modeText ?? "" == "" { spec.modeText = CollectorMode.deployment.rawValue }
    if spec.upgradeStrategy ?? "" == "" { spec.upgradeStrategy = "automatic" }
    if spec.replicas == nil { spec.replicas = 1 }
    if var allocator = spec.targetAllocator, allocator.isEnabled, allocator.replicas == nil {
        allocator.replicas = 1
        spec.targetAllocator = allocator
    }
    if var autoscaler = spec.autoscaler, autoscaler.maxReplicas != nil {
        // Zero is no minimum that the schema takes: such a collector is at rest, and its autoscaler, too, until somebody
        // scales it.
        if autoscaler.minReplicas == nil, let replicas = spec.replicas, replicas > 0 {
            autoscaler.minReplicas = replicas
        }
        if autoscaler.targetCPUUtilization == nil, autoscaler.targetMemoryUtilization == nil {
            autoscaler.targetCPUUtilization = 90
        }
        spec.autoscaler = autoscaler
    }
    if var ingress = spec.ingress {
        if ingress.type == "route", ingress.routeTermination.isEmpty { ingress.routeTermination = "edge" }
        if ingress.type == "ingress", ingress.ruleType.isEmpty { ingress.ruleType = "path" }
        spec.ingress = ingress
    }
    if spec.managementState ?? "" == "" { spec.managementState = "managed" }
    if settings.featureGates.isOn(FeatureGates.operandNetworkPolicy), spec.networkPolicyEnabled == nil {
        spec.networkPolicyEnabled = true
    }
    var config = spec.config ?? [:]
    do throws(ConfigurationError) {
        let outcome = try ConfigurationDefaults.apply(to: &config)
        result.addedTelemetry = outcome.addedTelemetry
        result.warnings = outcome.insertedComponents.map {
            "spec.config.\($0) is used by a pipeline but not defined; it was added with its defaults"
        }
    } catch {
        throw PlanError(error)
    }
    spec.config = config
    result.collector.spec = spec
    return result
}
