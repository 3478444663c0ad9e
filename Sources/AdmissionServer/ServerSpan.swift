import NIOCore
import NIOHTTP1
import Tracing

/// The span of one request to a webhook (semantic conventions for HTTP servers), within the trace of the API server if it
/// sends one (W3C Trace Context).
enum ServerSpan {
    static func run(
        _ tracer: any Tracer,
        _ request: ServerRequest,
        route: String,
        _ handler: AdmissionServer.Handler
    ) async -> ServerResponse {
        var context = InstrumentationContext.topLevel
        tracer.extract(request.headers, into: &context, using: HeaderExtractor())
        let span = tracer.startSpan("POST \(route)", context: context, ofKind: .server)
        defer { span.end() }
        if span.isRecording {
            var attributes: SpanAttributes = [:]
            attributes["http.request.method"] = request.method.rawValue
            attributes["http.route"] = route
            attributes["url.path"] = route
            attributes["url.scheme"] = "https"
            attributes["http.request.body.size"] = request.body.readableBytes
            span.attributes = attributes
        }
        let response = await InstrumentationContext.withValue(span.context) { await handler(request.body) }
        span.attributes["http.response.status_code"] = response.status
        if response.status >= 500 {
            span.attributes["error.type"] = String(response.status)
            span.setStatus(SpanStatus(code: .error))
        }
        return response
    }
}

private struct HeaderExtractor: Extractor {
    func extract(key: String, from carrier: HTTPHeaders) -> String? {
        // Several lines of tracestate are one list.
        let values = carrier[key]
        guard values.count > 1 else { return values.first }
        return key == "tracestate" ? values.joined(separator: ",") : nil
    }
}
