import ArgumentParser

/// `swiftlet operator`: flags, environment and file of the Go operator (specification `operations.md` section 1), and a few
/// of our own. They are read by the ``SettingCatalog``, so ArgumentParser only passes them on.
struct OperatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "operator",
        abstract: "Runs the operator: controllers and webhooks.",
        helpNames: []
    )

    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

    func run() async throws {
        let start = try OperatorArguments.read(
            self.arguments,
            command: "swiftlet operator",
            purpose: """
                Runs the operator: controllers and webhooks.

                Outside a cluster:
                  swiftlet operator --webhook-url https://127.0.0.1:9443
                registers the webhooks at that address instead of a Service of the cluster.
                """
        )
        try await OperatorRun(options: start.options, summary: start.summary).run()
    }
}
