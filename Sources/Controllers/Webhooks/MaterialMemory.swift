package import PodInjection
import Synchronization

/// Secrets and ConfigMaps with certificates that were seen a moment ago, so that a roll-out of a thousand pods asks the API
/// server once and not a thousand times. What is missing is not remembered: it may be created any time.
package final class MaterialMemory: Sendable {
    private static let lifetime = Duration.seconds(30)
    private static let capacity = 1024

    private let seen = Mutex<[InjectionLookup: ContinuousClock.Instant]>([:])

    package init() {}

    package func isKnown(_ lookup: InjectionLookup) -> Bool {
        self.seen.withLock { $0[lookup].map { .now - $0 < Self.lifetime } ?? false }
    }

    package func remember(_ lookup: InjectionLookup) {
        self.seen.withLock { seen in
            if seen.count >= Self.capacity { seen = seen.filter { .now - $0.value < Self.lifetime } }
            if seen.count < Self.capacity { seen[lookup] = .now }
        }
    }
}
