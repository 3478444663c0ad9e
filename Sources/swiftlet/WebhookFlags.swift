import ArgumentParser
import Controllers
import JSONTree
import Rendering

/// How the webhooks are registered; the Helm chart's `admissionWebhooks` in flags.
struct WebhookFlags: ParsableArguments {
    @Option(help: "Service that the API server reaches the webhooks through.") var webhookService: String?
    @Option(help: "Secret, in the operator's namespace, that holds the webhooks' certificates.")
    var webhookSecret: String?
    @Option(help: "Fail or Ignore: what becomes of our own resources while no webhook answers.")
    var webhookFailurePolicy: String?
    @Option(help: "Fail or Ignore: what becomes of new pods while no webhook answers.")
    var webhookPodFailurePolicy: String?
    @Option(help: "Seconds that the API server waits for a webhook, 1 to 30.") var webhookTimeoutSeconds: String?
    @Option(help: "Label selector, as JSON, of the namespaces whose objects come to the webhooks.")
    var webhookNamespaceSelector: String?
    @Option(help: "Label selector, as JSON, of the objects that come to the webhooks.")
    var webhookObjectSelector: String?

    func apply(to options: inout OperatorOptions, _ sources: SettingSources) throws {
        options.webhookService =
            try sources.text(self.webhookService, "WEBHOOK_SERVICE", "webhook-service") ?? options.webhookService
        options.certificateSecret =
            try sources.text(self.webhookSecret, "WEBHOOK_SECRET", "webhook-secret") ?? options.certificateSecret
        var policy = options.webhookPolicy
        func failure(_ preset: String, _ flag: String?, _ variable: String, _ key: String) throws -> String {
            let text = try sources.text(flag, variable, key) ?? preset
            guard ["Fail", "Ignore"].contains(text) else {
                throw ValidationError("--\(key) (\(variable)) \(text): must be Fail or Ignore")
            }
            return text
        }
        policy.failurePolicy = try failure(
            policy.failurePolicy,
            self.webhookFailurePolicy,
            "WEBHOOK_FAILURE_POLICY",
            "webhook-failure-policy"
        )
        policy.podFailurePolicy = try failure(
            policy.podFailurePolicy,
            self.webhookPodFailurePolicy,
            "WEBHOOK_POD_FAILURE_POLICY",
            "webhook-pod-failure-policy"
        )
        let timeout = try sources.text(self.webhookTimeoutSeconds, "WEBHOOK_TIMEOUT_SECONDS", "webhook-timeout-seconds")
        if let timeout {
            guard let seconds = Int(timeout), (1...30).contains(seconds) else {
                throw ValidationError(
                    "--webhook-timeout-seconds (WEBHOOK_TIMEOUT_SECONDS) \(timeout): must be a number from 1 to 30"
                )
            }
            policy.timeoutSeconds = seconds
        }
        func selector(_ flag: String?, _ variable: String, _ key: String) throws -> JSONObject {
            guard let text = try sources.text(flag, variable, key) else { return [:] }
            guard case .object(let selector)? = try? JSONValue(parsing: text),
                selector.keys.allSatisfy({ $0 == "matchLabels" || $0 == "matchExpressions" })
            else {
                throw ValidationError(
                    "--\(key) (\(variable)) \(text): must be a JSON object of matchLabels and matchExpressions"
                )
            }
            return selector
        }
        policy.namespaceSelector = try selector(
            self.webhookNamespaceSelector,
            "WEBHOOK_NAMESPACE_SELECTOR",
            "webhook-namespace-selector"
        )
        policy.objectSelector = try selector(
            self.webhookObjectSelector,
            "WEBHOOK_OBJECT_SELECTOR",
            "webhook-object-selector"
        )
        options.webhookPolicy = policy
    }
}
