import Synchronization

/// Runs an operation once for all who ask while it runs.
///
/// A caller that is cancelled stops waiting at once; the operation is cancelled when nobody waits for it any more.
final class SingleFlight<Value: Sendable>: Sendable {
    private struct Flight {
        var id: Int
        var task: Task<Void, Never>?
        var waiters: [Int: CheckedContinuation<Value, any Error>] = [:]
    }

    private struct State {
        var flight: Flight?
        var nextID = 0

        mutating func makeID() -> Int {
            self.nextID += 1
            return self.nextID
        }
    }

    private let state = Mutex(State())

    /// The result of the operation under way, or of `operation` when none is.
    ///
    /// - Throws: what the operation throws; `CancellationError` when the caller is cancelled.
    func run(_ operation: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let waiter = self.state.withLock { $0.makeID() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                self.join(waiter, continuation, operation)
            }
        } onCancel: {
            self.leave(waiter)
        }
    }

    private func join(
        _ waiter: Int,
        _ continuation: CheckedContinuation<Value, any Error>,
        _ operation: @escaping @Sendable () async throws -> Value
    ) {
        // The cancellation handler may have run before there was anybody to find.
        if Task.isCancelled {
            continuation.resume(throwing: CancellationError())
            return
        }
        self.state.withLock { state in
            if state.flight != nil {
                state.flight?.waiters[waiter] = continuation
                return
            }
            let id = state.makeID()
            // Unstructured because it belongs to all callers: the one who began it may leave before the others.
            let task = Task {
                let result: Result<Value, any Error>
                do { result = .success(try await operation()) } catch { result = .failure(error) }
                self.finish(id, result)
            }
            state.flight = Flight(id: id, task: task, waiters: [waiter: continuation])
        }
        // Cancelled between the check and the registration: the handler found nobody, so leave again.
        if Task.isCancelled { self.leave(waiter) }
    }

    private func leave(_ waiter: Int) {
        let (continuation, abandoned) = self.state.withLock { state in
            guard let continuation = state.flight?.waiters.removeValue(forKey: waiter) else {
                return (nil as CheckedContinuation<Value, any Error>?, nil as Task<Void, Never>?)
            }
            guard state.flight?.waiters.isEmpty == true else { return (continuation, nil) }
            let task = state.flight?.task
            state.flight = nil
            return (continuation, task)
        }
        continuation?.resume(throwing: CancellationError())
        abandoned?.cancel()
    }

    private func finish(_ id: Int, _ result: Result<Value, any Error>) {
        let waiters = self.state.withLock { state -> [CheckedContinuation<Value, any Error>] in
            guard state.flight?.id == id else { return [] }
            let waiters = Array((state.flight?.waiters ?? [:]).values)
            state.flight = nil
            return waiters
        }
        for waiter in waiters { waiter.resume(with: result) }
    }
}
