import FoundationEssentials

/// The process's environment, as it was at the start.
struct Environment {
    static let variables = ProcessInfo.processInfo.environment

    /// An empty variable counts as absent.
    subscript(name: String) -> String? { Self.variables[name].flatMap { $0.isEmpty ? nil : $0 } }
}
