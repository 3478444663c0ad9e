package import JSONTree
import YAMLTree

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The files beside a test: `Fixtures/<folder>` next to the test's own source file.
///
///     let fixtures = Fixtures("collector-deployment")
///     #expect(fixtures.difference(of: rendered, from: "expected.yaml") == nil)
///
/// With `UPDATE_GOLDEN=1` in the environment a comparison writes the file instead and finds no difference.
package struct Fixtures: Sendable {
    package let folder: String
    /// Whether comparisons write the expected files.
    package let updates: Bool

    /// - Parameter subfolder: below `Fixtures`; empty for that folder itself.
    package init(_ subfolder: String = "", filePath: String = #filePath) {
        self.init(
            subfolder,
            filePath: filePath,
            updates: getenv("UPDATE_GOLDEN").map { String(cString: $0) } == "1"
        )
    }

    init(_ subfolder: String, filePath: String, updates: Bool) {
        let slash = filePath.utf8.lastIndex(of: UInt8(ascii: "/"))
        let base = slash.map { String(filePath[..<$0]) } ?? "."
        self.folder = subfolder.isEmpty ? "\(base)/Fixtures" : "\(base)/Fixtures/\(subfolder)"
        self.updates = updates
    }

    package func path(_ name: String) -> String { "\(self.folder)/\(name)" }

    package func bytes(_ name: String) throws -> [UInt8] { try TestFile.read(self.path(name)) }

    package func text(_ name: String) throws -> String { String(decoding: try self.bytes(name), as: UTF8.self) }

    /// The only document of a YAML or JSON file.
    package func value(_ name: String) throws -> JSONValue { try YAMLReader.document(in: try self.bytes(name)) }

    /// All documents of a YAML file.
    package func values(_ name: String) throws -> [JSONValue] { try YAMLReader.documents(in: try self.bytes(name)) }

    /// What lies in the folder, in byte order.
    package func names() throws -> [String] { try TestFile.list(self.folder) }

    // MARK: Golden files

    /// Compares text byte by byte.
    ///
    /// - Returns: the first line that differs, `nil` when none does.
    package func difference(of actual: String, from name: String) throws -> String? {
        if self.updates {
            try TestFile.write(Array(actual.utf8), to: self.path(name))
            return nil
        }
        let expected = try self.text(name)
        if expected == actual { return nil }
        let expectedLines = expected.split(separator: "\n", omittingEmptySubsequences: false)
        let actualLines = actual.split(separator: "\n", omittingEmptySubsequences: false)
        for place in 0..<max(expectedLines.count, actualLines.count) {
            let left = place < expectedLines.count ? "'\(expectedLines[place])'" : "the end"
            let right = place < actualLines.count ? "'\(actualLines[place])'" : "the end"
            if left != right { return "\(name), line \(place + 1): expected \(left), got \(right)" }
        }
        return "\(name) differs"
    }

    /// Compares YAML or JSON texts by what they say: order of members, style and comments do not count.
    ///
    /// - Returns: where the first difference is, `nil` when there is none.
    package func difference(ofYAML actual: String, from name: String) throws -> String? {
        if self.updates {
            // What says the same stays as it is: comments and style of the file may be somebody's.
            if let old = try? self.values(name), try old == YAMLReader.documents(in: actual) { return nil }
            try TestFile.write(Array(actual.utf8), to: self.path(name))
            return nil
        }
        return Self.difference(between: try YAMLReader.documents(in: actual), and: try self.values(name))
            .map { "\(name): \($0)" }
    }

    /// Where two streams of documents first differ.
    package static func difference(between actual: [JSONValue], and expected: [JSONValue]) -> String? {
        for place in 0..<max(actual.count, expected.count) {
            if let found = Self.difference(Self.element(actual, place), Self.element(expected, place), at: "") {
                return "document \(place + 1)\(found)"
            }
        }
        return nil
    }

    // Not `… ? values[place] : nil`: that nil would be JSON's null.
    private static func element(_ values: [JSONValue], _ place: Int) -> JSONValue? {
        values.indices.contains(place) ? .some(values[place]) : .none
    }

    private static func difference(_ actual: JSONValue?, _ expected: JSONValue?, at path: String) -> String? {
        switch (actual, expected) {
        case (.object(let actual), .object(let expected)):
            for (key, value) in expected {
                if let found = Self.difference(actual[key], value, at: "\(path).\(key)") { return found }
            }
            for (key, value) in actual where !expected.contains(key) {
                return Self.difference(value, nil, at: "\(path).\(key)")
            }
            return nil
        case (.array(let actual), .array(let expected)):
            for place in 0..<max(actual.count, expected.count) {
                let found = Self.difference(
                    Self.element(actual, place),
                    Self.element(expected, place),
                    at: "\(path)[\(place)]"
                )
                if let found { return found }
            }
            return nil
        default:
            if actual == expected { return nil }
            func text(_ value: JSONValue?) -> String { value?.text() ?? "nothing" }
            return "\(path): expected \(text(expected)), got \(text(actual))"
        }
    }
}

/// Files as tests need them: small, and blocking is fine.
package enum TestFile {
    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    package static func read(_ path: String) throws -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Self.failure("read", path) }
        defer { close(file) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = systemRead(file, &block, block.count)
            guard count >= 0 else { throw Self.failure("read", path) }
            if count == 0 { return bytes }
            bytes.append(contentsOf: block[..<count])
        }
    }

    /// Writes a file anew, by rename, so that nobody reads half of it; makes its folder.
    package static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o644) throws {
        if let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) { try Self.makeFolder(String(path[..<slash])) }
        let temporary = "\(path).new"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard file >= 0 else { throw Self.failure("write", path) }
        defer { close(file) }
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { systemWrite(file, $0.baseAddress, $0.count) }
            guard count > 0 else { throw Self.failure("write", path) }
            written += count
        }
        guard rename(temporary, path) == 0 else { throw Self.failure("write", path) }
    }

    package static func makeFolder(_ path: String) throws {
        var made = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            made += "/\(part)"
            if mkdir(made, 0o755) != 0, errno != EEXIST { throw Self.failure("make", path) }
        }
    }

    /// The names in a folder, in byte order.
    package static func list(_ path: String) throws -> [String] {
        guard let folder = opendir(path) else { throw Self.failure("list", path) }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// A new empty folder below /tmp; the caller removes it with ``remove(_:)``.
    package static func temporaryFolder(_ prefix: String = "swiftlet") throws -> String {
        var template = Array("/tmp/\(prefix)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Self.failure("make", "/tmp/\(prefix)-…") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Removes a file, or a folder with all that is in it.
    package static func remove(_ path: String) {
        if let names = try? Self.list(path) {
            for name in names { Self.remove("\(path)/\(name)") }
            rmdir(path)
        } else {
            unlink(path)
        }
    }

    private static func failure(_ what: String, _ path: String) -> Failure {
        Failure(description: "cannot \(what) \(path): \(String(cString: strerror(errno)))")
    }
}

// The names that TestFile's own functions hide.
private func systemRead(_ file: Int32, _ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(file, bytes, count)
}
private func systemWrite(_ file: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int { write(file, bytes, count) }
