import KubeModel
import Testing

@testable import TargetAllocator

struct CollectorPodsTests {
    private let now = Timestamp(seconds: 1_000)

    private func at(_ seconds: Int64) -> Timestamp { Timestamp(seconds: seconds) }

    @Test func aPodWithoutNodeIsNone() {
        let (collectors, _) = CollectorPods.choose(
            [ObservedPod(name: "a", nodeName: "")],
            grace: .seconds(30),
            now: self.now
        )
        #expect(collectors.isEmpty)
    }

    @Test(arguments: [(Int64(969), false), (Int64(971), true)])
    func anUnreadyPodStaysForThePeriod(since: Int64, stays: Bool) {
        let pod = ObservedPod(name: "a", nodeName: "n", isReady: false, readySince: self.at(since))
        let (collectors, until) = CollectorPods.choose([pod], grace: .seconds(30), now: self.now)
        #expect(collectors.isEmpty == !stays)
        #expect(until == (stays ? self.at(since + 30) : nil))
        #expect(CollectorPods.choose([pod], grace: .zero, now: self.now).collectors.count == 1)
    }

    @Test(arguments: [(Int64(969), false), (Int64(971), true)])
    func aPodThatDoesNotRunStaysForThePeriod(start: Int64, stays: Bool) {
        let pod = ObservedPod(name: "a", nodeName: "n", phase: "Pending", startTime: self.at(start), isReady: nil)
        #expect(CollectorPods.choose([pod], grace: .seconds(30), now: self.now).collectors.isEmpty == !stays)
    }

    @Test func whoComesBackSoonNeverWentAway() {
        var membership = CollectorMembership(patience: .seconds(5))
        let pod = ObservedPod(name: "a", nodeName: "n")
        let (present, _) = CollectorPods.choose([pod], grace: .zero, now: self.now)
        #expect(membership.update(present, now: .seconds(1)).collectors.count == 1)
        #expect(membership.update([], now: .seconds(2)).collectors.count == 1)
        #expect(membership.update([], now: .seconds(6)).until == .seconds(7))
        #expect(membership.update(present, now: .seconds(6)).until == nil)
        #expect(membership.update([], now: .seconds(8)).collectors.count == 1)
        #expect(membership.update([], now: .seconds(13)).collectors.isEmpty)
    }
}
