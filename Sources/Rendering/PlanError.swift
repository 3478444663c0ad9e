package import CollectorConfig

/// Why no plan can be made: something in the resource has to change first, so retrying without a change is of no use.
package struct PlanError: Error, Sendable, Hashable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        package var name: String
        /// `spec.mode` is no mode.
        package static let unknownMode = Code(name: "UnknownMode")
        /// `spec.config` can't be understood.
        package static let invalidConfiguration = Code(name: "InvalidConfiguration")
        /// The TargetAllocator that the collector's label names does not exist.
        package static let missingTargetAllocator = Code(name: "MissingTargetAllocator")
        /// Several collectors name one TargetAllocator by their label.
        package static let severalCollectors = Code(name: "SeveralCollectors")
        /// The collector that owns a TargetAllocator does not exist.
        package static let missingCollector = Code(name: "MissingCollector")
        /// A cluster-scoped object of the same name belongs to another collector.
        package static let nameTaken = Code(name: "NameTaken")
    }

    package var code: Code
    /// The member of the resource it is about, such as `spec.config.receivers.otlp`; may be empty.
    package var path: String
    package var message: String

    package init(_ code: Code, path: String = "", _ message: String) {
        self.code = code
        self.path = path
        self.message = message
    }

    package init(_ error: ConfigurationError) {
        self.init(
            .invalidConfiguration,
            path: error.path.isEmpty ? "spec.config" : "spec.config.\(error.path)",
            error.message
        )
    }

    package var description: String { self.path.isEmpty ? self.message : "\(self.path): \(self.message)" }
}
