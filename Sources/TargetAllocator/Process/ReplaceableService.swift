import KubeRuntime
import ServiceLifecycle
import Synchronization

/// Runs a service that can be replaced by another one while it runs, as when the configuration has changed.
final class ReplaceableService<Configuration: Sendable & Equatable>: Service {
    private let wanted: Mutex<Configuration>
    private let changed = Signal()
    private let make: @Sendable (Configuration) throws -> (any Service)?

    /// - Parameter make: `nil` for a configuration that needs no service.
    init(_ configuration: Configuration, make: @escaping @Sendable (Configuration) throws -> (any Service)?) {
        self.wanted = Mutex(configuration)
        self.make = make
    }

    /// The same configuration again changes nothing.
    func replace(_ configuration: Configuration) {
        let isNew = self.wanted.withLock { wanted in
            defer { wanted = configuration }
            return wanted != configuration
        }
        if isNew { self.changed.raise() }
    }

    func run() async throws {
        try await untilGracefulShutdown {
            while !Task.isShuttingDownGracefully {
                try Task.checkCancellation()
                let service = try self.make(self.wanted.withLock { $0 })
                try await withThrowingTaskGroup(of: Void.self) { group in
                    if let service { group.addTask { try await service.run() } }
                    group.addTask { try await self.changed.wait() }
                    try await group.next()
                    group.cancelAll()
                }
            }
        }
    }
}
