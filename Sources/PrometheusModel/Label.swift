/// A label as text, as discovery makes it and pages show it.
package struct Label: Sendable, Hashable {
    package var name: String
    package var value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }

    package static func == (left: Label, right: Label) -> Bool {
        left.name.hasSameBytes(as: right.name) && left.value.hasSameBytes(as: right.value)
    }
}

/// Targets that come and go together.
package struct TargetGroup: Sendable, Hashable {
    /// Unique within one discovery; a group replaces the one with the same source.
    package var source: String
    /// What all targets have; a target's own label of the same name wins.
    package var labels: [Label]
    /// Each target's own labels; each has `__address__`.
    package var targets: [[Label]]

    package init(source: String, labels: [Label], targets: [[Label]]) {
        self.source = source
        self.labels = labels
        self.targets = targets
    }
}
