import JSONTree
package import KubeModel

extension Check {
    /// What the pod webhook leaves on every pod that asks for anything.
    package static let trace = "swiftlet.opentelemetry.io/injection"

    /// A pod that asks for what can't be had, and that the strictest Pod Security profile takes: nothing is stored.
    package static func probePod(namespace: String) -> KubeObject {
        let wish = "swiftlet-check-asks-only"
        return KubeObject([
            "apiVersion": "v1", "kind": "Pod",
            "metadata": [
                "name": "swiftlet-check", "namespace": .string(namespace),
                "annotations": ["instrumentation.opentelemetry.io/inject-java": .string(wish)],
            ],
            "spec": [
                "restartPolicy": "Never", "automountServiceAccountToken": false,
                "securityContext": [
                    "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": ["type": "RuntimeDefault"],
                ],
                "containers": [
                    [
                        "name": "check", "image": "swiftlet-check",
                        "securityContext": ["allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"]]],
                        "resources": [
                            "requests": ["cpu": "1m", "memory": "1Mi"], "limits": ["cpu": "1m", "memory": "1Mi"],
                        ],
                    ]
                ],
            ],
        ])
    }

    /// A collector that the webhook adds metrics readers to, in either version: nothing is stored.
    package static func probeCollector(namespace: String, version: String) -> KubeObject {
        let config: JSONValue = [
            "receivers": ["otlp": ["protocols": ["grpc": [:]]]], "exporters": ["debug": [:]],
            "service": ["pipelines": ["traces": ["receivers": ["otlp"], "exporters": ["debug"]]]],
        ]
        return KubeObject([
            "apiVersion": .string("opentelemetry.io/\(version)"), "kind": "OpenTelemetryCollector",
            "metadata": ["name": "swiftlet-check", "namespace": .string(namespace)],
            "spec": ["config": version == "v1alpha1" ? .string(config.text()) : config],
        ])
    }

    /// Whether the API server reaches the webhooks, from what became of the probes.
    static func probes(_ facts: CheckFacts) -> [Finding] {
        var findings: [Finding] = []
        var why = ""
        switch facts.collectorProbe {
        case .created(let object):
            if object["spec"]?["config"]?["service"]?["telemetry"] != nil {
                findings.append(
                    Finding(
                        .ok,
                        "CollectorWebhookCalled",
                        "collector webhooks",
                        "the API server reached them: a collector (not stored) came back with its defaults"
                    )
                )
            } else {
                findings.append(
                    Finding(
                        .error,
                        "CollectorWebhookNotCalled",
                        "collector webhooks",
                        "a collector (not stored) came back without its defaults: no webhook of the operator was called",
                        remedy: "see the findings on the webhook configurations"
                    )
                )
            }
        case .refused(let message):
            why = message
            findings.append(self.refusal("collector webhooks", message, facts))
        case .skipped(let reason):
            findings.append(Finding(.warning, "CollectorWebhookUnknown", "collector webhooks", reason))
        }
        switch facts.conversionProbe {
        case .created:
            findings.append(
                Finding(
                    .ok,
                    "ConversionCalled",
                    "conversion webhook",
                    "a collector of v1alpha1 (not stored) was converted"
                )
            )
        case .refused(let message) where message != why:
            findings.append(self.refusal("conversion webhook", message, facts))
        case .refused, .skipped: break
        }
        findings.append(self.podProbe(facts, why: why))
        return findings
    }

    private static func podProbe(_ facts: CheckFacts, why: String) -> Finding {
        let subject = "pod webhook"
        switch facts.podProbe {
        case .created(let pod):
            if pod["metadata"]?["annotations"]?[self.trace] != nil {
                return Finding(
                    .ok,
                    "PodWebhookCalled",
                    subject,
                    "the API server reached it: a pod (not stored) came back with its answer"
                )
            }
            let reason = why.isEmpty ? "" : ". The collector webhooks of the same server say why: \(self.short(why))"
            return Finding(
                .error,
                "PodWebhookNotCalled",
                subject,
                "a pod that asks for injection (not stored) came back untouched: pods start uninstrumented\(reason)",
                remedy:
                    why.isEmpty
                    ? "see the other findings, and whether the namespace is excluded (--webhook-excluded-namespaces)"
                    : self.remedy(for: why, facts)
            )
        case .refused(let message) where message.contains("failed calling webhook"):
            return self.refusal(subject, message, facts)
        case .refused(let message):
            return Finding(
                .warning,
                "PodProbeRefused",
                subject,
                "the cluster refuses the pod that would tell: \(self.short(message))",
                remedy: "name a namespace that takes pods: --namespace"
            )
        case .skipped(let reason):
            return Finding(.warning, "PodWebhookUnknown", subject, reason)
        }
    }

    private static func refusal(_ subject: String, _ message: String, _ facts: CheckFacts) -> Finding {
        let code =
            if message.contains("certificate has expired") {
                "WebhookCertificateExpired"
            } else if message.contains("x509:") || message.contains("tls:") {
                "WebhookNotTrusted"
            } else if message.contains("no endpoints available") || message.contains("connection refused")
                || message.contains("no route to host") || message.contains("context deadline exceeded")
                || message.contains("timeout") || message.contains("Client.Timeout") || message.contains("not found")
                || message.contains("no such host")
            {
                "WebhookUnreachable"
            } else if message.contains("failed calling webhook") || message.contains("conversion webhook") {
                "WebhookFails"
            } else {
                "ProbeRefused"
            }
        return Finding(
            code == "ProbeRefused" ? .warning : .error,
            code,
            subject,
            self.short(message),
            remedy: self.remedy(for: message, facts)
        )
    }

    private static func remedy(for message: String, _ facts: CheckFacts) -> String {
        if message.contains("certificate has expired") {
            return "the operator renews its certificate while it runs: look at its log"
        }
        if message.contains("x509:") || message.contains("tls:") {
            return "caBundle and the operator's certificate do not belong together: see the findings on them"
        }
        if facts.isOutside {
            return "start the operator, or see that the API server's machine can reach its --webhook-url"
        }
        if message.contains("no endpoints available") {
            return "no pod of the operator is ready behind the webhook Service: see the findings on its Deployment"
        }
        if message.contains("failed calling webhook") || message.contains("conversion webhook") {
            return
                "the API server can't reach the webhook Service: look at NetworkPolicies and firewalls between control plane and nodes (TCP 9443)"
        }
        return "see the message"
    }

    private static func short(_ text: String) -> String { text.count > 400 ? text.prefix(399) + "…" : text }
}
