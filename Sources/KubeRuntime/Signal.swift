package import KubeClient
import Synchronization

/// Wakes one waiting task. Raised while nobody waits it stays raised, once: any number of raises is one wake-up.
package final class Signal: Sendable {
    private enum State {
        /// Nothing happened. `raise` gives raised, `wait` gives waiting.
        case calm
        /// Something happened that nobody has waited for yet. `wait` returns at once and gives calm.
        case raised
        /// A task is suspended. `raise` and cancellation resume it and give calm.
        case waiting(CheckedContinuation<Void, Never>)
    }

    private let state = Mutex(State.calm)

    package init() {}

    package func raise() {
        let waiter = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard case .waiting(let continuation) = state else {
                state = .raised
                return nil
            }
            state = .calm
            return continuation
        }
        waiter?.resume()
    }

    /// Suspends until the signal is raised. Only one task may wait at a time.
    ///
    /// - Throws: `CancellationError`.
    package func wait() async throws {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready = self.state.withLock { state -> Bool in
                    // Cancelled before this point, the handler below has already run and found nobody to wake.
                    if Task.isCancelled { return true }
                    if case .raised = state {
                        state = .calm
                        return true
                    }
                    state = .waiting(continuation)
                    return false
                }
                if ready { continuation.resume() }
            }
        } onCancel: {
            let waiter = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
                guard case .waiting(let continuation) = state else { return nil }
                state = .calm
                return continuation
            }
            waiter?.resume()
        }
        try Task.checkCancellation()
    }

    /// Suspends until the signal is raised or the deadline has passed, whichever comes first.
    ///
    /// - Throws: `CancellationError`.
    package func wait(until deadline: Duration, on time: TimeSource) async throws {
        guard time.now < deadline else { return try Task.checkCancellation() }
        _ = try await time.withDeadline(deadline) { try await self.wait() }
    }
}

/// Opens once and stays open; any number of tasks may wait for it.
package final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var nextWaiter = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    package var isOpen: Bool { self.state.withLock { $0.isOpen } }

    package func open() {
        let waiters = self.state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume() }
    }

    /// - Throws: `CancellationError`.
    package func wait() async throws {
        let number = self.state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready = self.state.withLock { state in
                    if state.isOpen || Task.isCancelled { return true }
                    state.waiters[number] = continuation
                    return false
                }
                if ready { continuation.resume() }
            }
        } onCancel: {
            self.state.withLock { $0.waiters.removeValue(forKey: number) }?.resume()
        }
        try Task.checkCancellation()
    }
}
