import PrometheusModel

/// Which collector has a key, as buraksezer/consistent 1.0.0 says it: partitions are spread over a ring of points, none of
/// the collectors getting more than its part and a tenth.
struct HashRing: Sendable {
    static let partitions = 1061
    private static let pointsOfEach = 5

    /// The collector of each partition; empty without collectors.
    private(set) var owners: [Int32] = []

    static func partition(of key: UnsafeBufferPointer<UInt8>) -> UInt16 {
        UInt16(truncatingIfNeeded: XXH64.hash(key) % UInt64(Self.partitions))
    }

    subscript(partition: UInt16) -> Int32? {
        Int(partition) < self.owners.count ? self.owners[Int(partition)] : nil
    }

    /// Built anew whenever the set of collectors changes: the answer depends on the set alone.
    mutating func rebuild(_ members: [(name: String, slot: Int32)]) {
        guard !members.isEmpty else {
            self.owners = []
            return
        }
        var ring: [(point: UInt64, member: Int)] = []
        ring.reserveCapacity(members.count * Self.pointsOfEach)
        for (index, member) in members.enumerated() {
            for number in 0..<Self.pointsOfEach { ring.append((XXH64.hash("\(number):\(member.name)"), index)) }
        }
        ring.sort { ($0.point, members[$0.member].name) < ($1.point, members[$1.member].name) }

        let most = Int((Double(Self.partitions) / Double(members.count) * 1.1).rounded(.up))
        var loads = [Int](repeating: 0, count: members.count)
        var owners: [Int32] = []
        owners.reserveCapacity(Self.partitions)
        for partition in 0..<Self.partitions {
            let key = withUnsafeBytes(of: UInt64(partition).littleEndian) {
                $0.withMemoryRebound(to: UInt8.self) { XXH64.hash($0) }
            }
            var place = Self.first(in: ring, from: key)
            // There is room for all: `most` times the members is more than there are partitions.
            while loads[ring[place].member] >= most { place = place + 1 == ring.count ? 0 : place + 1 }
            loads[ring[place].member] += 1
            owners.append(members[ring[place].member].slot)
        }
        self.owners = owners
    }

    /// The first point that is not before the key; the first of all behind the last.
    private static func first(in ring: [(point: UInt64, member: Int)], from key: UInt64) -> Int {
        var (low, high) = (0, ring.count)
        while low < high {
            let middle = (low + high) / 2
            if ring[middle].point < key { low = middle + 1 } else { high = middle }
        }
        return low == ring.count ? 0 : low
    }
}
