/// A request to the API server that has ended.
package struct ObservedRequest: Sendable, Hashable {
    /// get, list, watch, create, update, patch, apply, delete, deletecollection, or the method of a raw request.
    package var verb: String
    /// The HTTP method, in capitals.
    package var method: String
    /// The plural name (with `/subresource`), or `""` for a raw request.
    package var resource: String
    /// The HTTP status, 0 when there was no answer.
    package var code: Int

    package init(verb: String, method: String, resource: String, code: Int) {
        self.verb = verb
        self.method = method
        self.resource = resource
        self.code = code
    }
}

/// Told of each request when it ends, to count and time them.
package protocol RequestObserver: Sendable {
    /// - Parameter duration: until the answer was complete; for a watch until it began.
    func finished(_ request: ObservedRequest, duration: Duration)
}
