import NIOCore
import Synchronization

/// Lets a number of requests run at a time; further ones wait in the order they came.
///
/// The HTTP client's own queue would do, but for how long a request waits there is bounded by the time allowed to make a
/// connection, and not by the time the request has.
final class RequestSlots: Sendable {
    /// The time to wait is over.
    struct Late: Error {}

    private struct State {
        var free: Int
        var nextID = 0
        /// Those who wait, by the number they drew.
        var waiting: [Int: CheckedContinuation<Void, any Error>] = [:]
        /// The numbers in order; some of them left meanwhile.
        var order: [Int] = []
        var first = 0

        mutating func popFirst() -> CheckedContinuation<Void, any Error>? {
            while self.first < self.order.count {
                let id = self.order[self.first]
                self.first += 1
                if let continuation = self.waiting.removeValue(forKey: id) { return continuation }
            }
            self.order.removeAll(keepingCapacity: true)
            self.first = 0
            return nil
        }
    }

    private let state: Mutex<State>

    init(count: Int) { self.state = Mutex(State(free: max(1, count))) }

    var waitingCount: Int { self.state.withLock { $0.waiting.count } }

    /// Takes a slot, to be given back by ``release()``.
    ///
    /// - Throws: ``Late`` when none got free in time, `CancellationError`.
    func acquire(within limit: Duration, on eventLoop: any EventLoop) async throws {
        let id = self.state.withLock { state -> Int? in
            if state.free > 0 {
                state.free -= 1
                return nil
            }
            state.nextID += 1
            return state.nextID
        }
        guard let id else { return }
        let alarm = eventLoop.scheduleTask(in: TimeAmount(limit)) { self.leave(id, Late()) }
        defer { alarm.cancel() }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in self.enqueue(id, continuation) }
        } onCancel: {
            self.leave(id, CancellationError())
        }
    }

    func release() {
        let next = self.state.withLock { state in
            let next = state.popFirst()
            if next == nil { state.free += 1 }
            return next
        }
        next?.resume()
    }

    private func enqueue(_ id: Int, _ continuation: CheckedContinuation<Void, any Error>) {
        // The cancellation handler may have run before there was anybody to find.
        if Task.isCancelled {
            continuation.resume(throwing: CancellationError())
            return
        }
        let isFree = self.state.withLock { state in
            // A slot may have got free since the look before.
            if state.free > 0 {
                state.free -= 1
                return true
            }
            state.waiting[id] = continuation
            state.order.append(id)
            return false
        }
        if isFree {
            continuation.resume()
        } else if Task.isCancelled {
            // Cancelled between the check and the registration.
            self.leave(id, CancellationError())
        }
    }

    private func leave(_ id: Int, _ error: any Error) {
        let continuation = self.state.withLock { $0.waiting.removeValue(forKey: id) }
        continuation?.resume(throwing: error)
    }
}
