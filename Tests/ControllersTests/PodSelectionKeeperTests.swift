import JSONTree
import KubeModel
import KubeRuntime
import Rendering
import Testing

@testable import Controllers

/// Which namespaces are told to the API server as asking for nothing.
struct QuietNamespacesTests {
    private let start = ContinuousClock.now

    private func at(_ seconds: Int) -> ContinuousClock.Instant { self.start + .seconds(seconds) }

    @Test func onlyWhatHasSettledIsListed() {
        var state = QuietNamespaces()
        #expect(state.observe("calm", asks: false, now: self.at(0)) == false)
        #expect(state.observe("new", asks: false, now: self.at(20)) == false)
        #expect(state.observe("asking", asks: true, now: self.at(0)) == false)
        #expect(state.narrow(now: self.at(29)) == false)
        #expect(state.narrow(now: self.at(30)) == true)
        #expect(state.listed == ["calm"])
        #expect(state.narrow(now: self.at(40)) == false)
        #expect(state.narrow(now: self.at(50)) == true)
        #expect(state.listed == ["calm", "new"])
    }

    /// A change of something else does not begin its time anew.
    @Test func seenAgainIsNoNews() {
        var state = QuietNamespaces()
        _ = state.observe("calm", asks: false, now: self.at(0))
        _ = state.observe("calm", asks: false, now: self.at(25))
        #expect(state.narrow(now: self.at(30)) == true)
    }

    @Test func whoBeginsToAskIsTakenOutAtOnce() {
        var state = QuietNamespaces()
        _ = state.observe("calm", asks: false, now: self.at(0))
        _ = state.narrow(now: self.at(30))
        #expect(state.observe("calm", asks: true, now: self.at(31)) == true)
        #expect(state.listed.isEmpty)
        // And has to be quiet for a while again.
        #expect(state.observe("calm", asks: false, now: self.at(32)) == false)
        #expect(state.narrow(now: self.at(61)) == false)
        #expect(state.narrow(now: self.at(62)) == true)
    }

    /// One of the same name that comes after it may ask.
    @Test func whoGoesAwayIsTakenOut() {
        var state = QuietNamespaces()
        _ = state.observe("calm", asks: false, now: self.at(0))
        _ = state.narrow(now: self.at(30))
        #expect(state.forget("calm") == true)
        #expect(state.forget("calm") == false)
        #expect(state.narrow(now: self.at(90)) == false)
    }

    @Test func theListIsBounded() {
        var state = QuietNamespaces()
        for number in 0..<1500 { _ = state.observe("n\(number)", asks: false, now: self.at(0)) }
        #expect(state.narrow(now: self.at(30)) == true)
        #expect(state.listed.count == PodSelection.listCapacity)
        #expect(state.narrow(now: self.at(60)) == false)
        let first = state.listed.first ?? ""
        #expect(state.observe(first, asks: true, now: self.at(61)) == true)
        #expect(state.narrow(now: self.at(62)) == true)
        #expect(state.listed.count == PodSelection.listCapacity)
    }
}
