import KubeClient
import Synchronization

/// What keeps a watch from working, told once to each discovery that uses it.
final class WatchFailures: Sendable {
    typealias Listener = @Sendable (WatchFailure) -> Void

    private struct State {
        var current: WatchFailure?
        /// How often in a row there was no answer at all.
        var broken = 0
        var next = 0
        var listeners: [Int: Listener] = [:]
    }

    /// Connections end in a healthy cluster; this many in a row without a word from the server are worth one.
    private static let brokenBeforeTelling = 3

    private let state = Mutex(State())

    func failed(_ error: any Error) {
        let told = self.state.withLock { state -> (WatchFailure, [Listener])? in
            var failure = error as? WatchFailure ?? WatchFailure(text: "\(error)")
            if let error = error as? APIError {
                // Too old a version is how every long watch ends.
                if error.isGone { return nil }
                failure.isForbidden = error.isForbidden || error.isUnauthorized
                // The path says which page was asked for, which changes with each attempt.
                failure.text = "\(error.code) \(error.reason): \(error.message)"
            } else if !(error is WatchFailure) {
                state.broken += 1
                if state.broken < Self.brokenBeforeTelling { return nil }
                if state.current != nil { return nil }
            }
            if failure == state.current { return nil }
            state.current = failure
            return (failure, Array(state.listeners.values))
        }
        guard let (failure, listeners) = told else { return }
        for listener in listeners { listener(failure) }
    }

    func worked() {
        self.state.withLock { state in
            state.current = nil
            state.broken = 0
        }
    }

    /// Calls the listener for each new failure, and at once when there is one now.
    func listen(_ listener: @escaping Listener) -> @Sendable () -> Void {
        let (number, current) = self.state.withLock { state in
            state.next += 1
            state.listeners[state.next] = listener
            return (state.next, state.current)
        }
        if let current { listener(current) }
        return { [weak self] in self?.state.withLock { _ = $0.listeners.removeValue(forKey: number) } }
    }
}

struct WatchFailure: Error, Equatable {
    var text: String
    var isForbidden = false
}
