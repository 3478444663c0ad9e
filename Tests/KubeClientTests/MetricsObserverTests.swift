import CoreMetrics
import Metrics
import Synchronization
import Testing

@testable import KubeClient

struct MetricsObserverTests {
    @Test func countsAndTimes() {
        let recorded = Recorded()
        let observer = MetricsObserver(host: "kube:6443", factory: recorded)
        let get = ObservedRequest(verb: "get", method: "GET", resource: "pods", code: 200)
        observer.finished(get, duration: .milliseconds(5))
        observer.finished(get, duration: .milliseconds(7))
        var unanswered = get
        unanswered.code = 0
        observer.finished(unanswered, duration: .seconds(2))
        // Another verb of ours, the same to client-go.
        observer.finished(
            ObservedRequest(verb: "watch", method: "GET", resource: "pods", code: 200),
            duration: .milliseconds(1)
        )
        let (rest, ours) = ("rest_client_requests_total", "swiftlet_api_requests_total")
        #expect(
            recorded.values == [
                "\(rest) code=200 method=GET host=kube:6443": [1, 1, 1],
                "\(rest) code=<error> method=GET host=kube:6443": [1],
                "\(ours) verb=get resource=pods code=200": [1, 1],
                "\(ours) verb=get resource=pods code=<error>": [1],
                "\(ours) verb=watch resource=pods code=200": [1],
                "rest_client_request_duration_seconds verb=GET host=kube:6443": [
                    5_000_000, 7_000_000, 2_000_000_000, 1_000_000,
                ],
            ]
        )
        // Handles are made once.
        #expect(recorded.made == 7)
    }

    @Test(arguments: [
        ("https://10.96.0.1:443", "10.96.0.1:443"), ("https://kube.example/prefix", "kube.example"),
        ("https://[fd00::1]:6443", "[fd00::1]:6443"),
    ])
    func hostIsThatOfTheServer(_ url: String, _ host: String) {
        let observer = MetricsObserver(of: ClientConfiguration(serverURL: url))
        #expect(observer.host == host)
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
