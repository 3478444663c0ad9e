/// What this program is called by, so that what it tells to type can be typed.
enum CommandName {
    /// The name of the link that kubectl finds as its plugin.
    static let plugin = "kubectl-swiftlet"

    /// The last part of the path that it was started by.
    static let program = String(CommandLine.arguments.first?.split(separator: "/").last ?? "swiftlet")

    /// `kubectl swiftlet` when kubectl started it.
    static let shown = program == plugin ? "kubectl swiftlet" : "swiftlet"
}
