import KubeRuntime
import Metrics
import PodInjection
import Synchronization
import TelemetryAPI

/// The metrics of injection: decisions by subject and code, and how long reviews take by what became of them.
///
/// On the way of each pod, so a handle is found by a small number of what it is about and the address of a constant,
/// without hashing the text of either.
final class InjectionMetrics: Sendable {
    private struct Handle {
        var code: ReasonCode
        var counter: Counter
    }

    /// By subject; a subject has a handful of codes, and the usual one is soon at the front.
    private let counters = Mutex<[[Handle]]>([])
    private let injected = InjectionMetrics.timer("injected")
    private let refused = InjectionMetrics.timer("refused")
    private let unchanged = InjectionMetrics.timer("unchanged")
    private let failed = InjectionMetrics.timer("failed")

    func count(_ decision: Decision) {
        let place = decision.subject.place
        self.counters.withLock { counters in
            while counters.count <= place { counters.append([]) }
            if let known = counters[place].first(where: { $0.code == decision.code }) { return known.counter }
            let made = Counter(
                label: "swiftlet_injection_decisions_total",
                dimensions: [("subject", decision.subject.id), ("code", decision.code.rawValue)]
            )
            counters[place].append(Handle(code: decision.code, counter: made))
            return made
        }.increment()
    }

    func time(_ outcome: InjectionOutcome, _ duration: Duration) {
        let timer =
            if outcome.error != nil {
                self.failed
            } else if outcome.decisions.contains(where: \.isRefusal) {
                self.refused
            } else if outcome.decisions.contains(where: { $0.code == .injected }) {
                self.injected
            } else {
                self.unchanged
            }
        timer.recordNanoseconds(Int64(duration.seconds * 1e9))
    }

    private static func timer(_ result: String) -> Metrics.Timer {
        Metrics.Timer(label: "swiftlet_injection_duration_seconds", dimensions: [("result", result)])
    }
}

extension Decision.Subject {
    /// A small number of its own.
    fileprivate var place: Int {
        switch self {
        case .pod: 0
        case .sidecar: 1
        case .language(.java): 2
        case .language(.nodejs): 3
        case .language(.python): 4
        case .language(.dotnet): 5
        case .language(.go): 6
        case .language(.apacheHttpd): 7
        case .language(.nginx): 8
        case .language(.sdk): 9
        }
    }
}
