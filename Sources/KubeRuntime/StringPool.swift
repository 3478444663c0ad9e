import Synchronization

/// Gives equal strings one shared storage. Strings of up to 15 bytes have no storage and long ones seldom repeat: both
/// pass through. Bounded: past its capacity it starts over, which costs sharing, not correctness.
package final class StringPool: Sendable {
    private let strings = Mutex<Set<String>>([])
    private let capacity: Int

    package init(capacity: Int = 4096) { self.capacity = capacity }

    var count: Int { self.strings.withLock { $0.count } }

    package func intern(_ text: String) -> String {
        guard (16...128).contains(text.utf8.count) else { return text }
        return self.strings.withLock { strings in
            if strings.count >= self.capacity { strings.removeAll() }
            return strings.insert(text).memberAfterInsert
        }
    }
}
