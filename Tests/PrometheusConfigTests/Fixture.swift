import Foundation
import JSONTree
import Testing
import YAMLTree

/// The files in the folder Fixtures.
enum Fixture {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
    static var updates: Bool { ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" }

    /// A case of a list of cases.
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var json: JSONObject
        var testDescription: String { self.name }
    }

    static func cases(_ file: String) -> [Case] {
        do {
            let text = try Data(contentsOf: root.appending(path: file))
            let list = try YAMLReader.document(in: Array(text), dialect: .trueFalseOnly).array ?? []
            let cases = list.compactMap(\.object).map { Case(name: $0[string: "name"] ?? "", json: $0) }
            // A case that is not read, or hidden by another of its name, would pass unseen.
            guard cases.count == list.count, Set(cases.map(\.name)).count == cases.count else {
                return [Case(name: "\(file): a name is missing or there twice", json: [:])]
            }
            return cases
        } catch {
            return [Case(name: "\(file): \(error)", json: [:])]
        }
    }

    static func object(_ file: String) throws -> JSONObject {
        let bytes = Array(try Data(contentsOf: root.appending(path: file)))
        return try #require(JSONValue(parsing: bytes).object)
    }

    static func write(_ object: JSONObject, to file: String) throws {
        // One line for each member: lines are what a review reads.
        let lines = object.members.map { "  \(JSONValue.string($0.key).text()): \(Self.sorted($0.value))" }
        try Data("{\n\(lines.joined(separator: ",\n"))\n}\n".utf8).write(to: root.appending(path: file))
    }

    private static func sorted(_ value: JSONValue) -> String {
        var writer = JSONWriter(options: .canonical)
        writer.write(value)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
