import Foundation
import Testing

@testable import TargetAllocator

struct FilePatternTests {
    /// A folder that is gone after `body`.
    static func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "discovery-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder + "/sub/deep", withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for name in ["a.json", "b.yml", ".h.yml", "sub/c.yml", "sub/deep/d.yml", "x[1].yml"] {
            try Data("[]".utf8).write(to: URL(filePath: "\(folder)/\(name)"))
        }
        try await body(folder)
    }

    @Test func paths() async throws {
        try await Self.withFolder { folder in
            func found(_ pattern: String) -> [String] {
                FilePattern.paths(matching: "\(folder)/\(pattern)").map { String($0.dropFirst(folder.count + 1)) }
            }
            #expect(found("*.json") == ["a.json"])
            #expect(found("*.yml") == [".h.yml", "b.yml", "x[1].yml"])
            #expect(found("?.yml") == ["b.yml"])
            #expect(found("[ab].*") == ["a.json", "b.yml"])
            #expect(found("sub/*.yml") == ["sub/c.yml"])
            #expect(found("*/*.yml") == ["sub/c.yml"])
            #expect(found("*/deep/*.yml") == ["sub/deep/d.yml"])
            #expect(found("a.json") == ["a.json"])
            #expect(found("gone.json") == [])
            #expect(found("gone/*.json") == [])
            #expect(found("[") == [])
        }
    }

    @Test func stampsTellStatesApart() async throws {
        try await Self.withFolder { folder in
            let path = "\(folder)/a.json"
            let first = try #require(FileStamp(path))
            #expect(FileStamp(path) == first)
            try Data("[ ]".utf8).write(to: URL(filePath: path))
            #expect(FileStamp(path) != first)
            #expect(FileStamp("\(folder)/gone") == nil)
        }
    }

    @Test func contentOfWhatIsNoFile() async throws {
        try await Self.withFolder { folder in
            #expect(throws: FileError.self) { try FileContent.bytes(of: "\(folder)/gone") }
            #expect(throws: FileError.self) { try FileContent.bytes(of: "\(folder)/sub") }
            let bytes = try FileContent.bytes(of: "\(folder)/a.json")
            #expect(bytes == Array("[]".utf8))
        }
    }
}
