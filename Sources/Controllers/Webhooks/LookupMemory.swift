package import PodInjection
import Synchronization

/// What the API server was asked about injection a moment ago, so that a roll-out of a thousand pods asks once and not a
/// thousand times: which Secrets and ConfigMaps are there, and, for a shorter while, what is not.
package final class LookupMemory: Sendable {
    private static let lifetime = Duration.seconds(30)
    /// What is missing may be created any time; its store tells of most kinds.
    private static let lifetimeOfMissing = Duration.seconds(2)
    private static let capacity = 1024

    private struct Entry {
        var isFound: Bool
        var end: ContinuousClock.Instant
    }

    private let entries = Mutex<[InjectionLookup: Entry]>([:])

    package init() {}

    /// `nil` when the API server has to be asked.
    package func answer(to lookup: InjectionLookup) -> InjectionAnswer? {
        self.entries.withLock { entries in
            guard let entry = entries[lookup], .now < entry.end else { return nil }
            return entry.isFound ? .found : .notFound
        }
    }

    /// Remembers the answers that can be used again.
    package func remember(_ answer: InjectionAnswer, to lookup: InjectionLookup) {
        let isFound: Bool
        switch answer {
        case .found: isFound = true
        case .notFound: isFound = false
        default: return
        }
        self.entries.withLock { entries in
            let now = ContinuousClock.now
            if entries.count >= Self.capacity { entries = entries.filter { now < $0.value.end } }
            guard entries.count < Self.capacity else { return }
            entries[lookup] = Entry(
                isFound: isFound,
                end: now + (isFound ? Self.lifetime : Self.lifetimeOfMissing)
            )
        }
    }
}
