package import KubeModel

/// What one reconcile took over from the operator before us.
package struct Takeover: Sendable, Hashable {
    /// In the order in which they were written.
    package var adopted: [ObjectReference] = []
    package var releasedFinalizer = false

    package init(adopted: [ObjectReference] = [], releasedFinalizer: Bool = false) {
        self.adopted = adopted
        self.releasedFinalizer = releasedFinalizer
    }

    /// For the collector's Event; `nil` when there was nothing.
    ///
    /// - Parameter manager: the field manager whose fields are ours now.
    package func note(from manager: String) -> String? {
        var parts: [String] = []
        if !self.adopted.isEmpty {
            let objects = self.adopted.map { "\($0.groupVersionKind.kind) \($0.key.name)" }
            parts.append("took over from the field manager \(manager): \(objects.joined(separator: ", "))")
        }
        if self.releasedFinalizer { parts.append("removed the finalizer \(PredecessorFinalizer.name)") }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }
}
