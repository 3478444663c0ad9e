package import JSONTree

/// A value that can say how much memory it holds outside itself, roughly: buffers with their headers, as malloc rounds
/// them. Storage that is shared with others counts for each, and the allocator's own waste is left out.
package protocol HeapSized {
    var heapBytes: Int { get }
}

/// The bytes of one heap buffer of that payload: 32 bytes of header, rounded up to 16.
package func heapBuffer(_ payload: Int) -> Int { payload == 0 ? 0 : (32 + payload + 15) / 16 * 16 }

extension String: HeapSized {
    /// Up to 15 bytes of UTF-8 are held in the string itself.
    package var heapBytes: Int { self.utf8.count <= 15 ? 0 : heapBuffer(self.utf8.count + 1) }
}

extension [String: String] {
    package var heapBytes: Int {
        self.isEmpty
            ? 0
            : heapBuffer(self.capacity * 2 * MemoryLayout<String>.stride)
                + self.reduce(0) { $0 + $1.key.heapBytes + $1.value.heapBytes }
    }
}

extension JSONObject: HeapSized {
    package var heapBytes: Int {
        heapBuffer(self.members.count * MemoryLayout<Member>.stride)
            + self.members.reduce(0) { $0 + $1.key.heapBytes + $1.value.heapBytes }
    }
}

extension JSONValue: HeapSized {
    package var heapBytes: Int {
        switch self {
        case .null, .bool, .number: 0
        case .string(let text): text.heapBytes
        case .array(let elements):
            heapBuffer(elements.count * MemoryLayout<JSONValue>.stride) + elements.reduce(0) { $0 + $1.heapBytes }
        case .object(let object): object.heapBytes
        }
    }
}

extension StoreState {
    /// How many objects are measured.
    private static var sampleSize: Int { 64 }

    /// About how many bytes of memory the objects take: their place in the table, name, version, and what the projection
    /// holds. Up to 64 objects are measured and the rest is taken to be like them; indexes are left out.
    package var estimatedBytes: Int {
        guard self.count > 0 else { return 0 }
        var measured = 0
        var bytes = 0
        self.forEachEntry { name, version, item in
            guard measured < Self.sampleSize else { return false }
            measured += 1
            bytes += name.heapBytes + version.heapBytes
            if let item = item as? any HeapSized { bytes += item.heapBytes }
            return true
        }
        guard measured > 0 else { return 0 }
        // A table is at most three quarters full.
        let place = (MemoryLayout<Item>.stride + 2 * MemoryLayout<String>.stride) * 4 / 3
        return place * self.count + bytes * self.count / measured
    }
}
