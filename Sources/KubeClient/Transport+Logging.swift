import Logging

extension Logger {
    /// What a reconcile and a webhook put into their lines, see `Controller` and `Webhooks`.
    private static let contextKeys = [
        "controller", "kind", "namespace", "name", "reconcileID", "webhook", "uid",
    ]

    /// This logger with the context of the task that asks: the client is shared by all and has none of its own, but what it
    /// has to say of a request is about what that request was for.
    var inContext: Logger {
        let current = Logger.current
        var logger = self
        for key in Self.contextKeys where logger[metadataKey: key] == nil {
            if let value = current[metadataKey: key] { logger[metadataKey: key] = value }
        }
        return logger
    }
}
