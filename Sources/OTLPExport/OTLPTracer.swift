import Synchronization
package import Tracing

/// Makes spans and gives those that are recorded and have ended to whoever exports them.
package final class OTLPTracer: Tracer {
    /// How many events and links a span keeps.
    static let eventLimit = 128

    private let sampler: SpanSampler
    private let isMuted: @Sendable () -> Bool
    private let finish: @Sendable (FinishedSpan) -> Void

    /// - Parameters:
    ///   - isMuted: while it says so, no span is recorded: the exporter's own requests make none.
    ///   - finish: called once for each recorded span when it ends; must be quick.
    package init(
        sampler: SpanSampler,
        isMuted: @escaping @Sendable () -> Bool = { false },
        finish: @escaping @Sendable (FinishedSpan) -> Void
    ) {
        self.sampler = sampler
        self.isMuted = isMuted
        self.finish = finish
    }

    package func startSpan<Instant: TracerInstant>(
        _ operationName: String,
        context: @autoclosure () -> InstrumentationContext,
        ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant,
        function: String,
        file fileID: String,
        line: UInt
    ) -> OTLPSpan {
        var context = context()
        let parent = context[TraceIdentityKey.self]
        var random = SystemRandomNumberGenerator()
        let trace = parent.map { ($0.traceHigh, $0.traceLow) } ?? (random.next(), max(1, random.next()))
        let isSampled = !self.isMuted() && self.sampler.samples(traceLow: trace.1, parent: parent)
        let identity = TraceIdentity(
            traceHigh: trace.0,
            traceLow: trace.1,
            span: max(1, random.next()),
            isSampled: isSampled,
            state: parent?.state ?? ""
        )
        context[TraceIdentityKey.self] = identity
        let core = SpanCore(
            name: operationName,
            identity: identity,
            parent: parent?.span ?? 0,
            kind: kind,
            start: instant().nanosecondsSinceEpoch,
            finish: isSampled ? self.finish : nil
        )
        context[SpanCoreKey.self] = core
        return OTLPSpan(core: core, context: context)
    }

    package func activeSpan(identifiedBy context: InstrumentationContext) -> OTLPSpan? {
        context[SpanCoreKey.self].map { OTLPSpan(core: $0, context: context) }
    }

    package func forceFlush() {}

    // MARK: Other processes

    package func extract<Carrier, Extract>(
        _ carrier: Carrier,
        into context: inout InstrumentationContext,
        using extractor: Extract
    ) where Extract: Extractor, Extract.Carrier == Carrier {
        guard let parent = extractor.extract(key: "traceparent", from: carrier) else { return }
        let state = extractor.extract(key: "tracestate", from: carrier) ?? ""
        context[TraceIdentityKey.self] = TraceIdentity(traceparent: parent, state: state)
    }

    package func inject<Carrier, Inject>(
        _ context: InstrumentationContext,
        into carrier: inout Carrier,
        using injector: Inject
    ) where Inject: Injector, Inject.Carrier == Carrier {
        guard let identity = context[TraceIdentityKey.self] else { return }
        injector.inject(identity.traceparent, forKey: "traceparent", into: &carrier)
        if !identity.state.isEmpty { injector.inject(identity.state, forKey: "tracestate", into: &carrier) }
    }
}

/// Where a context holds which span it is in.
enum TraceIdentityKey: InstrumentationContextKey {
    typealias Value = TraceIdentity
    static var nameOverride: String? { "swiftlet-trace" }
}

/// Where it holds what the span collects, to add to it from within.
enum SpanCoreKey: InstrumentationContextKey {
    typealias Value = SpanCore
}

extension InstrumentationContext {
    /// The span that this context is in, for log lines.
    package var traceIdentity: TraceIdentity? { self[TraceIdentityKey.self] }
}

/// What a span collects while it is under way. One that is not recorded collects nothing.
final class SpanCore: Sendable {
    struct State: Sendable {
        var name: String
        var attributes: SpanAttributes = [:]
        var events: [FinishedSpan.Event] = []
        var links: [TraceIdentity] = []
        var dropped = 0
        var status = FinishedSpan.Status.unset
        var isEnded = false
    }

    let identity: TraceIdentity
    let parent: UInt64
    let kind: SpanKind
    let start: UInt64
    let finish: (@Sendable (FinishedSpan) -> Void)?
    let state: Mutex<State>

    init(
        name: String,
        identity: TraceIdentity,
        parent: UInt64,
        kind: SpanKind,
        start: UInt64,
        finish: (@Sendable (FinishedSpan) -> Void)?
    ) {
        self.identity = identity
        self.parent = parent
        self.kind = kind
        self.start = start
        self.finish = finish
        self.state = Mutex(State(name: name))
    }
}

/// A span under way.
package struct OTLPSpan: Span {
    fileprivate let core: SpanCore
    /// For what runs within this span.
    package let context: InstrumentationContext

    package var isRecording: Bool { self.core.finish != nil && !self.core.state.withLock { $0.isEnded } }

    package var operationName: String {
        get { self.core.state.withLock { $0.name } }
        nonmutating set { self.core.state.withLock { $0.name = newValue } }
    }

    package var attributes: SpanAttributes {
        get { self.core.state.withLock { $0.attributes } }
        nonmutating set {
            guard self.core.finish != nil else { return }
            self.core.state.withLock { $0.attributes = newValue }
        }
    }

    package func setStatus(_ status: SpanStatus) {
        self.core.state.withLock { state in
            switch status.code {
            case .ok: state.status = .ok
            case .error: state.status = .error(status.message ?? "")
            }
        }
    }

    package func addEvent(_ event: SpanEvent) {
        guard self.core.finish != nil else { return }
        let kept = FinishedSpan.Event(
            name: event.name,
            nanoseconds: event.nanosecondsSinceEpoch,
            attributes: Self.list(event.attributes)
        )
        self.core.state.withLock { state in
            if state.events.count < OTLPTracer.eventLimit { state.events.append(kept) } else { state.dropped += 1 }
        }
    }

    package func recordError<Instant: TracerInstant>(
        _ error: any Error,
        attributes: SpanAttributes,
        at instant: @autoclosure () -> Instant
    ) {
        var attributes = attributes
        attributes["exception.type"] = "\(type(of: error))"
        attributes["exception.message"] = "\(error)"
        self.addEvent(SpanEvent(name: "exception", at: instant(), attributes: attributes))
    }

    package func addLink(_ link: SpanLink) {
        guard self.core.finish != nil, let identity = link.context[TraceIdentityKey.self] else { return }
        self.core.state.withLock { state in
            if state.links.count < OTLPTracer.eventLimit { state.links.append(identity) } else { state.dropped += 1 }
        }
    }

    package func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        guard let finish = self.core.finish else { return }
        let end = instant().nanosecondsSinceEpoch
        let finished = self.core.state.withLock { state -> FinishedSpan? in
            // Ending twice is a mistake that must not make two spans of one.
            guard !state.isEnded else { return nil }
            state.isEnded = true
            return FinishedSpan(
                identity: self.core.identity,
                parent: self.core.parent,
                name: state.name,
                kind: self.core.kind,
                start: self.core.start,
                end: end,
                attributes: Self.list(state.attributes),
                events: state.events,
                links: state.links,
                status: state.status,
                droppedEvents: state.dropped
            )
        }
        if let finished { finish(finished) }
    }

    private static func list(_ attributes: SpanAttributes) -> [(String, SpanAttribute)] {
        var list: [(String, SpanAttribute)] = []
        attributes.forEach { list.append(($0, $1)) }
        return list.sorted { $0.0 < $1.0 }
    }
}
