import KubeClient

/// A reconcile that went wrong, and whether trying again makes sense. Any other error thrown by a reconcile is retried.
package struct ReconcileError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        private let name: String
        /// Worth another attempt after the key's backoff.
        package static let retryable = Code(name: "retryable")
        /// Nothing changes until somebody changes the object: reported, not retried.
        package static let terminal = Code(name: "terminal")
    }

    package var code: Code
    package var message: String
    package var cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    package static func terminal(_ message: String, cause: (any Error)? = nil) -> ReconcileError {
        ReconcileError(.terminal, message, cause: cause)
    }

    package static func retryable(_ message: String, cause: (any Error)? = nil) -> ReconcileError {
        ReconcileError(.retryable, message, cause: cause)
    }

    package var description: String {
        self.cause.map { "\(self.message): \($0)" } ?? self.message
    }
}

/// How a controller takes an error of a reconcile.
enum ReconcileFailure: Equatable {
    /// The reconcile was stopped from outside: no failure.
    case cancelled
    /// Somebody else wrote first. Happens in a healthy cluster and is not worth an alarm.
    case conflict
    case terminal
    case retryable(after: Duration?)

    init(_ error: any Error) {
        switch error {
        case is CancellationError: self = .cancelled
        case let error as ReconcileError where error.code == .terminal: self = .terminal
        case let error as ReconcileError:
            // Wrapped for its message; the backoff is the cause's business.
            if let cause = error.cause as? APIError { self.init(cause) } else { self = .retryable(after: nil) }
        case let error as APIError: self.init(error)
        default: self = .retryable(after: nil)
        }
    }

    private init(_ error: APIError) {
        self = error.isConflict ? .conflict : .retryable(after: error.retryAfter)
    }
}
