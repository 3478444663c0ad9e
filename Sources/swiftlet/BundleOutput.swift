import ArgumentParser
import Diagnostics
import KubeClient
import KubeModel

#if canImport(Glibc)
import Glibc
#endif

/// Writes a bundle as an archive or a folder.
struct BundleOutput {
    let path: String
    var isFolder: Bool

    /// - Parameter isFolder: `nil` to tell by the name.
    init(path: String, isFolder: Bool? = nil) {
        self.path = path
        self.isFolder = isFolder ?? ![".tar.gz", ".tgz", ".tar"].contains(where: path.hasSuffix)
    }

    /// - Throws: exit code 1, after a line that says what can't be written and why.
    func write(_ bundle: SupportBundle) throws {
        let now = Timestamp.now()
        let files = bundle.complete(version: Version.current, time: now)
        if self.isFolder {
            for file in files { try self.write(file.bytes, to: "\(self.path)/\(file.path)") }
        } else {
            let folder = self.path.split(separator: "/").last.map { String($0.prefix { $0 != "." }) } ?? "bundle"
            let tar = TarArchive.bytes(of: files.map { BundleFile("\(folder)/\($0.path)", $0.bytes) }, time: now)
            try self.write(
                self.path.hasSuffix(".tar") ? tar : GzipFile.bytes(storing: tar, time: now),
                to: self.path
            )
        }
        for error in bundle.errors { complain("warning: not collected: \(error)") }
        complain("\(self.path): \(files.count) files, \(bundle.redaction.places.count) places redacted (manifest.json)")
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        try self.makeFolders(for: path)
        // What is in it is nobody else's business.
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw self.refused(path) }
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                throw self.refused(path)
            }
        }
    }

    private func makeFolders(for path: String) throws {
        var folder = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/").dropLast() {
            folder += (folder.isEmpty || folder == "/" ? "" : "/") + part
            guard mkdir(folder, 0o700) == 0 || errno == EEXIST || errno == EISDIR else { throw self.refused(folder) }
        }
    }

    private func refused(_ path: String) -> ExitCode {
        complain("error: \(path): \(String(cString: strerror(errno)))")
        return .failure
    }
}
