package import KubeModel
package import TelemetryAPI

/// An event about a collector, in plain values.
package struct CollectorUpgradeEvent: Sendable, Hashable {
    package static let reason = "Upgrade"

    package var isWarning: Bool
    /// Also the action.
    package var reason: String
    package var note: String

    /// `Warning` or `Normal`: the Go operator's `Error` is a type that the API refuses.
    package var type: String { self.isWarning ? "Warning" : "Normal" }

    package init(isWarning: Bool, note: String) {
        self.isWarning = isWarning
        self.reason = Self.reason
        self.note = note
    }
}

extension CollectorUpgradeOutcome {
    package static let conditionType = "Upgraded"
    /// No more of a condition's message is of use to a reader; the API's own limit is 32,768.
    static let messageLimit = 4096

    /// The condition `Upgraded` of a collector; nil when what its status says about upgrades may stay as it is.
    ///
    /// - Parameter now: RFC 3339, for a condition that changes.
    package func condition(for collector: Collector, now: String) -> Condition? {
        func condition(_ status: Condition.Status, _ reason: String, _ lines: [String]) -> Condition {
            Condition(
                type: Self.conditionType,
                status: status,
                reason: reason,
                message: Self.bounded(lines),
                observedGeneration: collector.metadata.generation,
                lastTransitionTime: now
            )
        }
        let version = shortened(collector.status.version ?? "")
        switch self {
        case .upgraded(let upgrade):
            let head = "Upgraded from \(shortened(upgrade.from)) to \(shortened(upgrade.version))."
            return condition(.true, "Upgraded", [head] + upgrade.lines)
        case .failed(let failure):
            return condition(.false, "UpgradeFailed", [failure.description])
        case .unchanged(.newer(let operatorVersion)):
            let message =
                "The collector is of version \(version), this operator of \(shortened(operatorVersion)): it is reconciled "
                + "as it is, but may have settings that this operator's collector does not know."
            return condition(.false, "NewerVersion", [message])
        case .unchanged(.current):
            // An earlier condition that is no longer so; without one there is nothing to say.
            let present = collector.status.conditions.first { $0.type == Self.conditionType }
            guard present?.status == .false else { return nil }
            return condition(.true, "Upgraded", ["The collector is at version \(version)."])
        case .unchanged: return nil
        }
    }

    /// What to tell the users in events. A way that changed nothing is not worth one.
    package var events: [CollectorUpgradeEvent] {
        switch self {
        case .unchanged: return []
        case .failed(let failure):
            let note =
                "automated update not possible. Configuration must be corrected manually and CR instance must be "
                + "re-created. \(failure.description)"
            return [CollectorUpgradeEvent(isWarning: true, note: note)]
        case .upgraded(let upgrade):
            var events = upgrade.reports.compactMap(\.warning).map { CollectorUpgradeEvent(isWarning: true, note: $0) }
            if upgrade.changesSpec {
                let note =
                    "Upgraded the configuration from \(shortened(upgrade.from)) to \(shortened(upgrade.version)); "
                    + "the condition Upgraded says what changed."
                events.append(CollectorUpgradeEvent(isWarning: false, note: note))
            }
            return events
        }
    }

    /// The lines that fit, and how many don't.
    private static func bounded(_ lines: [String]) -> String {
        let room = Self.messageLimit - 32
        var kept: [String] = []
        var count = 0
        for line in lines {
            count += line.utf8.count + 1
            if count > room { break }
            kept.append(line)
        }
        if kept.count < lines.count { kept.append("and \(lines.count - kept.count) more") }
        return kept.joined(separator: "\n")
    }
}

extension CollectorUpgrade {
    /// One line for each step that changed or skipped something.
    var lines: [String] {
        self.reports.filter { $0.effect != .nothing }.map { report in
            let text = report.message.unicodeScalars
            let message = text.count <= 400 ? report.message : String(String.UnicodeScalarView(text.prefix(399))) + "…"
            return "\(report.version): \(report.effect.rawValue): \(message)"
        }
    }
}

extension CollectorUpgradeFailure: CustomStringConvertible {
    package var description: String { self.version.map { "\($0): \(self.message)" } ?? self.message }
}
