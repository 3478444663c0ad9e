import JSONTree
import KubeClient
import KubeModel
import KubeTesting
import Logging
import Metrics
import ServiceLifecycle
import Synchronization
import Testing

@testable import KubeRuntime

@Suite(.timeLimit(.minutes(1))) struct ControllerTests {
    private static func object(_ name: String, _ item: String = "", version: String = "1") -> WatchedObject<String> {
        WatchedObject(key: Self.key(name), resourceVersion: version, item: item)
    }

    private static func key(_ name: String) -> ObjectKey { ObjectKey(namespace: "ns", name: name) }

    private static func metadata(_ name: String, owner: String?, kind: String = "Collector", isController: Bool = true)
        -> WatchedObject<ObjectMetadata>
    {
        let owners = owner.map {
            [
                ObjectMetadata.Owner(
                    apiVersion: "example.com/v1alpha1",
                    kind: kind,
                    name: $0,
                    uid: "u",
                    isController: isController
                )
            ]
        }
        return WatchedObject(
            key: Self.key(name),
            resourceVersion: "1",
            item: ObjectMetadata(key: Self.key(name), owners: owners ?? [])
        )
    }

    @Test func waitsForItsStoresThenReconcilesWhatIsThere() async throws {
        let store = Store<String>(name: "things")
        let other = Store<String>(name: "others")
        let done = Recorder<ObjectKey>()
        let controller = Controller<ObjectKey>(name: "c", kind: "Thing", clock: ManualClock()) { key in
            #expect(store.isSynced && other.isSynced)
            done.add(key)
            return .done
        }
        controller.watch(store)
        controller.wait(for: other)
        try await running(controller) {
            store.receive(.listing)
            store.receive(.page([Self.object("b"), Self.object("a")], malformed: []))
            store.receive(.listed)
            #expect(done.values.isEmpty)
            other.receive(.listing)
            other.receive(.listed)
            await done.wait(count: 2)
            store.receive(.applied(Self.object("c")))
            await done.wait(count: 3)
            store.receive(.applied(Self.object("c", version: "2")))
            store.receive(.deleted(Self.key("a")))
            await done.wait(count: 4)
        }
        #expect(done.values == ["a", "b", "c", "a"].map(Self.key), "the equal update of c woke nobody")
    }

    @Test func ownersAndLabelsAreWoken() async throws {
        let owned = Store<ObjectMetadata>(name: "deployments", objects: [])
        let labeled = Store<ObjectMetadata>(name: "pods", objects: [])
        let done = Recorder<ObjectKey>()
        let controller = Controller<ObjectKey>(name: "c", kind: "Collector", clock: ManualClock()) { key in
            done.add(key)
            return .done
        }
        controller.watch(owned: owned, by: GroupKind(group: "example.com", kind: "Collector"))
        controller.watch(labeled: labeled, with: "instance")
        try await running(controller) {
            controller.queue.add(Self.key("start"))
            await done.wait(count: 1)
            owned.receive(.applied(Self.metadata("d0", owner: nil)))
            owned.receive(.applied(Self.metadata("d0", owner: "wrong", kind: "Other")))
            owned.receive(.applied(Self.metadata("d0", owner: "wrong", isController: false)))
            owned.receive(.applied(Self.metadata("d1", owner: "first")))
            await done.wait(count: 2)
            // Changes hands: both are to look at it.
            owned.receive(.applied(Self.metadata("d1", owner: "second")))
            await done.wait(count: 4)
            labeled.receive(
                .applied(
                    WatchedObject(
                        key: Self.key("p"),
                        resourceVersion: "1",
                        item: ObjectMetadata(key: Self.key("p"), labels: ["instance": "shop.my.web"])
                    )
                )
            )
            await done.wait(count: 5)
        }
        #expect(done.values[0...1] == ["start", "first"].map(Self.key)[...])
        #expect(Set(done.values[2...3]) == Set(["first", "second"].map(Self.key)))
        #expect(done.values.last == ObjectKey(namespace: "shop", name: "my.web"))
    }

    @Test(arguments: [("web", "ns/web"), ("shop.web", "shop/web"), ("", nil), (".x", nil), ("x.", nil)])
    func labelValuesAreKeys(label: String, key: String?) {
        #expect(ObjectKey(label: label, namespace: "ns")?.description == key)
    }

    @Test func errorsDecideAboutRetries() async throws {
        struct Plain: Error {}
        let errors: [String: any Error] = [
            "plain": Plain(),
            "terminal": ReconcileError.terminal("bad spec"),
            "conflict": APIError(code: 409, reason: "Conflict"),
            "busy": APIError(code: 429, retryAfter: .seconds(30)),
            "wrapped": ReconcileError.retryable("apply", cause: APIError(code: 503, retryAfter: .seconds(40))),
            "cancelled": CancellationError(),
        ]
        #expect(ReconcileFailure(Plain()) == .retryable(after: nil))
        #expect(ReconcileFailure(APIError(code: 409, reason: "AlreadyExists")) == .retryable(after: nil))
        let clock = ManualClock()
        let lines = Recorder<RecordingLogHandler.Line>()
        let metrics = RecordingMetrics()
        let done = Recorder<String>()
        try await withMetricsFactory(metrics) {
            let controller = Controller<ObjectKey>(
                name: "c",
                kind: "Thing",
                backoff: Backoff.Policy(base: .seconds(1), cap: .seconds(60), jitter: 0),
                clock: clock
            ) { key in
                done.add(key.name)
                if let error = errors[key.name] { throw error }
                return key.name == "again" ? .requeue(after: .seconds(90)) : .done
            }
            controller.queue.add((errors.keys.sorted() + ["fine", "again"]).map(Self.key))
            try await withLogger(RecordingLogHandler.logger(lines)) { _ in
                try await running(controller) {
                    await done.wait(count: 8)
                    await clock.waitUntilSleeping()
                    #expect(controller.queue.depth == (0, 6, 0), "all but terminal and fine")
                    #expect(clock.nextDeadline?.offset == .seconds(1))
                    clock.advance(by: .seconds(1))
                    await done.wait(count: 11)
                }
            }
        }
        #expect(Set(done.values.dropFirst(8)) == ["plain", "conflict", "cancelled"])
        let failures = lines.values.filter { $0.level >= .warning }
        #expect(Set(failures.compactMap { $0.metadata["name"] }) == ["plain", "terminal", "busy", "wrapped"])
        let terminal = failures.first { $0.metadata["name"] == "terminal" }
        #expect(terminal?.level == .error && terminal?.metadata["error"] == "bad spec")
        #expect(terminal?.metadata["controller"] == "c" && terminal?.metadata["kind"] == "Thing")
        #expect(terminal?.metadata["namespace"] == "ns" && terminal?.metadata["reconcileID"] != nil)
        // One line at the end of each reconcile, and no two have the same id.
        let ends = lines.values.filter { $0.message == "reconcile ended" }
        #expect(ends.count == 11 && Set(ends.compactMap { $0.metadata["reconcileID"] }).count == 11)
        #expect(ends.allSatisfy { $0.metadata["reconcileID"]?.count == 32 && $0.metadata["name"] != nil })
        #expect(metrics["controller_runtime_reconcile_total{controller=c,result=success}"] == 1)
        #expect(metrics["controller_runtime_reconcile_total{controller=c,result=requeue_after}"] == 1)
        #expect(metrics["controller_runtime_reconcile_total{controller=c,result=requeue}"] == 4)
        #expect(metrics["controller_runtime_reconcile_total{controller=c,result=error}"] == 5)
        #expect(metrics["controller_runtime_reconcile_errors_total{controller=c}"] == 5)
        #expect(metrics["controller_runtime_terminal_reconcile_errors_total{controller=c}"] == 1)
        #expect(metrics["controller_runtime_reconcile_time_seconds{controller=c}"] == 11)
        #expect(metrics["controller_runtime_active_workers{controller=c}"] == 0)
        #expect(metrics["controller_runtime_max_concurrent_reconciles{controller=c}"] == 1)
        #expect(metrics["workqueue_adds_total{name=c,controller=c}"] == 17)
        #expect(metrics["workqueue_retries_total{name=c,controller=c}"] == 8)
        #expect(metrics["workqueue_depth{name=c,controller=c}"] == 0)
        #expect(metrics["workqueue_queue_duration_seconds{name=c,controller=c}"] == 11)
    }

    @Test func gracefulShutdownFinishesTheCurrentKey() async throws {
        let (started, goOn, ended) = (Recorder<ObjectKey>(), KubeTesting.Gate(), Recorder<ObjectKey>())
        let controller = Controller<ObjectKey>(name: "c", kind: "Thing", clock: ManualClock()) { key in
            // Handlers run in the order of their registration: when this one runs, the controller's own has.
            await withGracefulShutdownHandler {
                started.add(key)
                await goOn.wait()
            } onGracefulShutdown: {
                goOn.open()
            }
            try Task.checkCancellation()
            ended.add(key)
            return .done
        }
        controller.queue.add(["a", "b"].map(Self.key))
        let group = ServiceGroup(services: [controller], gracefulShutdownSignals: [], logger: Logger(label: "test"))
        async let run: Void = group.run()
        await started.wait(count: 1)
        await group.triggerGracefulShutdown()
        try await run
        #expect(ended.values == [Self.key("a")])
        #expect(controller.queue.depth == (1, 0, 0))
    }

    @Test func gracefulShutdownEndsTheWaitForStores() async throws {
        let store = Store<String>(name: "things")
        let controller = Controller<ObjectKey>(name: "c", kind: "Thing", clock: ManualClock()) { _ in .done }
        controller.watch(store)
        let group = ServiceGroup(
            services: [store, controller],
            gracefulShutdownSignals: [],
            logger: Logger(label: "test")
        )
        async let run: Void = group.run()
        await group.triggerGracefulShutdown()
        try await run
    }

    @Test func canBeRunAgain() async throws {
        let store = Store<String>(name: "things", objects: [Self.object("a")])
        let done = Recorder<ObjectKey>()
        let controller = Controller<ObjectKey>(name: "c", kind: "Thing", clock: ManualClock()) { key in
            done.add(key)
            return .done
        }
        controller.watch(store)
        try await running(controller) { await done.wait(count: 1) }
        store.receive(.applied(Self.object("b")))
        #expect(controller.queue.isEmpty, "nobody listens while it does not run")
        try await running(controller) { await done.wait(count: 3) }
        #expect(done.values == ["a", "a", "b"].map(Self.key))
    }

    /// A restart among a thousand objects: each is looked at once. What that costs is hack/bench's to say.
    @Test func aThousandKeysAtStart() async throws {
        let store = Store<String>(name: "things", objects: (0..<1000).map { Self.object("o\($0)") })
        let done = Recorder<Int>()
        let count = Atomic<Int>(0)
        let controller = Controller<ObjectKey>(name: "c", kind: "Thing", parallelism: 4) { key in
            _ = store[key]
            if count.add(1, ordering: .relaxed).newValue == 1000 { done.add(1) }
            return .done
        }
        controller.watch(store)
        try await running(controller) { await done.wait(count: 1) }
        #expect(count.load(ordering: .relaxed) == 1000)
    }
}

/// Counts what handles are told; timers count calls.
final class RecordingMetrics: MetricsFactory {
    final class Handler: CounterHandler, MeterHandler, RecorderHandler, TimerHandler {
        private let state = Mutex(0.0)
        var value: Double { self.state.withLock { $0 } }
        func increment(by amount: Int64) { self.state.withLock { $0 += Double(amount) } }
        func increment(by amount: Double) { self.state.withLock { $0 += amount } }
        func decrement(by amount: Double) { self.state.withLock { $0 -= amount } }
        func set(_ value: Int64) { self.state.withLock { $0 = Double(value) } }
        func set(_ value: Double) { self.state.withLock { $0 = value } }
        func record(_ value: Int64) { self.set(value) }
        func record(_ value: Double) { self.set(value) }
        func recordNanoseconds(_ duration: Int64) { self.state.withLock { $0 += 1 } }
        func reset() { self.set(0.0) }
    }

    private let handlers = Mutex<[String: Handler]>([:])

    subscript(name: String) -> Double? { self.handlers.withLock { $0[name] }?.value }

    private func make(_ label: String, _ dimensions: [(String, String)]) -> Handler {
        let name = "\(label){\(dimensions.map { "\($0)=\($1)" }.joined(separator: ","))}"
        return self.handlers.withLock { handlers in
            let handler = handlers[name] ?? Handler()
            handlers[name] = handler
            return handler
        }
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        self.make(label, dimensions)
    }
    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler { self.make(label, dimensions) }
    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        self.make(label, dimensions)
    }
    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler { self.make(label, dimensions) }
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyMeter(_ handler: any MeterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
}
