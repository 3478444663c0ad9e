/// The 64-bit hash xxHash, by which targets and the points of the hash ring are named.
package struct XXH64: Sendable {
    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

    private let seed: UInt64
    private var lanes: (UInt64, UInt64, UInt64, UInt64)
    /// What does not fill a stripe of 32 bytes yet.
    private var rest: [UInt8] = []
    private var count: UInt64 = 0

    /// A hash of bytes that come one after the other.
    package init(seed: UInt64 = 0) {
        self.seed = seed
        self.lanes = Self.lanes(seed)
        self.rest.reserveCapacity(32)
    }

    package mutating func update(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.count &+= UInt64(bytes.count)
        var bytes = bytes[...]
        if !self.rest.isEmpty {
            let missing = min(32 - self.rest.count, bytes.count)
            self.rest += bytes.prefix(missing)
            bytes = bytes.dropFirst(missing)
            guard self.rest.count == 32 else { return }
            self.rest.withUnsafeBytes { Self.stripe($0, 0, &self.lanes) }
            self.rest.removeAll(keepingCapacity: true)
        }
        let whole = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes))
        var at = 0
        while at &+ 32 <= whole.count {
            Self.stripe(whole, at, &self.lanes)
            at &+= 32
        }
        self.rest += whole[at...]
    }

    /// The hash of all bytes so far.
    package var value: UInt64 {
        let start = self.count >= 32 ? Self.merged(self.lanes) : self.seed &+ Self.prime5
        return self.rest.withUnsafeBytes { Self.finished(start &+ self.count, $0, 0) }
    }

    package static func hash(_ bytes: UnsafeBufferPointer<UInt8>, seed: UInt64 = 0) -> UInt64 {
        let bytes = UnsafeRawBufferPointer(bytes)
        var at = 0
        var hash: UInt64
        if bytes.count >= 32 {
            var lanes = self.lanes(seed)
            while at &+ 32 <= bytes.count {
                self.stripe(bytes, at, &lanes)
                at &+= 32
            }
            hash = self.merged(lanes)
        } else {
            hash = seed &+ self.prime5
        }
        hash &+= UInt64(bytes.count)
        return self.finished(hash, bytes, at)
    }

    /// Of the text's UTF-8.
    package static func hash(_ text: String) -> UInt64 {
        var text = text
        return text.withUTF8 { self.hash($0) }
    }

    // MARK: The steps

    private static func lanes(_ seed: UInt64) -> (UInt64, UInt64, UInt64, UInt64) {
        (seed &+ self.prime1 &+ self.prime2, seed &+ self.prime2, seed, seed &- self.prime1)
    }

    @inline(__always)
    private static func rotated(_ value: UInt64, _ by: UInt64) -> UInt64 { (value &<< by) | (value &>> (64 &- by)) }

    @inline(__always)
    private static func round(_ lane: UInt64, _ input: UInt64) -> UInt64 {
        self.rotated(lane &+ input &* self.prime2, 31) &* self.prime1
    }

    @inline(__always)
    private static func word(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> UInt64 {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
    }

    @inline(__always)
    private static func stripe(
        _ bytes: UnsafeRawBufferPointer,
        _ at: Int,
        _ lanes: inout (UInt64, UInt64, UInt64, UInt64)
    ) {
        lanes.0 = self.round(lanes.0, self.word(bytes, at))
        lanes.1 = self.round(lanes.1, self.word(bytes, at &+ 8))
        lanes.2 = self.round(lanes.2, self.word(bytes, at &+ 16))
        lanes.3 = self.round(lanes.3, self.word(bytes, at &+ 24))
    }

    private static func merged(_ lanes: (UInt64, UInt64, UInt64, UInt64)) -> UInt64 {
        var hash =
            self.rotated(lanes.0, 1) &+ self.rotated(lanes.1, 7) &+ self.rotated(lanes.2, 12)
            &+ self.rotated(lanes.3, 18)
        hash = (hash ^ self.round(0, lanes.0)) &* self.prime1 &+ self.prime4
        hash = (hash ^ self.round(0, lanes.1)) &* self.prime1 &+ self.prime4
        hash = (hash ^ self.round(0, lanes.2)) &* self.prime1 &+ self.prime4
        hash = (hash ^ self.round(0, lanes.3)) &* self.prime1 &+ self.prime4
        return hash
    }

    private static func finished(_ start: UInt64, _ bytes: UnsafeRawBufferPointer, _ from: Int) -> UInt64 {
        var hash = start
        var at = from
        while at &+ 8 <= bytes.count {
            hash = self.rotated(hash ^ self.round(0, self.word(bytes, at)), 27) &* self.prime1 &+ self.prime4
            at &+= 8
        }
        if at &+ 4 <= bytes.count {
            let half = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
            hash = self.rotated(hash ^ (UInt64(half) &* self.prime1), 23) &* self.prime2 &+ self.prime3
            at &+= 4
        }
        while at < bytes.count {
            hash = self.rotated(hash ^ (UInt64(bytes[at]) &* self.prime5), 11) &* self.prime1
            at &+= 1
        }
        hash = (hash ^ (hash &>> 33)) &* self.prime2
        hash = (hash ^ (hash &>> 29)) &* self.prime3
        return hash ^ (hash &>> 32)
    }
}
