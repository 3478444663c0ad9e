import FuzzTesting
import JSONTree
import Testing

/// A small part of what `hack/fuzz` runs by the million: the same corpus, mutator and judge.
@Suite(.timeLimit(.minutes(5))) struct FuzzTests {
    private static let tests =
        "\(#filePath)".split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/")

    private static let corpus = Result { try FuzzCorpus(tests: Self.tests) }

    @Test(arguments: 0..<8) func answers(_ part: Int) throws {
        let corpus = try Self.corpus.get()
        var judge = ReviewJudge(corpus)
        let first = UInt64(part) * 2500
        for number in first..<first + 2500 {
            let input = corpus.input(number, seed: 7)
            let wrong = judge.judge(input, thoroughly: number.isMultiple(of: 4))
            #expect(wrong == nil, "\(String(decoding: input.bytes, as: UTF8.self))")
        }
        // Enough of them are still reviews, or this would test the parser alone.
        #expect(judge.counts.patched > 300)
        #expect(judge.counts.applied > 50)
        #expect(judge.counts.refused > 100)
        #expect(judge.counts.unreadable > 100)
        #expect(judge.counts.resources > 50)
    }

    /// A failure can be looked at again only if the same comes of the same.
    @Test func inputsAreReproducible() throws {
        let again = try FuzzCorpus(tests: Self.tests)
        for number in UInt64(0)..<200 {
            let input = try Self.corpus.get().input(number, seed: 3)
            #expect(again.input(number, seed: 3).bytes == input.bytes)
            let read = try #require(FuzzInput(input.bytes))
            #expect(read.body == input.body)
            #expect(read.target == input.target)
            #expect((read.number, read.scenario) == (input.number, input.scenario))
        }
    }

    static let documents = [
        "{}", "[]", "\"\"", "0", "-0.5E+10", "null", " [ 1 , {\"a\" : [ ] } ]\n", #"["\u00e9\ud83d\ude00\"\\\/\b"]"#,
        "\"é😀\"",
        #"{"":{"":[]},"":1}"#,
    ]

    static let others = [
        "", " ", "{", "}", "[1,]", "[,1]", "{\"a\"}", "{\"a\":1,}", "{a:1}", "01", "1.", ".5", "+1", "-", "1e", "tru",
        "nulll", "'a'",
        "\"a", "\"\u{1}\"", "\"\n\"", #""\x""#, #""\u12""#, #""\ud800""#, #""\udc00""#, #""\ud800\u0041""#, "[1 2]",
        "{\"a\" 1}",
        "[}", "{]", "1 2", "[]]", "\u{FEFF}[]", "NaN", "[1]//",
    ]

    /// The judge of all this is judged as well.
    @Test(arguments: Self.documents) func isJSON(_ text: String) {
        #expect(JSONSpans.isWellFormed(Array(text.utf8)))
    }

    @Test(arguments: Self.others) func isNoJSON(_ text: String) {
        #expect(!JSONSpans.isWellFormed(Array(text.utf8)))
    }

    @Test(
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
            [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22],
            [0x22, 0xE2, 0x82, 0x22], [0x22, 0xE2, 0x82],
        ] as [[UInt8]]
    )
    func isNoText(_ bytes: [UInt8]) {
        #expect(!JSONSpans.isWellFormed(bytes))
    }

    @Test func spans() throws {
        let bytes = Array(#"{"a": [1, "x"], "b": {}}"#.utf8)
        let spans = try #require(JSONSpans(bytes)).spans
        #expect(
            spans.map { String(decoding: bytes[$0.lower..<$0.upper], as: UTF8.self) } == [
                #"{"a": [1, "x"], "b": {}}"#, #"[1, "x"]"#, "1", #""x""#, "{}",
            ]
        )
        #expect(spans.map(\.isMember) == [false, true, false, false, true])
        #expect(String(decoding: bytes[spans[4].member..<spans[4].lower], as: UTF8.self) == #""b": "#)
    }
}
