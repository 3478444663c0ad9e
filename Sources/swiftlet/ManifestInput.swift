import ArgumentParser
import JSONTree
import KubeModel
import YAMLTree

#if canImport(Glibc)
import Glibc
#endif

/// Reads `-f` arguments: files of YAML or JSON documents, folders of such files, `-` for standard input.
enum ManifestInput {
    /// What one file may hold.
    static let sizeLimit = 64 << 20

    /// Every object of the files, in order, lists flattened.
    ///
    /// - Throws: exit code 64, after a line that names the file, the place in it and what is wrong.
    static func objects(in files: [String]) throws -> [KubeObject] {
        var objects: [KubeObject] = []
        for file in try files.flatMap(self.expanded) {
            let bytes = try self.read(file)
            do {
                for found in try ManifestReader.objects(in: bytes) { objects.append(KubeObject(found.object)) }
            } catch {
                throw self.refused(file, "\(error)")
            }
        }
        return objects
    }

    /// No usage after it: the command line was right, what it names is not.
    private static func refused(_ file: String, _ reason: String) -> ExitCode {
        complain("error: \(file == "-" ? "standard input" : file): \(reason)")
        return ExitCode(64)
    }

    /// A folder stands for its `.yaml`, `.yml` and `.json` files in the order of their names, as for kubectl.
    private static func expanded(_ path: String) throws -> [String] {
        guard path != "-", let folder = opendir(path) else { return [path] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if [".yaml", ".yml", ".json"].contains(where: name.hasSuffix) { names.append(name) }
        }
        guard !names.isEmpty else { throw self.refused(path, "the folder holds no .yaml, .yml or .json file") }
        return names.sorted().map { path.hasSuffix("/") ? path + $0 : "\(path)/\($0)" }
    }

    static func read(_ file: String) throws -> [UInt8] {
        let descriptor = file == "-" ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw self.refused(file, String(cString: strerror(errno))) }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw self.refused(file, String(cString: strerror(errno)))
            }
            if count == 0 { return bytes }
            bytes.append(contentsOf: buffer[0..<count])
            guard bytes.count <= Self.sizeLimit else {
                throw self.refused(file, "larger than \(Self.sizeLimit >> 20) MiB")
            }
        }
    }
}

/// Writes to standard error, for what is not the command's result.
func complain(_ text: String) {
    var line = Array((text + "\n").utf8)
    _ = line.withUnsafeMutableBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// Writes a command's result to standard output. Output that is lost is no success; a reader that has seen enough
/// (`swiftlet render | head`) is no failure, but there is nothing left to do for it.
func emit(_ text: String) throws {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
        if count >= 0 {
            rest = rest.dropFirst(count)
        } else if errno == EPIPE {
            throw ExitCode.success
        } else if errno != EINTR {
            complain("error: standard output: \(String(cString: strerror(errno)))")
            throw ExitCode.failure
        }
    }
}
