import KubeClient
import KubeRuntime
package import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
package import TargetAllocation

#if canImport(Glibc)
import Glibc
#endif

/// Keeps the assignment in a file, so that a restart of the container changes nothing.
package final class StateFile: Service {
    private let path: String
    private let core: AllocatorCore
    private let state = Mutex((written: [UInt8](), failure: ""))

    package init(path: String, core: AllocatorCore) {
        self.path = path
        self.core = core
    }

    /// - Returns: `nil` where there is no file yet, or one of no use, which is told and no reason not to start.
    package static func read(_ path: String, logger: Logger) async -> AssignmentSnapshot? {
        do {
            return try AssignmentSnapshot(parsing: try await WatchedFiles.bytes(path))
        } catch let error as WatchedFiles.UnreadableFile where error.reason == "there is no such file" {
            return nil
        } catch {
            logger.warning(
                "the kept assignment is of no use; going on without it",
                metadata: ["path": "\(path)", "error": "\(error)"]
            )
            return nil
        }
    }

    package func run() async throws {
        let time = TimeSource(ContinuousClock())
        try await untilGracefulShutdown {
            while true {
                try await time.sleep(for: .seconds(5))
                await self.write()
            }
        }
        await self.write()
    }

    private func write() async {
        // Before that it would overwrite what it was to keep.
        guard let assignment = self.core.writtenAssignment() else { return }
        let bytes = Array(assignment.body.readableBytesView)
        guard self.state.withLock({ $0.written }) != bytes else { return }
        let path = self.path
        var failure = ""
        do {
            try await NIOThreadPool.singleton.runIfActive { try Self.replace(path, with: bytes) }
        } catch {
            failure = "\(error)"
        }
        let isNew = self.state.withLock { state in
            if failure.isEmpty { state.written = bytes }
            defer { state.failure = failure }
            return !failure.isEmpty && failure != state.failure
        }
        if isNew {
            Logger.current.error("the assignment can't be kept", metadata: ["path": "\(path)", "error": "\(failure)"])
        }
    }

    /// Beside it and then renamed: whoever reads it finds it whole.
    private static func replace(_ path: String, with bytes: [UInt8]) throws {
        struct Failure: Error, CustomStringConvertible { var description: String }
        func fail(_ what: String) -> Failure { Failure(description: "\(what): \(String(cString: strerror(errno)))") }
        let new = path + ".new"
        guard let file = fopen(new, "w") else { throw fail("cannot write \(new)") }
        let count = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
        guard fclose(file) == 0, count == bytes.count else { throw fail("cannot write \(new)") }
        guard rename(new, path) == 0 else { throw fail("cannot rename \(new) to \(path)") }
    }
}
