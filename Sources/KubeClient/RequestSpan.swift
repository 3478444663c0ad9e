import NIOHTTP1
import Tracing

/// The span of one attempt to send a request to the API server (semantic conventions for HTTP clients).
///
/// Only within another span, of a reconcile or an admission request: watches and the lease would otherwise make a trace of
/// their own every few seconds. No name of an object is in it, see ``template(of:)``.
struct RequestSpan {
    private let tracer: any Tracer
    private let span: any Span

    /// `nil` when nothing is traced; that costs one comparison.
    init?(_ tracer: (any Tracer)?, _ request: APIRequest, _ server: ServerHost?, attempt: Int) {
        guard let tracer, let context = InstrumentationContext.current else { return nil }
        let template = Self.template(of: request.path)
        self.tracer = tracer
        self.span = tracer.startSpan(
            "\(request.method.rawValue) \(template)",
            context: context,
            ofKind: .client
        )
        guard self.span.isRecording else { return }
        var attributes: SpanAttributes = [:]
        attributes["http.request.method"] = request.method.rawValue
        attributes["url.template"] = template
        if let server {
            attributes["server.address"] = server.name
            attributes["server.port"] = server.port ?? 443
        }
        if attempt > 0 { attributes["http.request.resend_count"] = attempt }
        self.span.attributes = attributes
    }

    /// Tells the server which span asks.
    func inject(into headers: inout HTTPHeaders) {
        self.tracer.inject(self.span.context, into: &headers, using: HeaderInjector())
    }

    /// - Parameter code: the HTTP status, 0 when there was no answer.
    func end(code: Int) {
        if code > 0 { self.span.attributes["http.response.status_code"] = code }
        if code == 0 || code >= 400 {
            self.span.attributes["error.type"] = code == 0 ? "no_answer" : String(code)
            self.span.setStatus(SpanStatus(code: .error))
        }
        self.span.end()
    }

    /// A path of the Kubernetes API with the names taken out: `/api/v1/namespaces/{namespace}/pods/{name}/log`. Other paths,
    /// of which there are a handful, stay as they are.
    static func template(of path: String) -> String {
        var parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        // The first is what stands before the leading slash.
        let start: Int
        if parts.count > 2, parts[1] == "api" {
            start = 3
        } else if parts.count > 3, parts[1] == "apis" {
            start = 4
        } else {
            return path
        }
        var resource = start
        if parts.count > start + 2, parts[start] == "namespaces",
            // `namespaces/NAME/status` and `…/finalize` are of the namespace itself.
            parts.count > start + 3 || !["status", "finalize"].contains(parts[start + 2])
        {
            parts[start + 1] = "{namespace}"
            resource = start + 2
        }
        if parts.count > resource + 1 { parts[resource + 1] = "{name}" }
        return parts.joined(separator: "/")
    }
}

private struct HeaderInjector: Injector {
    func inject(_ value: String, forKey key: String, into carrier: inout HTTPHeaders) {
        carrier.replaceOrAdd(name: key, value: value)
    }
}
