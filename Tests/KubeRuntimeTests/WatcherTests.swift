import JSONTree
import KubeClient
import KubeModel
import KubeTesting
import Logging
import Synchronization
import Testing

@testable import KubeRuntime

/// The watcher and the store against a server that plays recorded bytes.
@Suite(.timeLimit(.minutes(1))) struct WatcherTests {
    // MARK: What the server says

    private static func item(_ name: String, _ version: Int, _ value: String, in namespace: String = "ns") -> String {
        #"{"metadata":{"name":"\#(name)","namespace":"\#(namespace)","resourceVersion":"\#(version)"},"data":{"v":"\#(value)"}}"#
    }

    private static func list(_ version: Int, _ items: [String], continuing: String = "") -> ScriptedAnswer {
        .json(
            #"{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"\#(version)","continue":"\#(continuing)"},"#
                + #""items":[\#(items.joined(separator: ","))]}"#
        )
    }

    private static func event(_ type: String, _ object: String) -> String {
        #"{"type":"\#(type)","object":\#(object)}"# + "\n"
    }

    private static func bookmark(_ version: Int) -> String {
        Self.event("BOOKMARK", #"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"\#(version)"}}"#)
    }

    private static let expired = Self.event(
        "ERROR",
        #"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","message":"too old","code":410}"#
    )

    private static func watch(_ events: [String], ending: ScriptedAnswer.Ending = .hang) -> ScriptedAnswer {
        .chunks(events, ending: ending)
    }

    /// What a store tells, as text.
    private static func describe(_ change: StoreChange<String>) -> String {
        "\(change.kind) \(change.key) \(change.old ?? "-") \(change.new ?? "-")"
    }

    private static func store(
        _ client: KubeClient,
        _ namespaces: NamespaceScope = .all,
        clock: some Clock<Duration> = ContinuousClock()
    ) -> Store<String> {
        Store(
            client: client,
            target: WatchTarget(.configMaps, labelSelector: "app=x"),
            namespaces: namespaces,
            clock: clock,
            jitter: .constant(0.5),
            projection: valueProjection
        )
    }

    /// Runs a store against a script that answers lists and watches by their order.
    private func follow(
        lists: [ScriptedAnswer],
        watches: [ScriptedAnswer],
        clock: some Clock<Duration> = ContinuousClock(),
        _ body: (Store<String>, Recorder<String>, ScriptedServer) async throws -> Void
    ) async throws {
        let counts = Mutex((lists: 0, watches: 0))
        try await ScriptedServer.run(script: { request, _ in
            counts.withLock { counts in
                let answers = request.isWatch ? watches : lists
                let number = request.isWatch ? counts.watches : counts.lists
                if request.isWatch { counts.watches += 1 } else { counts.lists += 1 }
                return number < answers.count ? answers[number] : .hang
            }
        }) { server in
            try await KubeClient.with(url: server.url) { client in
                let store = Self.store(client, clock: clock)
                let changes = Recorder<String>()
                let subscription = store.subscribe { changes.add($0.map(Self.describe)) }
                try await running(store) { try await body(store, changes, server) }
                subscription.cancel()
            }
        }
    }

    // MARK: Tests

    @Test func listsPagesThenWatchesThenResumes() async throws {
        try await self.follow(
            lists: [
                Self.list(10, [Self.item("a", 1, "1"), Self.item("b", 2, "2")], continuing: "token"),
                Self.list(10, [Self.item("c", 3, "3")]),
            ],
            watches: [
                Self.watch(
                    [
                        Self.event("ADDED", Self.item("d", 11, "4")), Self.event("MODIFIED", Self.item("a", 12, "1+")),
                        Self.event("DELETED", Self.item("b", 13, "2")), Self.bookmark(20),
                    ],
                    ending: .complete
                ),
                Self.watch([Self.event("MODIFIED", Self.item("c", 21, "3+"))]),
            ]
        ) { store, changes, server in
            await changes.wait(count: 7)
            #expect(
                changes.values == [
                    "added ns/a - 1", "added ns/b - 2", "added ns/c - 3", "added ns/d - 4", "changed ns/a 1 1+",
                    "deleted ns/b 2 -", "changed ns/c 3 3+",
                ]
            )
            #expect(store.isSynced && store.count == 3 && store[ObjectKey(namespace: "ns", name: "d")] == "4")
            #expect(store.resourceVersion(of: ObjectKey(namespace: "ns", name: "a")) == "12")
            let requests = server.requests
            #expect(requests.map { $0.query("limit") } == ["500", "500", nil, nil])
            #expect(requests[1].query("continue") == "token")
            #expect(requests.dropFirst(2).map { $0.query("resourceVersion") } == ["10", "20"])
            #expect(requests[2].query("allowWatchBookmarks") == "true" && requests[2].query("timeoutSeconds") == "290")
            #expect(requests.allSatisfy { $0.query("labelSelector") == "app%3Dx" && $0.path == "/api/v1/configmaps" })
        }
    }

    /// A line may come in any number of pieces; a store must not care.
    @Test func eventsSplitAtEachByte() async throws {
        let text = Self.event("ADDED", Self.item("ä", 11, "wörld")) + Self.event("DELETED", Self.item("ä", 12, ""))
        let count = text.utf8.count
        try await self.follow(
            lists: [Self.list(10, [])],
            watches: [.split(text, at: Array(0..<count), ending: .hang)]
        ) { _, changes, _ in
            await changes.wait(count: 2)
            #expect(changes.values == ["added ns/ä - wörld", "deleted ns/ä wörld -"])
        }
    }

    @Test(arguments: [true, false])
    func relistsWhenTheVersionIsTooOld(inStream: Bool) async throws {
        try await self.follow(
            lists: [
                Self.list(10, [Self.item("keep", 1, "k"), Self.item("change", 2, "c"), Self.item("gone", 3, "g")]),
                Self.list(90, [Self.item("keep", 1, "k"), Self.item("change", 50, "c+"), Self.item("new", 60, "n")]),
            ],
            watches: [
                inStream ? Self.watch([Self.expired], ending: .complete) : .failure(410, reason: "Expired"),
                Self.watch([]),
            ]
        ) { store, changes, server in
            await changes.wait(count: 6)
            #expect(
                Array(changes.values.dropFirst(3)) == [
                    "deleted ns/gone g -", "changed ns/change c c+", "added ns/new - n",
                ]
            )
            await server.waitForRequests(4)
            #expect(server.requests[3].query("resourceVersion") == "90")
            #expect(store.count == 3)
        }
    }

    @Test func aContinueTokenThatExpiredStartsOver() async throws {
        try await self.follow(
            lists: [
                Self.list(10, [Self.item("a", 1, "1")], continuing: "token"),
                .failure(410, reason: "Expired"),
                Self.list(20, [Self.item("b", 2, "2")]),
            ],
            watches: [Self.watch([])]
        ) { store, changes, server in
            await server.waitForRequests(4)
            #expect(changes.values == ["added ns/b - 2"], "the first page was dropped")
            #expect(server.requests[2].query("limit") == nil && server.requests[2].query("continue") == nil)
        }
    }

    @Test func aMalformedObjectDoesNotStopTheRest() async throws {
        let lines = Recorder<RecordingLogHandler.Line>()
        try await withLogger(RecordingLogHandler.logger(lines)) { _ in
            try await self.follow(
                lists: [
                    Self.list(
                        10,
                        [
                            Self.item("a", 1, "1"), #"{"metadata":{"name":"bad","namespace":"ns"},"data":{"v":7}}"#,
                            Self.item("b", 2, "2"), Self.item("later-bad", 3, "3"),
                        ]
                    ),
                    Self.list(
                        40,
                        [
                            Self.item("a", 1, "1"),
                            #"{"metadata":{"name":"later-bad","namespace":"ns","resourceVersion":"33"},"data":[]}"#,
                        ]
                    ),
                ],
                watches: [
                    Self.watch(
                        [
                            Self.event(
                                "MODIFIED",
                                #"{"metadata":{"name":"b","namespace":"ns","resourceVersion":"15"},"data":9}"#
                            ),
                            Self.event("ADDED", #"{"no":"metadata"}"#), Self.event("ADDED", "17"),
                            Self.event("DELETED", "null"), Self.event("ADDED", Self.item("c", 16, "c")),
                        ],
                        ending: .complete
                    ), .failure(410, reason: "Expired"), Self.watch([]),
                ]
            ) { store, changes, server in
                await changes.wait(count: 6)
                #expect(
                    changes.values == [
                        "added ns/a - 1", "added ns/b - 2", "added ns/later-bad - 3", "added ns/c - c",
                        "deleted ns/b 2 -", "deleted ns/c c -",
                    ]
                )
                #expect(server.requests[2].query("resourceVersion") == "16")
                #expect(store[ObjectKey(namespace: "ns", name: "later-bad")] == "3", "it is there, as last understood")
            }
        }
        let skipped = lines.values.filter { $0.message == "skipped an object that cannot be read" }
        #expect(
            skipped.map { $0.metadata["object"] ?? "" } == [
                "ns/bad", "ns/b", "unknown", "unknown", "unknown", "ns/later-bad",
            ]
        )
        #expect(skipped.allSatisfy { $0.level == .warning && $0.metadata["resource"] == "configmaps" })
        #expect(skipped.first?.metadata["error"]?.contains("expected a string") == true)
    }

    @Test func aLineThatIsNotJSONBreaksOnlyThatWatch() async throws {
        let clock = ManualClock()
        try await self.follow(
            lists: [Self.list(10, [])],
            watches: [
                Self.watch([Self.event("ADDED", Self.item("a", 11, "1")), "{\"type\":\"ADDED\",\"object\":{oops}}\n"]),
                Self.watch([Self.event("ADDED", Self.item("b", 12, "2"))]),
            ],
            clock: clock
        ) { store, changes, server in
            await clock.waitUntilSleeping()
            #expect(clock.nextDeadline?.offset == .milliseconds(800))
            clock.advance(by: .milliseconds(800))
            await changes.wait(count: 2)
            #expect(server.requests.last?.query("resourceVersion") == "11", "it goes on behind the last good event")
        }
    }

    @Test func pausesBetweenAttempts() async throws {
        let clock = ManualClock()
        try await self.follow(
            lists: [
                .failure(500, reason: "InternalError"), .failure(500, reason: "InternalError"),
                Self.list(10, [Self.item("a", 1, "1")]),
            ],
            watches: [Self.watch([], ending: .close), Self.watch([])],
            clock: clock
        ) { store, changes, server in
            var now = Duration.zero
            for pause in [800, 1600] {
                await clock.waitUntilSleeping()
                now += .milliseconds(pause)
                #expect(clock.nextDeadline?.offset == now)
                #expect(!store.isSynced)
                clock.advance(by: .milliseconds(pause))
            }
            await clock.waitUntilSleeping()
            #expect(clock.nextDeadline?.offset == now + .milliseconds(3200), "the watch was dropped")
            #expect(changes.values == ["added ns/a - 1"] && store.isSynced)
        }
    }

    @Test func aResourceThatComesLater() async throws {
        let clock = ManualClock()
        try await self.follow(
            lists: [
                .failure(404, reason: "NotFound"), .failure(404, reason: "NotFound"),
                Self.list(10, [Self.item("a", 1, "1")]),
            ],
            watches: [Self.watch([])],
            clock: clock
        ) { store, changes, _ in
            try await store.waitForSync()
            #expect(store.count == 0, "what is not served has no objects")
            await clock.waitUntilSleeping()
            #expect(clock.nextDeadline?.offset == .seconds(5))
            clock.advance(by: .seconds(5))
            await clock.waitUntilSleeping()
            #expect(clock.nextDeadline?.offset == .seconds(15))
            // Somebody saw its CRD.
            store.retryNow()
            await changes.wait(count: 1)
            #expect(clock.now.offset == .seconds(5))
        }
    }

    @Test func aResourceThatGoes() async throws {
        let clock = ManualClock()
        try await self.follow(
            lists: [
                Self.list(10, [Self.item("a", 1, "1")]), .failure(404, reason: "NotFound"),
                .failure(404, reason: "NotFound"),
            ],
            watches: [.failure(404, reason: "NotFound")],
            clock: clock
        ) { store, changes, _ in
            await changes.wait(count: 1)
            await clock.waitUntilSleeping()
            clock.advance(by: .milliseconds(800))
            await clock.waitUntilSleeping()
            #expect(store.count == 1, "one 404 is not believed")
            clock.advance(by: .seconds(5))
            await changes.wait(count: 2)
            #expect(changes.values.last == "deleted ns/a 1 -")
        }
    }

    @Test func severalNamespacesAreSyncedTogether() async throws {
        let goOn = KubeTesting.Gate()
        try await ScriptedServer.run(script: { request, _ in
            if request.isWatch { return Self.watch([]) }
            switch request.path {
            case "/api/v1/namespaces/x/configmaps": return Self.list(10, [Self.item("a", 1, "1", in: "x")])
            case "/api/v1/namespaces/y/configmaps":
                var answer = Self.list(11, [Self.item("a", 2, "2", in: "y")])
                answer.pieces.insert(.gate(goOn), at: 0)
                return answer
            default: return .failure(403, reason: "Forbidden")
            }
        }) { server in
            try await KubeClient.with(url: server.url) { client in
                let store = Self.store(client, .only(["y", "x", "y"]))
                let changes = Recorder<String>()
                store.subscribe { changes.add($0.map(Self.describe)) }
                try await running(store) {
                    await changes.wait(count: 1)
                    #expect(!store.isSynced)
                    goOn.open()
                    try await store.waitForSync()
                    #expect(changes.values == ["added x/a - 1", "added y/a - 2"])
                    #expect(store.keys(in: "y") == [ObjectKey(namespace: "y", name: "a")])
                    #expect(store.items(in: "x") == ["1"] && Set(store.items()) == ["1", "2"])
                    #expect(store.items(where: { $1 == "2" }) == ["2"])
                }
                #expect(server.requests.count { !$0.isWatch } == 2)
            }
        }
    }

    @Test func metadataStoresAskForMetadata() async throws {
        try await ScriptedServer.run(script: { request, _ in
            request.isWatch
                ? Self.watch([])
                : .json(
                    #"{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"5"},"items":["#
                        + #"{"metadata":{"name":"a","namespace":"n","uid":"u","ownerReferences":[{"uid":"o","kind":"K","name":"k"}]}}]}"#
                )
        }) { server in
            try await KubeClient.with(url: server.url) { client in
                let store = Store(metadataOf: WatchTarget(.configMaps), client: client, indexes: [.ownerUID])
                try await running(store) {
                    try await store.waitForSync()
                    #expect(store.items(by: .ownerUID, "o").map(\.uid) == ["u"])
                    #expect(store.keys(by: .ownerUID, "o") == [ObjectKey(namespace: "n", name: "a")])
                    await server.waitForRequests(2)
                }
                let accepts = server.requests.map { "\($0.headers)" }
                #expect(accepts[0].contains("as=PartialObjectMetadataList"))
                #expect(accepts[1].contains("as=PartialObjectMetadata"))
            }
        }
    }

    @Test func whoSubscribesLateHearsWhatIsThere() throws {
        let key = ObjectKey(namespace: "ns", name: "a")
        let store = Store<String>(name: "x", objects: [WatchedObject(key: key, resourceVersion: "1", item: "1")])
        let changes = Recorder<String>()
        let subscription = store.subscribe { changes.add($0.map(Self.describe)) }
        #expect(changes.values == ["added ns/a - 1"])
        store.receive(.deleted(key))
        subscription.cancel()
        store.receive(.applied(WatchedObject(key: key, resourceVersion: "2", item: "2")))
        #expect(changes.values == ["added ns/a - 1", "deleted ns/a 1 -"])
    }
}
