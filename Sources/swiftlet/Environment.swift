import FoundationEssentials

/// The process's environment, as it was at the start.
enum Environment {
    static let variables = ProcessInfo.processInfo.environment
}
