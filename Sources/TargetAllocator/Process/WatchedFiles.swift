import KubeClient
import KubeRuntime
import NIOCore
import _NIOFileSystem

/// Reads files again every few seconds and tells when they hold something else. The kubelet replaces what it mounts by
/// moving a symbolic link, which watching a file does not show; small files are cheaper read than watched.
struct WatchedFiles: Sendable {
    /// Settings are limited to what a ConfigMap holds in the API server, certificates are far smaller.
    static let maximumSize = Int64(16 << 20)

    var paths: [String]
    var period: Duration = .seconds(2)

    /// What the files hold; an error for the first that can't be read.
    func read() async throws -> [[UInt8]] {
        var contents: [[UInt8]] = []
        for path in self.paths { contents.append(try await Self.bytes(path)) }
        return contents
    }

    static func bytes(_ path: String) async throws -> [UInt8] {
        do {
            let buffer = try await ByteBuffer(
                contentsOf: FilePath(path),
                maximumSizeAllowed: .bytes(Self.maximumSize)
            )
            return Array(buffer.readableBytesView)
        } catch let error as FileSystemError {
            let reason =
                switch error.code {
                case .notFound: "there is no such file"
                case .permissionDenied: "permission denied"
                case .resourceExhausted: "it is larger than \(Self.maximumSize) bytes"
                default: error.message
                }
            throw UnreadableFile(path: path, reason: reason)
        }
    }

    struct UnreadableFile: Error, Hashable, CustomStringConvertible {
        var path: String
        var reason: String
        var description: String { "cannot read \(self.path): \(self.reason)" }
    }

    /// Until the task is cancelled. `changed` is called when contents differ from the last ones, or when reading fails in
    /// another way than before.
    func follow(
        from known: [[UInt8]],
        _ changed: @Sendable (Result<[[UInt8]], any Error>) async -> Void
    ) async throws {
        let time = TimeSource(ContinuousClock())
        var known = known
        var failure: String?
        while true {
            try await time.sleep(for: self.period)
            do {
                let contents = try await self.read()
                failure = nil
                guard contents != known else { continue }
                known = contents
                await changed(.success(contents))
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                guard failure != "\(error)" else { continue }
                failure = "\(error)"
                await changed(.failure(error))
            }
        }
    }
}
