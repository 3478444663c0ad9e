import JSONTree
package import TelemetryAPI

// Brings the specification of a stored collector to what the operator's collector version understands (specification
// section 7.7). Values in, values out: the operator calls it before it renders, and it works on a file as well.

/// What became of one collector.
package enum CollectorUpgradeOutcome: Sendable, Hashable {
    /// Nothing is to be written.
    case unchanged(Reason)
    case upgraded(CollectorUpgrade)
    /// Nothing is to be written, and the user has to act.
    case failed(CollectorUpgradeFailure)

    package enum Reason: Sendable, Hashable {
        /// The collector is at the operator's version.
        case current
        /// `status.version` is empty: it was never reconciled, and is written for this version.
        case new
        case unmanaged
        /// `upgradeStrategy: none`.
        case notWanted
        /// An operator of a later version was here. The collector is reconciled as it is.
        case newer(than: String)
    }
}

/// A collector that reached the operator's version.
package struct CollectorUpgrade: Sendable, Hashable {
    /// With the new specification; its status is the old one.
    package var collector: Collector
    /// Whether the specification differs from the stored one.
    package var changesSpec: Bool
    /// What `status.version` was.
    package var from: String
    /// What `status.version` becomes, once the specification is written.
    package var version: String
    /// One for each step that ran, in their order.
    package var reports: [UpgradeStepReport]
}

/// What one step did.
package struct UpgradeStepReport: Sendable, Hashable {
    package enum Effect: String, Sendable, Hashable {
        case changed
        /// Something could not be changed, and the message says why; other things may have been.
        case skipped
        case nothing = "nothing to do"
    }

    /// Of the step.
    package var version: String
    package var name: String
    package var effect: Effect
    /// What was changed and what skipped; empty when there was nothing to do. Names members, never their values.
    package var message: String
    /// What users should hear though their specification is not changed by it.
    package var warning: String?
}

/// Why a collector can't be upgraded.
package struct CollectorUpgradeFailure: Error, Sendable, Hashable {
    /// Of the step that failed; nil when no step ran.
    package var version: String?
    /// One sentence that says what to change.
    package var message: String
    /// Of the event.
    package let reason = CollectorUpgradeEvent.reason

    package init(version: String? = nil, _ message: String) {
        self.version = version
        self.message = message
    }
}

/// Upgrades a collector to a collector version.
///
/// - Parameter version: the operator's, such as `0.158.0`.
package func upgradeCollector(_ collector: Collector, to version: String) -> CollectorUpgradeOutcome {
    let from = collector.status.version ?? ""
    if from.isEmpty { return .unchanged(.new) }
    if from == version { return .unchanged(.current) }
    if !collector.isManaged { return .unchanged(.unmanaged) }
    if collector.spec.upgradeStrategy == "none" { return .unchanged(.notWanted) }
    guard let start = SemanticVersion(lenient: from) else {
        return .failed(
            CollectorUpgradeFailure(
                "status.version is '\(shortened(from))', which is no version such as 0.100.0, so it is unknown which "
                    + "steps lead to \(version); set status.version to the collector version that spec.config is for."
            )
        )
    }
    guard let end = SemanticVersion(lenient: version) else {
        return .failed(
            CollectorUpgradeFailure(
                "The operator's collector version '\(shortened(version))' is no version such as 0.100.0; "
                    + "correct the operator's settings."
            )
        )
    }
    // The Go operator asks again each second and never reconciles such a collector.
    if end < start { return .unchanged(.newer(than: version)) }

    var spec = collector.spec.json
    var reports: [UpgradeStepReport] = []
    do throws(CollectorUpgradeFailure) {
        for step in upgradeSteps where start < step.number && step.number <= end {
            reports.append(try step.run(on: &spec))
        }
    } catch {
        return .failed(error)
    }
    // Steps that undo each other leave the document as it was; only an empty `args` is gone then.
    if !spec.contains("args"), let arguments = collector.spec.json["args"], arguments == .null || arguments == [:] {
        spec.insert("args", arguments, at: collector.spec.json.position(of: "args") ?? spec.count)
    }
    var upgraded = collector
    let changes = spec != collector.spec.json
    if changes { upgraded.spec.json = spec }
    return .upgraded(
        CollectorUpgrade(
            collector: upgraded,
            changesSpec: changes,
            from: from,
            version: version,
            reports: reports
        )
    )
}

/// Text of the user's for a message.
func shortened(_ text: String) -> String {
    text.unicodeScalars.count <= 64 ? text : String(String.UnicodeScalarView(text.unicodeScalars.prefix(63))) + "…"
}
