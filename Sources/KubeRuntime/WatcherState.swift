/// What to do next to follow a collection of objects: list its pages, watch, resume, list again. Pure; ``Watcher`` acts.
///
/// The rules are those that kube-rs' watcher and client-go's reflector settled on. The loop is: ask ``next(now:)``, do it,
/// report with one of the other methods.
package struct WatcherState: Sendable {
    package struct Configuration: Sendable, Equatable {
        /// How many objects a page of a list may hold.
        package var pageSize = 500
        /// How long the server keeps a watch open; the client gives up 5 s later, in case the connection is dead.
        package var timeout: Duration = .seconds(290)
        package var backoff = Backoff.Policy.watch
        /// Pauses while the resource is not served.
        package var absentBackoff = Backoff.Policy.absentResource
        /// So many watches refused in a row (not: connections that failed) and the version to resume from is given up.
        package var refusalsBeforeRelist = 5

        package init() {}
    }

    package enum Action: Sendable, Equatable {
        /// Get a page; without a token the first one, which begins a new list. Without a limit: everything at once.
        case list(continuing: String?, limit: Int?)
        case watch(from: String)
        case wait(until: Duration)
    }

    /// Why a request failed, as far as it matters here.
    package enum Failure: Sendable, Equatable {
        /// 410: the version or the continue token is too old (as HTTP status or as ERROR event).
        case expired
        /// 404: the resource is not served.
        case absent
        /// Any other answer of the server.
        case refused(retryAfter: Duration? = nil)
        /// No answer: connection, TLS, timeout, or bytes that make no sense.
        case broken
    }

    /// What a list result means for whoever keeps the objects.
    package enum ListOutcome: Sendable, Equatable {
        /// Keep the page, more follow.
        case partial
        /// The pages of this list are all there is: swap them in.
        case complete
    }

    private enum Step: Equatable {
        /// Nothing trustworthy is known: list from the first page. Success gives watching (or listing for more pages).
        case restart(limit: Int?)
        /// In the middle of a list. 410 gives restart without a limit, other failures repeat the page.
        case listing(continuing: String)
        /// Listed up to this version, which moves with each event and bookmark. 410 gives restart.
        case watching(from: String)
    }

    package let configuration: Configuration
    private var step: Step
    private var pauseUntil: Duration?
    private var backoff: Backoff
    private var absentBackoff: Backoff
    private var refusals = 0
    private var isServed = true
    private var wasListed = false

    package init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
        self.step = .restart(limit: configuration.pageSize)
        self.backoff = Backoff(configuration.backoff)
        self.absentBackoff = Backoff(configuration.absentBackoff)
    }

    /// The version to resume from, once listed.
    package var resourceVersion: String? {
        if case .watching(let version) = self.step { version } else { nil }
    }

    package mutating func next(now: Duration) -> Action {
        if let pauseUntil {
            if now < pauseUntil { return .wait(until: pauseUntil) }
            self.pauseUntil = nil
        }
        switch self.step {
        case .restart(let limit): return .list(continuing: nil, limit: limit)
        case .listing(let token): return .list(continuing: token, limit: self.configuration.pageSize)
        case .watching(let version): return .watch(from: version)
        }
    }

    /// Ends a pause: there is a reason to believe that the next attempt goes better.
    package mutating func skipPause() { self.pauseUntil = nil }

    /// A page arrived, with the version of the list and the token for the next page.
    package mutating func listed(resourceVersion: String, continuing token: String?) -> ListOutcome {
        self.isServed = true
        self.absentBackoff.reset()
        if let token, !token.isEmpty {
            self.step = .listing(continuing: token)
            return .partial
        }
        self.wasListed = true
        self.refusals = 0
        self.step = .watching(from: resourceVersion)
        return .complete
    }

    /// A list failed.
    ///
    /// - Returns: true when the resource is taken to be gone, so that there are no objects.
    package mutating func listFailed(_ failure: Failure, now: Duration, random: Double) -> Bool {
        switch failure {
        case .absent:
            // One 404 after a list that worked may come from an API server that has just started and does not know its
            // custom resources yet; believing it would look as if every object had been deleted.
            let isConfirmed = !self.wasListed || !self.isServed
            self.isServed = false
            self.step = .restart(limit: self.configuration.pageSize)
            self.pauseUntil = now + self.absentBackoff.fail(now: now, random: random)
            if isConfirmed { self.wasListed = false }
            return isConfirmed
        case .expired:
            // The token outlived the server's history (5 minutes): the list is too long or the server too slow for
            // pages, so the next one comes in one piece.
            if case .listing = self.step {
                self.step = .restart(limit: nil)
                return false
            }
            self.pause(now: now, random: random)
        case .refused(let retryAfter):
            self.pause(now: now, random: random, atLeast: retryAfter)
        case .broken:
            self.pause(now: now, random: random)
        }
        return false
    }

    /// The watch delivered an event or a bookmark that names this version.
    package mutating func saw(resourceVersion: String) {
        guard case .watching = self.step, !resourceVersion.isEmpty else { return }
        self.step = .watching(from: resourceVersion)
    }

    /// The watch ended.
    ///
    /// - Parameters:
    ///   - failure: why, `nil` when the server closed it in good order.
    ///   - lasted: how long it was open.
    ///   - events: how many events and bookmarks it delivered.
    package mutating func watchEnded(
        _ failure: Failure?,
        lasted: Duration,
        events: Int,
        now: Duration,
        random: Double
    ) {
        if events > 0 { self.refusals = 0 }
        switch failure {
        case nil:
            // A server that closes each watch at once would otherwise be asked in a tight loop.
            if events == 0, lasted < .seconds(1) { self.pause(now: now, random: random) }
        case .expired:
            self.step = .restart(limit: self.configuration.pageSize)
            // The first time it is the normal end of a long silence; again and again it is a server in trouble.
            self.pause(now: now, random: random)
            if self.backoff.failures == 1 { self.pauseUntil = nil }
        case .absent:
            // The list will tell whether it is gone for good.
            self.step = .restart(limit: self.configuration.pageSize)
            self.pause(now: now, random: random)
        case .refused(let retryAfter):
            self.refusals += 1
            if self.refusals >= self.configuration.refusalsBeforeRelist {
                self.refusals = 0
                self.step = .restart(limit: self.configuration.pageSize)
            }
            self.pause(now: now, random: random, atLeast: retryAfter)
        case .broken:
            self.pause(now: now, random: random)
        }
    }

    private mutating func pause(now: Duration, random: Double, atLeast minimum: Duration? = nil) {
        let pause = self.backoff.fail(now: now, random: random)
        self.pauseUntil = now + max(pause, minimum ?? .zero)
    }
}
