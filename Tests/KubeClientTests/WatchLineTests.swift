import JSONTree
import KubeModel
import NIOCore
import Testing

@testable import KubeClient

struct WatchLineTests {
    private func lines(_ chunks: [ByteBuffer], maximum: Int = 1_000) throws -> (lines: [String], hasRest: Bool) {
        var splitter = LineSplitter(maximumLine: maximum)
        var lines: [String] = []
        for chunk in chunks {
            splitter.append(chunk)
            while let line = try splitter.next() { lines.append(line.text) }
        }
        return (lines, splitter.hasPartialLine)
    }

    @Test func everySplitGivesTheSameLines() throws {
        let text = "first\n\nsecond line\r\nth\nfourth\n"
        let bytes = Array(text.utf8)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let chunks = [bytes[..<first], bytes[first..<second], bytes[second...]].map { ByteBuffer(bytes: $0) }
                let result = try self.lines(chunks)
                #expect(result.lines == ["first", "second line", "th", "fourth"], "split at \(first) and \(second)")
                #expect(!result.hasRest)
            }
        }
    }

    @Test func byteByByte() throws {
        let result = try self.lines("ab\ncd\nrest".utf8.map { ByteBuffer(bytes: [$0]) })
        #expect(result.lines == ["ab", "cd"])
        #expect(result.hasRest)
    }

    @Test func aLineTooLongIsRefused() throws {
        let long = ByteBuffer(repeating: UInt8(ascii: "x"), count: 60)
        let fits = try self.lines([long, long, ByteBuffer(string: "\n")], maximum: 120)
        #expect(fits.lines == [String(repeating: "x", count: 120)])
        #expect { try self.lines([long, long, long], maximum: 120) } throws: {
            ($0 as? KubeClientError)?.code == .tooLarge
        }
    }

    @Test func aLongLineIsSearchedOnce() throws {
        // 16 MB in pieces of 1 kB: quadratic searching would take minutes.
        var splitter = LineSplitter()
        let piece = ByteBuffer(repeating: UInt8(ascii: "x"), count: 1_024)
        let start = ContinuousClock.now
        for _ in 0..<16_384 {
            splitter.append(piece)
            #expect(try splitter.next() == nil)
        }
        splitter.append(ByteBuffer(string: "\n"))
        #expect(try splitter.next()?.readableBytes == 16 << 20)
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    @Test func endlessStreamsTakeNoMoreMemory() throws {
        // Chunks that never end where a line does, and a reader who still holds the last line.
        var splitter = LineSplitter()
        var last: ByteBuffer?
        splitter.append(ByteBuffer(string: "begin"))
        for _ in 0..<10_000 {
            splitter.append(ByteBuffer(string: " of a line\nnext\nthe beginning"))
            while let line = try splitter.next() { last = line }
        }
        #expect(last?.text == "next")
        #expect(splitter.capacity < 1_000, "\(splitter.capacity)")
    }

    @Test(arguments: [
        #"{"type":"ADDED","object":{"a":1}}"#, #"{"object":{"a":1},"type":"ADDED"}"#,
        #" { "type" : "ADDED" , "object" : {"a":1} } "#, #"{"type":"ADDED","extra":[{}],"object":{"a":1}}"#,
    ])
    func eventsInAnyLayout(line: String) throws {
        // Not at the start of its storage, as within a chunk.
        var buffer = ByteBuffer(string: "xx\(line)")
        buffer.moveReaderIndex(forwardBy: 2)
        let event = try WatchEvent(line: buffer)
        #expect(event.kind == .added)
        #expect(event.object.text == #"{"a":1}"#)
        #expect(try event.tree().json == ["a": 1])
    }

    @Test(arguments: [
        "", "null", "[]", #"{"type":"ADDED"}"#, #"{"object":{}}"#, #"{"type":"NEWS","object":{}}"#,
        #"{"type":"ADDED","object":{"a"}"#, #"{"type":"ADDED","object":{}"#, "<html>",
    ])
    func whatIsNoEvent(line: String) {
        #expect(throws: JSONError.self) { try WatchEvent(line: ByteBuffer(string: line)) }
    }

    @Test func brokenObjectsAreFoundByTheReader() throws {
        // The quick way does not look at the object; one bad object does not end the watch.
        let event = try WatchEvent(line: ByteBuffer(string: #"{"type":"MODIFIED","object":{"a":nonsense}}"#))
        #expect(event.kind == .modified)
        #expect(throws: JSONError.self) { try event.tree() }
    }

    @Test func errorEvents() throws {
        let line = """
            {"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure",\
            "message":"too old resource version: 1 (2)","reason":"Expired","code":410}}
            """
        let error = try WatchEvent(line: ByteBuffer(string: line)).status()
        #expect(error.isGone && error.reason == "Expired")
        #expect(error.message == "too old resource version: 1 (2)")
        let other = WatchEvent(kind: .error, object: ByteBuffer(string: #"{"kind":"Pod"}"#)).status()
        #expect(other.code == 500)
    }
}
