import Glibc
import PodInjection
import Testing

/// Users look reasons up: each one is in docs/reasons.md, and nothing else is.
struct ReasonTests {
    private static let root =
        "\(#filePath)".split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")

    private func lines(_ path: String) throws -> [Substring] {
        let file = try #require(fopen("\(Self.root)/\(path)", "r"), "\(path) can't be read")
        defer { fclose(file) }
        var buffer = [UInt8](repeating: 0, count: 1 << 17)
        let count = fread(&buffer, 1, buffer.count, file)
        return String(decoding: buffer.prefix(count), as: UTF8.self).split(separator: "\n")
    }

    @Test func allAreDocumented() throws {
        var declared: Set<String> = []
        for path in ["Sources/PodInjection/Decision.swift", "Sources/PodInjection/Injection+Size.swift"] {
            for line in try self.lines(path) where line.contains("static let") && line.contains("ReasonCode(") {
                let parts = line.split(separator: "\"")
                declared.insert(String(try #require(parts.count == 3 ? parts[1] : nil)))
            }
        }
        #expect(declared.count > 25)
        var documented: Set<String> = []
        for line in try self.lines("docs/reasons.md") where line.hasPrefix("| `") {
            documented.insert(String(line.dropFirst(3).prefix { $0 != "`" }))
        }
        #expect(declared.subtracting(documented) == [])
        #expect(documented.subtracting(declared) == [])
    }
}
