import JSONTree
import KubeModel
import Testing

@testable import KubeRuntime

@Suite struct EventSeriesTests {
    private static let wall = Timestamp(seconds: 1_700_000_000)

    static func note(_ text: String = "it failed", of name: String = "web", in namespace: String = "shop") -> EventNote
    {
        EventNote(
            .warning,
            reason: "Failed",
            action: "Apply",
            note: text,
            regarding: ObjectReference(
                GroupVersionKind(group: "apps", version: "v1", kind: "Deployment"),
                ObjectKey(namespace: namespace, name: name),
                uid: "u1"
            )
        )
    }

    private static func later(_ seconds: Int64) -> Timestamp { Timestamp(seconds: 1_700_000_000 + seconds) }

    @Test func isCreatedOnceThenCounted() {
        var series = EventSeries()
        let note = Self.note()
        #expect(series.record(note, wallTime: Self.wall, now: .zero) == .send(at: .zero))
        guard case .create(let name, Self.wall, Self.wall, 1) = series.write(for: note) else {
            Issue.record("\(String(describing: series.write(for: note)))")
            return
        }
        #expect(name.hasPrefix("web."))
        series.wrote(note, count: 1, now: .zero)
        #expect(series.write(for: note) == nil && series.unsent.isEmpty)
        #expect(series.record(note, wallTime: Self.later(1), now: .seconds(1)) == .send(at: .seconds(10)))
        #expect(series.record(note, wallTime: Self.later(2), now: .seconds(2)) == .send(at: .seconds(10)))
        #expect(series.write(for: note) == .update(name: name, last: Self.later(2), count: 3))
        series.wrote(note, count: 3, now: .seconds(10))
        #expect(
            series.record(note, wallTime: Self.later(11), now: .seconds(11)) == .send(at: .seconds(30)),
            "more slowly"
        )
    }

    @Test func whatRepeatsBeforeItIsSentIsCreatedWithItsCount() {
        var series = EventSeries()
        _ = series.record(Self.note(), wallTime: Self.wall, now: .zero)
        #expect(series.record(Self.note(), wallTime: Self.later(3), now: .seconds(3)) == .send(at: .seconds(3)))
        guard case .create(_, Self.wall, Self.later(3), 2) = series.write(for: Self.note()) else {
            Issue.record("\(String(describing: series.write(for: Self.note())))")
            return
        }
    }

    @Test func countsOnlyWithinTheWindow() {
        var series = EventSeries()
        let note = Self.note()
        _ = series.record(note, wallTime: Self.wall, now: .zero)
        series.wrote(note, count: 1, now: .zero)
        _ = series.record(note, wallTime: Self.later(599), now: .seconds(599))
        guard case .update = series.write(for: note) else {
            Issue.record("expected an update")
            return
        }
        series.wrote(note, count: 2, now: .seconds(599))
        _ = series.record(note, wallTime: Self.later(1199), now: .seconds(1199))
        guard case .create(_, Self.later(1199), _, 1) = series.write(for: note) else {
            Issue.record("expected a new event")
            return
        }
    }

    @Test func differentNotesAreDifferentEvents() {
        var series = EventSeries()
        let notes = [Self.note("a"), Self.note("b"), Self.note("a", of: "other")]
        for note in notes { _ = series.record(note, wallTime: Self.wall, now: .zero) }
        #expect(series.count == 3)
        let names = Set(
            notes.map { note in
                if case .create(let name, _, _, _) = series.write(for: note) { name } else { "" }
            }
        )
        #expect(names.count == 3)
    }

    @Test func anObjectHasABurstThenOneEachFiveMinutes() {
        var series = EventSeries()
        for number in 0..<25 {
            #expect(series.record(Self.note("\(number)"), wallTime: Self.wall, now: .zero) == .send(at: .zero))
        }
        #expect(series.record(Self.note("25"), wallTime: Self.wall, now: .zero) == .limited)
        #expect(
            series.record(Self.note("0"), wallTime: Self.wall, now: .zero) == .send(at: .zero),
            "a known one counts"
        )
        #expect(series.record(Self.note("x", of: "other"), wallTime: Self.wall, now: .zero) == .send(at: .zero))
        #expect(series.record(Self.note("25"), wallTime: Self.wall, now: .seconds(299)) == .limited)
        #expect(series.record(Self.note("25"), wallTime: Self.wall, now: .seconds(301)) == .send(at: .seconds(301)))
    }

    @Test func isBounded() {
        var configuration = EventSeries.Configuration()
        configuration.capacity = 10
        configuration.burst = 1000
        var series = EventSeries(configuration: configuration)
        for number in 0..<10 { _ = series.record(Self.note("\(number)"), wallTime: Self.wall, now: .zero) }
        #expect(series.record(Self.note("more"), wallTime: Self.wall, now: .zero) == .full)
        for number in 0..<10 { series.wrote(Self.note("\(number)"), count: 1, now: .zero) }
        #expect(series.record(Self.note("more"), wallTime: Self.wall, now: .seconds(599)) == .full, "they may repeat")
        #expect(series.record(Self.note("more"), wallTime: Self.wall, now: .seconds(600)) == .send(at: .seconds(600)))
        #expect(series.count == 1)
    }

    @Test func anEventThatVanishedIsCreatedAnew() {
        var series = EventSeries()
        let note = Self.note()
        _ = series.record(note, wallTime: Self.wall, now: .zero)
        guard case .create(let first, _, _, _) = series.write(for: note) else {
            Issue.record("no create")
            return
        }
        series.wrote(note, count: 1, now: .zero)
        _ = series.record(note, wallTime: Self.later(5), now: .seconds(5))
        series.vanished(note)
        guard case .create(let second, Self.later(5), Self.later(5), 1) = series.write(for: note) else {
            Issue.record("no second create")
            return
        }
        #expect(first != second)
    }

    @Test func givesUpAfterSomeAttempts() {
        var series = EventSeries()
        let note = Self.note()
        _ = series.record(note, wallTime: Self.wall, now: .zero)
        for _ in 0..<7 { #expect(series.failed(note, isFinal: false) == true) }
        #expect(series.failed(note, isFinal: false) == false)
        #expect(series.write(for: note) == nil && series.count == 0)
        _ = series.record(note, wallTime: Self.wall, now: .zero)
        #expect(series.failed(note, isFinal: true) == false)
        #expect(series.write(for: note) == nil)
    }
}

@Suite struct EventNoteTests {
    private static let reporter = EventReporter(controller: "opentelemetry-operator", instance: "pod-1")
    private static let first = Timestamp(seconds: 1_700_000_000, nanoseconds: 123_456_789)
    private static let last = Timestamp(seconds: 1_700_000_060)

    @Test func inTheEventsAPI() throws {
        let event = EventAPI.events.object(
            EventSeriesTests.note(),
            name: "web.1",
            reporter: Self.reporter,
            first: Self.first,
            last: Self.last,
            count: 2
        )
        let expected = try JSONValue(
            parsing: """
                {"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"web.1","namespace":"shop"},
                "eventTime":"2023-11-14T22:13:20.123456Z","reportingController":"opentelemetry-operator",
                "reportingInstance":"pod-1","action":"Apply","reason":"Failed","type":"Warning","note":"it failed",
                "regarding":{"apiVersion":"apps/v1","kind":"Deployment","namespace":"shop","name":"web","uid":"u1"},
                "series":{"count":2,"lastObservedTime":"2023-11-14T22:14:20.000000Z"}}
                """
        )
        #expect(JSONValue.object(event.json) == expected)
        #expect(EventAPI.events.patch(last: Self.last, count: 3)[path: "series", "count"] == 3)
    }

    @Test func inTheCoreAPI() throws {
        let event = EventAPI.core.object(
            EventSeriesTests.note(in: ""),
            name: "web.1",
            reporter: Self.reporter,
            first: Self.first,
            last: Self.last,
            count: 1
        )
        let expected = try JSONValue(
            parsing: """
                {"apiVersion":"v1","kind":"Event","metadata":{"name":"web.1","namespace":"default"},
                "firstTimestamp":"2023-11-14T22:13:20Z","lastTimestamp":"2023-11-14T22:14:20Z","count":1,
                "reportingComponent":"opentelemetry-operator","source":{"component":"opentelemetry-operator"},
                "reportingInstance":"pod-1","action":"Apply","reason":"Failed","type":"Warning","message":"it failed",
                "involvedObject":{"apiVersion":"apps/v1","kind":"Deployment","name":"web","uid":"u1"}}
                """
        )
        #expect(JSONValue.object(event.json) == expected)
    }

    @Test func longTextIsShortenedBetweenCharacters() {
        let note = EventSeriesTests.note(String(repeating: "ä", count: 2000))
        #expect(note.note.utf8.count <= 1024 && note.note.utf8.count > 1020 && note.note.hasSuffix("ä…"))
        #expect(EventSeriesTests.note(String(repeating: "x", count: 1024)).note.utf8.count == 1024)
        let wordy = EventNote(.normal, reason: String(repeating: "R", count: 200), note: "", regarding: note.regarding)
        #expect(wordy.reason.utf8.count <= 128 && wordy.action == wordy.reason)
    }
}
