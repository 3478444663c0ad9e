import ArgumentParser
import Controllers

/// `swiftlet webhook-server`: only the webhooks, with the operator's flags (specification operations.md section 1).
struct WebhookServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhook-server",
        abstract: "Runs the webhooks alone: no controllers, no leadership, no registration.",
        helpNames: []
    )

    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

    func run() async throws {
        var start = try OperatorArguments.read(
            self.arguments,
            command: "swiftlet webhook-server",
            purpose: """
                Runs the webhooks alone: no controllers, no leadership, no registration.

                For layouts that scale the webhooks apart from the operator. It takes the flags of `swiftlet operator`. The
                operator beside it registers the webhooks, and both use the certificates in the Secret that they share.
                """
        )
        start.options.servesWebhooks = true
        start.options.servesWebhooksOnly = true
        start.options.electsLeader = false
        try await OperatorRun(options: start.options, summary: start.summary).run()
    }
}
