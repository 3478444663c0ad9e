import CDiscovery

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A path with `*`, `?` or `[…]` in it. Hidden files match as all others do, as in Prometheus.
enum FilePattern {
    /// The paths that match, sorted. What can't be read has none.
    static func paths(matching pattern: String) -> [String] {
        guard Self.hasWildcards(pattern) else { return access(pattern, F_OK) == 0 ? [pattern] : [] }
        let split = pattern.utf8.lastIndex(of: UInt8(ascii: "/"))
        let folder = split.map { String(pattern[...$0]) } ?? ""
        let name = split.map { String(pattern[pattern.utf8.index(after: $0)...]) } ?? pattern
        var folders = [folder]
        if Self.hasWildcards(folder) {
            folders = Self.paths(matching: String(folder.dropLast())).map { $0 + "/" }
        }
        var found: [String] = []
        for folder in folders {
            guard let stream = opendir(folder.isEmpty ? "." : folder) else { continue }
            defer { closedir(stream) }
            while let entry = readdir(stream) {
                let entryName = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                if entryName == "." || entryName == ".." { continue }
                if fnmatch(name, entryName, 0) == 0 { found.append(folder + entryName) }
            }
        }
        return found.sorted()
    }

    private static func hasWildcards(_ text: String) -> Bool {
        text.utf8.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "[") }
    }
}

/// Tells one state of a file from another without reading it.
struct FileStamp: Sendable, Equatable {
    private let stamp: cdiscovery_stamp

    /// `nil` when there is no such file.
    init?(_ path: String) {
        var stamp = cdiscovery_stamp()
        guard cdiscovery_stamp_of(path, &stamp) else { return nil }
        self.stamp = stamp
    }

    static func == (left: FileStamp, right: FileStamp) -> Bool {
        let (left, right) = (left.stamp, right.stamp)
        return left.inode == right.inode && left.device == right.device && left.size == right.size
            && left.seconds == right.seconds && left.nanoseconds == right.nanoseconds
    }
}

/// A file's bytes. Blocks.
enum FileContent {
    /// More is refused: nobody lists that many targets.
    static let largest = 64 << 20

    static func bytes(of path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(message: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError(message: String(cString: strerror(errno)))
            }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= Self.largest else { throw FileError(message: "it has more than 64 MiB") }
        }
    }
}

struct FileError: Error, CustomStringConvertible {
    var message: String
    var description: String { self.message }
}
