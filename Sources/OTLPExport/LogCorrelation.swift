package import Logging
import Tracing

extension Logger.MetadataProvider {
    /// Gives log lines the `trace_id` and `span_id` of the span they are written in.
    package static let spans = Logger.MetadataProvider {
        guard let identity = InstrumentationContext.current?.traceIdentity else { return [:] }
        return ["trace_id": "\(identity.traceID)", "span_id": "\(identity.spanID)"]
    }
}
