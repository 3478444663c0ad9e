import ServiceLifecycle

/// Waits until graceful shutdown begins: for services that have done what they are for, as one that returns ends its group.
///
/// - Throws: `CancellationError`.
package func untilGracefulShutdown() async throws {
    try await untilGracefulShutdown { try await Signal().wait() }
}

/// Runs `operation` until it ends; when graceful shutdown begins it is cancelled and this returns normally once it has
/// ended. For services that have nothing to finish.
///
/// - Throws: what `operation` throws, unless that is the cancellation made here.
package func untilGracefulShutdown(_ operation: @escaping @Sendable () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Bool.self) { group in
        group.addTask {
            try await operation()
            return false
        }
        group.addTask {
            do {
                try await gracefulShutdown()
                return true
            } catch {
                return false
            }
        }
        let isShuttingDown = try await group.next() ?? false
        group.cancelAll()
        do {
            try await group.waitForAll()
        } catch is CancellationError where isShuttingDown {
            return
        }
        // The outer task's own cancellation can end the shutdown waiter first.
        try Task.checkCancellation()
    }
}
