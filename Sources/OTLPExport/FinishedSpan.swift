package import Tracing

/// A span that has ended, as it is exported.
package struct FinishedSpan: Sendable {
    package struct Event: Sendable {
        package var name: String
        package var nanoseconds: UInt64
        package var attributes: [(String, SpanAttribute)]

        package init(name: String, nanoseconds: UInt64, attributes: [(String, SpanAttribute)] = []) {
            self.name = name
            self.nanoseconds = nanoseconds
            self.attributes = attributes
        }
    }

    package enum Status: Sendable, Hashable {
        case unset
        case ok
        case error(String)
    }

    package var identity: TraceIdentity
    /// 0 for the first of a trace.
    package var parent: UInt64
    package var name: String
    package var kind: SpanKind
    /// Since the Unix epoch.
    package var start: UInt64
    package var end: UInt64
    package var attributes: [(String, SpanAttribute)]
    package var events: [Event]
    package var links: [TraceIdentity]
    package var status: Status
    /// Events and links beyond what a span may have.
    package var droppedEvents: Int

    package init(
        identity: TraceIdentity,
        parent: UInt64 = 0,
        name: String,
        kind: SpanKind = .internal,
        start: UInt64,
        end: UInt64,
        attributes: [(String, SpanAttribute)] = [],
        events: [Event] = [],
        links: [TraceIdentity] = [],
        status: Status = .unset,
        droppedEvents: Int = 0
    ) {
        self.identity = identity
        self.parent = parent
        self.name = name
        self.kind = kind
        self.start = start
        self.end = end
        self.attributes = attributes
        self.events = events
        self.links = links
        self.status = status
        self.droppedEvents = droppedEvents
    }
}
