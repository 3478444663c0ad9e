import JSONTree
package import KubeModel
import Rendering

/// Where and under whose trust the API server calls a webhook.
package struct WebhookAddress: Sendable, Hashable {
    package var webhook: String
    package var caBundle: String
    /// Set for an operator outside the cluster.
    package var url: String?
    /// Namespace and name of the Service otherwise.
    package var service: ObjectKey?

    init(_ webhook: String, _ config: JSONValue?) {
        self.webhook = webhook
        self.caBundle = config?["caBundle"]?.string ?? ""
        self.url = config?["url"]?.string
        self.service = config?["service"].map {
            ObjectKey(namespace: $0["namespace"]?.string ?? "", name: $0["name"]?.string ?? "")
        }
    }
}

extension CheckFacts {
    /// Every webhook that the cluster has of us: admission and conversion.
    package var addresses: [WebhookAddress] {
        var addresses: [WebhookAddress] = []
        for configuration in [self.mutating.value, self.validating.value].compactMap(\.self) {
            for webhook in configuration.json[array: "webhooks"] ?? [] {
                addresses.append(WebhookAddress(webhook["name"]?.string ?? "", webhook["clientConfig"]))
            }
        }
        for (_, live) in self.definitions {
            guard let config = live.value?.spec?["conversion"]?["webhook"]?["clientConfig"] else { continue }
            addresses.append(WebhookAddress("conversion of \(live.value?.name ?? "")", config))
        }
        return addresses
    }

    /// The operator is a process outside the cluster, with a certificate that the cluster does not hold.
    package var isOutside: Bool { self.addresses.contains { $0.url != nil } }
}

extension Check {
    static func registration(_ facts: CheckFacts) -> [Finding] {
        var findings: [Finding] = []
        for (kind, fact) in [
            ("MutatingWebhookConfiguration", facts.mutating), ("ValidatingWebhookConfiguration", facts.validating),
        ] {
            let name =
                kind.hasPrefix("Mutating") ? WebhookRegistration.mutatingName : WebhookRegistration.validatingName
            let subject = "\(kind) \(name)"
            switch fact {
            case .absent:
                findings.append(
                    Finding(
                        .error,
                        "WebhooksMissing",
                        subject,
                        "is not in the cluster, so \(kind.hasPrefix("Mutating") ? "no pod is injected" : "nothing is validated")",
                        remedy: "the operator makes it once it leads and serves: look at its log"
                    )
                )
            case .unreadable(let reason):
                findings.append(Finding(.warning, "WebhooksUnreadable", subject, reason))
            case .found(let object):
                findings.append(self.filled(subject, object, kind, facts))
            }
        }
        findings += self.trust(facts)
        findings += self.conversion(facts)
        return findings
    }

    private static func filled(_ subject: String, _ live: KubeObject, _ kind: String, _ facts: CheckFacts) -> Finding {
        let names = (live.json[array: "webhooks"] ?? []).compactMap { $0["name"]?.string }
        let registration = WebhookRegistration(
            endpoint: .url(""),
            caBundle: "",
            pods: PodSelection(excludedNamespaces: [])
        )
        let wanted =
            kind.hasPrefix("Mutating") ? registration.mutatingConfiguration() : registration.validatingConfiguration()
        let absent = (wanted.json[array: "webhooks"] ?? []).compactMap { $0["name"]?.string }.filter {
            !names.contains($0)
        }
        if names.isEmpty {
            return Finding(
                .error,
                "WebhooksEmpty",
                subject,
                "holds no webhook: the operator fills it once it leads and serves",
                remedy: "look at the operator's log and at whether it has a leader"
            )
        }
        if !absent.isEmpty {
            return Finding(
                .error,
                "WebhooksIncomplete",
                subject,
                "lacks \(absent.joined(separator: ", "))",
                remedy: "the operator mends it while it leads: look at its log"
            )
        }
        return Finding(.ok, "WebhooksRegistered", subject, "holds \(names.count) webhooks")
    }

    /// Whom the API server trusts must be whom the operator is.
    private static func trust(_ facts: CheckFacts) -> [Finding] {
        let addresses = facts.addresses
        let without = addresses.filter { $0.caBundle.isEmpty }.map(\.webhook)
        var findings: [Finding] = []
        if !without.isEmpty {
            findings.append(
                Finding(
                    .error,
                    "CABundleMissing",
                    self.some(without),
                    "no caBundle, so the API server can't trust the webhook",
                    remedy: "the operator fills it while it leads: look at its log"
                )
            )
        }
        guard let secret = facts.secret.value, !facts.isOutside, !addresses.isEmpty else { return findings }
        let others = addresses.filter { !$0.caBundle.isEmpty && $0.caBundle != secret.caBundle }.map(\.webhook)
        if others.isEmpty {
            guard without.isEmpty else { return findings }
            return [
                Finding(
                    .ok,
                    "CABundleMatches",
                    "Secret \(secret.key)",
                    "its authority is in all \(addresses.count) webhooks"
                )
            ]
        }
        return findings + [
            Finding(
                .error,
                "CABundleMismatch",
                self.some(others),
                "caBundle is not the authority in Secret \(secret.key), so the API server refuses the webhook's certificate",
                remedy:
                    "the operator mends it while it leads; somebody else may write it, too (cert-manager annotations?): kubectl get --show-managed-fields"
            )
        ]
    }

    private static func conversion(_ facts: CheckFacts) -> [Finding] {
        facts.definitions.compactMap { wanted, live in
            guard wanted.spec?["conversion"]?["strategy"]?.string == "Webhook", let live = live.value else {
                return nil
            }
            let subject = "CustomResourceDefinition \(wanted.name)"
            if live.spec?["conversion"]?["strategy"]?.string != "Webhook" {
                return Finding(
                    .error,
                    "ConversionMissing",
                    subject,
                    "has no conversion webhook, so objects of different versions lose fields",
                    remedy: "the operator sets it while it leads: look at its log"
                )
            }
            let injectors = live.metadata.annotations.keys.filter { $0.hasPrefix("cert-manager.io/inject-") }
            if !injectors.isEmpty {
                return Finding(
                    .warning,
                    "ConversionContested",
                    subject,
                    "annotation \(injectors.sorted().joined(separator: ", ")) lets cert-manager overwrite its caBundle",
                    remedy:
                        "kubectl annotate crd \(wanted.name) \(injectors.sorted().map { $0 + "-" }.joined(separator: " "))"
                )
            }
            return nil
        }
    }
}
