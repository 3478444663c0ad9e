import CollectorConfig
import Foundation
import JSONTree
import Testing
import YAMLTree

/// Hash input and both layouts of whole configurations, byte for byte. `UPDATE_GOLDEN=1` writes the expected files anew.
struct GoldenTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

    @Test(arguments: ["shell", "nasty"]) func bytes(_ name: String) throws {
        let folder = Self.root.appending(path: name)
        let input = try YAMLReader.document(in: Array(Data(contentsOf: folder.appending(path: "input.yaml"))))
        let configuration = try CollectorConfiguration(#require(input.object))
        let texts = [
            ("hash.json", String(decoding: configuration.hashInput, as: UTF8.self) + "\n"),
            ("collector.yaml", configuration.yaml),
            ("collector-with-target-allocator.yaml", configuration.targetAllocatorYAML),
        ]
        for (file, text) in texts {
            let place = folder.appending(path: file)
            if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
                try Data(text.utf8).write(to: place)
                continue
            }
            let expected = String(decoding: try Data(contentsOf: place), as: UTF8.self)
            let lines = (
                text.split(separator: "\n", omittingEmptySubsequences: false),
                expected.split(separator: "\n", omittingEmptySubsequences: false)
            )
            for (number, (is_, was)) in zip(lines.0, lines.1).enumerated() where !is_.utf8.elementsEqual(was.utf8) {
                Issue.record(
                    "\(name)/\(file):\(number + 1) is \(is_.debugDescription), expected \(was.debugDescription)"
                )
            }
            #expect(lines.0.count == lines.1.count)
        }
        // Whatever it looks like, the collector reads what was meant, and so does a reader of YAML 1.1.
        for dialect in [YAMLDialect.trueFalseOnly, .kubernetes] {
            for text in [configuration.yaml, configuration.targetAllocatorYAML] {
                #expect(try YAMLReader.document(in: text, dialect: dialect) == .object(configuration.tree))
            }
        }
    }
}
