import PrometheusModel
import Testing

@testable import TargetAllocation

struct HashRingTests {
    private static func ring(_ count: Int) -> HashRing {
        var ring = HashRing()
        ring.rebuild((0..<count).map { ("collector-\($0)", Int32($0)) })
        return ring
    }

    private static func partition(_ key: String) -> UInt16 {
        Array(key.utf8).withUnsafeBufferPointer { HashRing.partition(of: $0) }
    }

    private func loads(_ ring: HashRing) -> [Int] {
        let count = Int(ring.owners.max() ?? -1) + 1
        return ring.owners.reduce(into: [Int](repeating: 0, count: count)) { $0[Int($1)] += 1 }
    }

    @Test func loadsOfPartitions() {
        #expect(self.loads(Self.ring(2)) == [584, 477])
        #expect(self.loads(Self.ring(3)) == [281, 390, 390])
        #expect(HashRing()[7] == nil)
    }

    @Test(arguments: [
        ("10.0.0.1:9090", 613, 1), ("10.0.0.2:9090", 707, 0), ("10.0.0.3:9090", 318, 1), ("0.0.0.0:8888", 1, 0),
    ])
    func ofTwo(key: String, partition: Int, owner: Int) {
        #expect(Self.partition(key) == UInt16(partition))
        #expect(Self.ring(2)[Self.partition(key)] == Int32(owner))
    }

    @Test(arguments: [("10.0.0.1:9090", 1), ("10.0.0.2:9090", 2), ("10.0.0.3:9090", 2), ("example.com:80", 1)])
    func ofThree(key: String, owner: Int) {
        #expect(Self.ring(3)[Self.partition(key)] == Int32(owner))
    }

    /// Nobody gets more than its part and a tenth, and each partition is somebody's, however many they are.
    @Test(arguments: [1, 2, 5, 17, 100, 999, 1061, 3000])
    func nobodyHasTooMany(count: Int) {
        let ring = Self.ring(count)
        let most = Int((1061.0 / Double(count) * 1.1).rounded(.up))
        #expect(ring.owners.count == 1061)
        #expect(self.loads(ring).allSatisfy { $0 <= most })
    }

    @Test func orderOfMembersDoesNotMatter() {
        var reversed = HashRing()
        reversed.rebuild((0..<7).reversed().map { ("collector-\($0)", Int32($0)) })
        #expect(reversed.owners == Self.ring(7).owners)
    }
}
