import Logging
import NIOCore
import Synchronization
import _NIOFileSystem

/// Reads small files without blocking the cooperative pool.
enum FileReading {
    /// Certificates, tokens and kubeconfig files are far smaller.
    static let maximumSize = 4 << 20

    /// - Parameter what: for the error message, such as "the CA certificate".
    /// - Throws: ``KubeClientError`` with the given code, naming the file.
    static func bytes(
        of path: String,
        what: String,
        code: KubeClientError.Code = .configuration
    ) async throws -> [UInt8] {
        do {
            let buffer = try await ByteBuffer(
                contentsOf: FilePath(path),
                maximumSizeAllowed: .bytes(Int64(Self.maximumSize))
            )
            return Array(buffer.readableBytesView)
        } catch let error as FileSystemError {
            let reason: String
            switch error.code {
            case .notFound: reason = "there is no such file"
            case .permissionDenied: reason = "permission denied"
            case .resourceExhausted: reason = "it is larger than \(Self.maximumSize) bytes"
            default: reason = error.message
            }
            throw KubeClientError(code, "cannot read \(what) from \(path): \(reason)", cause: error)
        }
    }

    static func exists(_ path: String) async -> Bool {
        let info = try? await FileSystem.shared.info(forFileAt: FilePath(path))
        return info != nil
    }
}

/// The contents of a file that somebody else replaces now and then (tokens, certificates): read again when older than
/// ``maximumAge``. A file that cannot be read later on leaves what was read before.
final class RotatingFile: Sendable {
    let path: String
    private let what: String
    private let time: TimeSource
    private let logger: Logger
    private let state = Mutex<(bytes: [UInt8], readAt: Duration)?>(nil)

    /// The kubelet refreshes tokens when a fifth of their life is left, so a minute is soon enough.
    static let maximumAge = Duration.seconds(60)

    init(path: String, what: String, time: TimeSource, logger: Logger) {
        self.path = path
        self.what = what
        self.time = time
        self.logger = logger
    }

    func bytes() async throws -> [UInt8] {
        let now = self.time.now
        let known = self.state.withLock { $0 }
        if let known, now - known.readAt < Self.maximumAge { return known.bytes }
        do {
            let bytes = try await FileReading.bytes(of: self.path, what: self.what, code: .credentials)
            self.state.withLock { $0 = (bytes, now) }
            return bytes
        } catch {
            guard let known else { throw error }
            // Replaced by rename, or a volume that is remounted: what we have may still be good. Try again in a minute.
            self.logger.warning(
                "A credential file cannot be read; going on with what it said before",
                metadata: ["path": "\(self.path)", "error": "\(error)"]
            )
            self.state.withLock { $0 = (known.bytes, now) }
            return known.bytes
        }
    }

    /// Reads anew the next time: the server refused what is known.
    func expire() {
        self.state.withLock { state in
            if let known = state { state = (known.bytes, known.readAt - Self.maximumAge) }
        }
    }
}
