/// Told of each request when it ends, to count and time them.
package protocol RequestObserver: Sendable {
    /// - Parameters:
    ///   - verb: get, list, watch, create, update, patch, apply, delete, deletecollection, or the method of a raw request.
    ///   - resource: the plural name (with `/subresource`), or `""` for a raw request.
    ///   - code: the HTTP status, 0 when there was no answer.
    ///   - duration: until the answer was complete; for a watch until it began.
    func finished(verb: String, resource: String, code: Int, duration: Duration)
}
