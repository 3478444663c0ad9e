import ArgumentParser

/// What this program is called by, so that what it tells to type can be typed, and what that name stands for.
enum CommandName {
    /// The last part of the path that it was started by.
    static let program = String(CommandLine.arguments.first?.split(separator: "/").last ?? "swiftlet")

    /// `kubectl swiftlet` when kubectl started it: it finds `kubectl-swiftlet` in PATH.
    static let shown = program == "kubectl-swiftlet" ? "kubectl swiftlet" : "swiftlet"

    /// kubectl asks `kubectl_complete-swiftlet` what could come next.
    static let isCompletion = program == "kubectl_complete-swiftlet"

    /// As `gather` it is the Go operator's program for must-gather.
    static func arguments(_ arguments: [String]) -> [String] {
        self.program == "gather" ? ["gather"] + arguments : arguments
    }

    /// Those that ask a cluster; wrong use of them is exit code 2, as it was 64 of the older ones.
    private static let clusterCommands: Set<String> = [
        "check", "status", "wait", "support-bundle", "gather", "rbac", "completion",
    ]

    static func exit(withError error: any Error, _ arguments: [String]) -> Never {
        if Swiftlet.exitCode(for: error) == .validationFailure, self.clusterCommands.contains(arguments.first ?? "") {
            if !(error is ExitCode) {
                complain(Swiftlet.fullMessage(for: error))
                Swiftlet.exit(withError: ExitCode.wrongUse)
            }
        }
        Swiftlet.exit(withError: error)
    }
}
