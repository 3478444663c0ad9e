package import JSONTree

/// How strictly the API server asks our webhooks, and about which objects: the user's part of the configurations.
package struct WebhookPolicy: Sendable, Hashable {
    /// `Fail` or `Ignore`, for creating and changing our own resources. Deleting them never waits for us.
    package var failurePolicy = "Fail"
    /// `Fail` or `Ignore`, for new pods.
    package var podFailurePolicy = "Ignore"
    /// 1 to 30.
    package var timeoutSeconds = 10
    /// Added to every webhook.
    package var namespaceSelector: JSONObject = [:]
    /// Added to every webhook.
    package var objectSelector: JSONObject = [:]

    package init() {}

    /// A selector that takes what both take: labels of one over those of the other, the expressions of both.
    static func both(_ one: JSONObject, _ other: JSONObject) -> JSONObject {
        var merged = other
        for (key, value) in one {
            switch (value, merged[key]) {
            case (.array(let mine), .array(let theirs)?): merged[key] = .array(theirs + mine)
            case (.object(let mine), .object(var theirs)?):
                for (label, wanted) in mine { theirs[label] = wanted }
                merged[key] = .object(theirs)
            default: merged[key] = value
            }
        }
        return merged
    }
}
