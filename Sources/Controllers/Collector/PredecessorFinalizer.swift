package import JSONTree

/// The finalizer by which the Go operator keeps a collector until its cluster roles are deleted.
package enum PredecessorFinalizer {
    package static let name = "opentelemetrycollector.opentelemetry.io/finalizer"

    /// A JSON Patch that takes it off; `nil` when it is not there. It fails rather than take off another one.
    package static func removal(from finalizers: [String]) -> [JSONValue]? {
        guard let place = finalizers.firstIndex(of: self.name) else { return nil }
        let path: JSONValue = .string("/metadata/finalizers/\(place)")
        return [
            ["op": "test", "path": path, "value": .string(self.name)],
            ["op": "remove", "path": path],
        ]
    }
}
