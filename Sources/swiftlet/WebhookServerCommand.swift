import ArgumentParser
import Controllers

/// `swiftlet webhook-server`: only the webhooks, with the operator's flags (specification operations.md section 1).
struct WebhookServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhook-server",
        abstract: "Runs the webhooks alone: no controllers, no leadership, no registration.",
        discussion: """
            For layouts that scale the webhooks apart from the operator. It takes the flags of `swiftlet operator`. The
            operator beside it registers the webhooks, and both use the certificates in the Secret that they share.
            """
    )

    @OptionGroup var flags: OperatorCommand

    func run() async throws {
        var options = try self.flags.options()
        options.servesWebhooks = true
        options.servesWebhooksOnly = true
        options.electsLeader = false
        try await OperatorRun(options: options).run()
    }
}
