package import TelemetryAPI

/// What is wrong with a target allocator (specification section 2.7). Nothing is defaulted: the Go operator's defaulting
/// never ran either, and users rely on what that left out; see docs/decisions.md.
package func validateTargetAllocator(_ resource: TargetAllocatorResource) -> CollectorValidation {
    let spec = resource.spec
    var result = CollectorValidation()
    result.checkPorts(spec.ports)
    if let mutualTLS = spec.mutualTLS, mutualTLS.isEnabled {
        for (field, message) in mutualTLS.problems { result.refuse("spec.mtls.\(field)", .invalid, message) }
    }
    if !spec.prometheusCR.allowNamespaces.isEmpty, !spec.prometheusCR.denyNamespaces.isEmpty {
        result.refuse(
            "spec.prometheusCR.denyNamespaces",
            .invalid,
            "allowNamespaces and denyNamespaces are mutually exclusive"
        )
    }
    return result
}
