import CoreMetrics
import Metrics
import Synchronization
import Testing

@testable import KubeClient

struct MetricsObserverTests {
    @Test func countsAndTimes() {
        let recorded = Recorded()
        let observer = MetricsObserver(factory: recorded)
        observer.finished(verb: "get", resource: "pods", code: 200, duration: .milliseconds(5))
        observer.finished(verb: "get", resource: "pods", code: 200, duration: .milliseconds(7))
        observer.finished(verb: "get", resource: "pods", code: 0, duration: .seconds(2))
        let requests = "kubernetes_client_requests_total"
        #expect(
            recorded.values == [
                "\(requests) verb=get resource=pods code=200": [1, 1],
                "\(requests) verb=get resource=pods code=error": [1],
                "kubernetes_client_request_duration_seconds verb=get": [5_000_000, 7_000_000, 2_000_000_000],
            ]
        )
        // Handles are made once.
        #expect(recorded.made == 3)
    }
}

/// A metrics backend that remembers what it is told.
private final class Recorded: MetricsFactory {
    private let state = Mutex<(values: [String: [Int64]], made: Int)>(([:], 0))
    var values: [String: [Int64]] { self.state.withLock { $0.values } }
    var made: Int { self.state.withLock { $0.made } }

    private final class Handle: CounterHandler, TimerHandler, RecorderHandler {
        private let name: String
        private let recorded: Recorded
        init(_ label: String, _ dimensions: [(String, String)], _ recorded: Recorded) {
            self.name = ([label] + dimensions.map { "\($0.0)=\($0.1)" }).joined(separator: " ")
            self.recorded = recorded
            recorded.state.withLock { $0.made += 1 }
        }
        func add(_ value: Int64) { self.recorded.state.withLock { $0.values[self.name, default: []].append(value) } }
        func increment(by amount: Int64) { self.add(amount) }
        func reset() {}
        func recordNanoseconds(_ duration: Int64) { self.add(duration) }
        func record(_ value: Int64) {}
        func record(_ value: Double) {}
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        Handle(label, dimensions, self)
    }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        Handle(label, dimensions, self)
    }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        Handle(label, dimensions, self)
    }
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
}
