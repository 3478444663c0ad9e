import Rendering

/// Which namespaces are listed as asking for nothing (``PodSelection/quietNamespaces``).
///
/// A namespace that begins to ask, or goes away, leaves the list at once; one is put into it only after it has been quiet for
/// a while, and together with others, as each change makes every API server compile the condition anew.
struct QuietNamespaces: Sendable {
    /// How long a namespace must have been quiet: who annotates one does so when it is new.
    static let settling = Duration.seconds(30)

    /// When each of the quiet ones was first seen to be quiet.
    private var quiet: [String: ContinuousClock.Instant] = [:]
    private(set) var listed: Set<String> = []

    /// - Returns: whether the list is another one now.
    mutating func observe(_ name: String, asks: Bool, now: ContinuousClock.Instant) -> Bool {
        guard asks else {
            if self.quiet[name] == nil { self.quiet[name] = now }
            return false
        }
        return self.forget(name)
    }

    /// - Returns: whether the list is another one now.
    mutating func forget(_ name: String) -> Bool {
        self.quiet[name] = nil
        return self.listed.remove(name) != nil
    }

    /// Lists what has settled.
    ///
    /// - Returns: whether the list is another one now.
    mutating func narrow(now: ContinuousClock.Instant) -> Bool {
        let room = PodSelection.listCapacity - self.listed.count
        let settled = self.quiet.filter { !self.listed.contains($0.key) && now - $0.value >= Self.settling }
        if settled.isEmpty || room <= 0 { return false }
        self.listed.formUnion(settled.keys.sorted().prefix(room))
        return true
    }
}
