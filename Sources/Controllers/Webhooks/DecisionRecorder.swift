import KubeModel
package import KubeRuntime
package import Logging
package import PodInjection
package import Tracing

/// Passes on what injection decided: counted, logged, told as Events.
package final class DecisionRecorder: Sendable {
    /// One pod fills so many lines of the log at most.
    private static let lineLimit = 8

    private let metrics = InjectionMetrics()
    private let logger: Logger
    private let events: EventRecorder?
    private let tally: InstrumentationTally?
    private let tracer: (any Tracer)?

    package init(
        logger: Logger,
        events: EventRecorder? = nil,
        tally: InstrumentationTally? = nil,
        tracer: (any Tracer)? = nil
    ) {
        self.tracer = tracer
        self.logger = logger
        self.events = events
        self.tally = tally
    }

    /// - Parameter duration: how long the review took, lookups included.
    package func record(_ outcome: InjectionOutcome, _ request: AdmissionRequest, duration: Duration = .zero) {
        self.metrics.time(outcome, duration)
        self.describe { attributes in
            attributes["swiftlet.admission.uid"] = request.uid
            attributes["k8s.namespace.name"] = request.namespace
            attributes["swiftlet.admission.dry_run"] = request.isDryRun
            attributes["swiftlet.injection.decisions"] = outcome.decisions.prefix(32).map {
                "\($0.subject.id)=\($0.code.rawValue)"
            }
        }
        var lines = 0
        for decision in outcome.decisions {
            self.metrics.count(decision)
            guard decision.isRefusal, lines < Self.lineLimit else { continue }
            lines += 1
            self.logger.info(
                "pod not injected",
                metadata: [
                    "uid": "\(request.uid)", "namespace": "\(request.namespace)", "name": "\(request.name)",
                    "subject": "\(decision.subject.id)", "code": "\(decision.code)", "reason": "\(decision.message)",
                ]
            )
        }
        if let error = outcome.error {
            self.logger.warning(
                "pod admitted as it came",
                metadata: [
                    "uid": "\(request.uid)", "namespace": "\(request.namespace)", "name": "\(request.name)",
                    "error": "\(error)",
                ]
            )
        }
        // A dry run has no side effects.
        guard !request.isDryRun else { return }
        self.tally?.count(outcome.decisions)
        guard let events else { return }
        for event in outcome.events {
            // A pod without an owner and without a name yet can't be told anything; its answer carries the warning.
            guard let regarding = event.regarding ?? request.podReference else { continue }
            events.record(
                EventNote(
                    event.type == "Warning" ? .warning : .normal,
                    reason: event.reason,
                    action: event.action,
                    note: event.note,
                    regarding: regarding
                )
            )
        }
    }

    /// Adds to the span of the request that is being answered, if there is one.
    func describe(_ change: (inout SpanAttributes) -> Void) {
        guard let tracer, let context = InstrumentationContext.current,
            let span = tracer.activeSpan(identifiedBy: context), span.isRecording
        else { return }
        var attributes = span.attributes
        change(&attributes)
        span.attributes = attributes
    }

    /// Tells that a collector was given the metrics reader it did not have (collector.md section 2.2).
    func recordDefaultTelemetry(of collector: KubeObject) {
        guard let events, !collector.name.isEmpty else { return }
        events.record(
            EventNote(
                .normal,
                reason: "Spec.Service.Telemetry.DefaultsApplied",
                note: "Applied default Prometheus telemetry configuration (host: 0.0.0.0, port: 8888)",
                regarding: collector.reference
            )
        )
    }
}

extension AdmissionRequest {
    fileprivate var podReference: ObjectReference? {
        guard !self.name.isEmpty else { return nil }
        return ObjectReference(
            GroupVersionKind(group: "", version: "v1", kind: "Pod"),
            ObjectKey(namespace: self.namespace, name: self.name)
        )
    }
}
