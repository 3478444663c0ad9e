import Synchronization

/// Something to wait for, once: closed until opened, then open for good.
package final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [@Sendable () -> Void] = []
    }
    private let state = Mutex(State())

    package init() {}

    package var isOpen: Bool { self.state.withLock { $0.isOpen } }

    package func open() {
        let waiting = self.state.withLock { state in
            state.isOpen = true
            let waiting = state.waiting
            state.waiting = []
            return waiting
        }
        for action in waiting { action() }
    }

    /// Calls `action` when the gate is open: at once, or from whoever opens it.
    package func whenOpen(_ action: @escaping @Sendable () -> Void) {
        let isOpen = self.state.withLock { state in
            if !state.isOpen { state.waiting.append(action) }
            return state.isOpen
        }
        if isOpen { action() }
    }

    package func wait() async {
        await withCheckedContinuation { continuation in self.whenOpen { continuation.resume() } }
    }
}
