import Foundation
import PrometheusModel
import Testing

@testable import TargetAllocator

struct FileRefreshTests {
    private static func addresses(_ lists: [GroupList]?) -> [String]? {
        lists?.flatMap(\.groups).flatMap { $0.targets.flatMap { $0.map(\.value) } }
    }

    private static func write(_ text: String, _ path: String) throws {
        try Data(text.utf8).write(to: URL(filePath: path))
    }

    @Test func whatIsBrokenKeepsWhatWasGood() async throws {
        try await FilePatternTests.withFolder { folder in
            let path = "\(folder)/sub/targets.json"
            var refresh = FileRefresh(patterns: ["\(folder)/sub/*.json"], rereadInterval: .seconds(300))
            // Nothing there is a complete answer, too.
            #expect(Self.addresses(try await refresh.refresh()) == [])
            #expect(Self.addresses(try await refresh.refresh()) == nil)
            try Self.write(#"[{"targets":["a:1"]}]"#, path)
            #expect(Self.addresses(try await refresh.refresh()) == ["a:1"])
            try Self.write(#"[{"targets":["#, path)
            #expect(Self.addresses(try await refresh.refresh()) == nil)
            try Self.write(#"[{"targets":["b:22"]},{"targets":["c:3"]}]"#, path)
            #expect(Self.addresses(try await refresh.refresh()) == ["b:22", "c:3"])
            try FileManager.default.removeItem(atPath: path)
            #expect(Self.addresses(try await refresh.refresh()) == [])
        }
    }

    @Test func brokenFromTheBeginning() async throws {
        try await FilePatternTests.withFolder { folder in
            try Self.write("{", "\(folder)/sub/bad.json")
            try Self.write(#"[{"targets":["a:1"]}]"#, "\(folder)/sub/good.json")
            var refresh = FileRefresh(patterns: ["\(folder)/sub/*.json"], rereadInterval: .seconds(300))
            #expect(Self.addresses(try await refresh.refresh()) == ["a:1"])
        }
    }

    /// A file of two patterns counts once; all is read again after the interval.
    @Test func twoPatterns() async throws {
        try await FilePatternTests.withFolder { folder in
            try Self.write(#"[{"targets":["a:1"]}]"#, "\(folder)/sub/a.json")
            var refresh = FileRefresh(
                patterns: ["\(folder)/sub/*.json", "\(folder)/sub/a.*"],
                rereadInterval: .zero
            )
            #expect(Self.addresses(try await refresh.refresh()) == ["a:1"])
            #expect(Self.addresses(try await refresh.refresh()) == nil)
        }
    }
}
