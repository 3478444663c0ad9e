/// The members of a JSON object in their order, each key once.
///
/// Small objects are searched in order; from ``indexThreshold`` members on an index is kept, so that reading an object of
/// ten thousand members is not quadratic. Two objects are equal when they hold the same members, in whatever order.
package struct JSONObject: Sendable {
    package struct Member: Sendable {
        package var key: String
        package var value: JSONValue
    }

    package private(set) var members: [Member]
    private var index: [ByteKey: Int]?

    private static let indexThreshold = 32

    package init() {
        self.members = []
        self.index = nil
    }

    package init(minimumCapacity: Int) {
        self.init()
        self.members.reserveCapacity(minimumCapacity)
    }

    /// A later pair with the same key replaces the value of the earlier one, in its place.
    package init(_ pairs: some Sequence<(String, JSONValue)>) {
        self.init(minimumCapacity: pairs.underestimatedCount)
        for (key, value) in pairs { self.set(key, value) }
    }

    /// An object of strings, keys in byte order.
    package init(strings: [String: String]) {
        self.init(strings.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { ($0, .string($1)) })
    }

    package var count: Int { self.members.count }
    package var isEmpty: Bool { self.members.isEmpty }
    package var keys: some Collection<String> & Sendable { self.members.lazy.map(\.key) }

    package var isDeeplyEmpty: Bool { self.members.allSatisfy { $0.value.isDeeplyEmpty } }

    package func position(of key: String) -> Int? {
        if let index { return index[ByteKey(text: key)] }
        return self.members.firstIndex { $0.key.hasSameBytes(as: key) }
    }

    package func contains(_ key: String) -> Bool { self.position(of: key) != nil }

    /// The value of a member. Setting `nil` removes the member; a new member goes to the end.
    package subscript(key: String) -> JSONValue? {
        get { self.position(of: key).map { self.members[$0].value } }
        set {
            if let newValue { self.set(key, newValue) } else { self.remove(key) }
        }
    }

    package mutating func set(_ key: String, _ value: JSONValue) {
        if let position = self.position(of: key) {
            self.members[position].value = value
            return
        }
        self.members.append(Member(key: key, value: value))
        if self.index != nil {
            self.index?[ByteKey(text: key)] = self.members.count - 1
        } else if self.members.count >= Self.indexThreshold {
            self.rebuildIndex()
        }
    }

    /// Puts a new member at a place of the order; an existing member of that key keeps its place and gets the value.
    package mutating func insert(_ key: String, _ value: JSONValue, at place: Int) {
        if let position = self.position(of: key) {
            self.members[position].value = value
            return
        }
        self.members.insert(Member(key: key, value: value), at: Swift.min(place, self.members.count))
        if self.index != nil || self.members.count >= Self.indexThreshold { self.rebuildIndex() }
    }

    @discardableResult
    package mutating func remove(_ key: String) -> JSONValue? {
        guard let position = self.position(of: key) else { return nil }
        let value = self.members.remove(at: position).value
        if self.index != nil { self.rebuildIndex() }
        return value
    }

    /// Removes many members at once: one pass, where ``remove(_:)`` for each would make one pass each.
    package mutating func removeAll(where isUnwanted: (Member) -> Bool) {
        let count = self.members.count
        self.members.removeAll(where: isUnwanted)
        if self.index != nil, self.members.count != count { self.rebuildIndex() }
    }

    /// Changes a member in place, without copying what lies beneath it. The value is null while `body` runs on a member
    /// that was absent; afterwards a null that was not there before is not stored.
    package mutating func mutate<Result, Failure: Error>(
        _ key: String,
        _ body: (inout JSONValue) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        if let position = self.position(of: key) {
            // Taken out so that the value is uniquely referenced while it changes.
            var value = JSONValue.null
            swap(&value, &self.members[position].value)
            defer { swap(&value, &self.members[position].value) }
            return try body(&value)
        }
        var value = JSONValue.null
        let result = try body(&value)
        if !value.isNull { self.set(key, value) }
        return result
    }

    /// Changes the object held by a member in place; an absent member or one of another kind starts as `{}`.
    package mutating func mutateObject<Result, Failure: Error>(
        _ key: String,
        _ body: (inout JSONObject) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try self.mutate(key) { (value: inout JSONValue) throws(Failure) -> Result in
            var object: JSONObject
            if case .object(let existing) = value { object = existing } else { object = JSONObject() }
            value = .null
            defer { value = .object(object) }
            return try body(&object)
        }
    }

    private mutating func rebuildIndex() {
        guard self.members.count >= Self.indexThreshold else {
            self.index = nil
            return
        }
        var index: [ByteKey: Int] = [:]
        index.reserveCapacity(self.members.count * 2)
        for (position, member) in self.members.enumerated() {
            index[ByteKey(text: member.key)] = position
        }
        self.index = index
    }

    /// The same members, keys in byte order at this level only.
    package func sortedByKey() -> JSONObject {
        var copy = self
        copy.members.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        copy.rebuildIndex()
        return copy
    }

    /// True when both share one storage: then they are equal without looking at the members.
    package func isIdentical(to other: JSONObject) -> Bool {
        self.members.count == other.members.count
            && self.members.withUnsafeBufferPointer { left in
                other.members.withUnsafeBufferPointer { right in left.baseAddress == right.baseAddress }
            }
    }
}

extension JSONObject: Hashable {
    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        guard left.members.count == right.members.count else { return false }
        if left.isIdentical(to: right) { return true }
        for (position, member) in left.members.enumerated() {
            // Most often both are in the same order.
            if right.members[position].key.hasSameBytes(as: member.key) {
                guard right.members[position].value == member.value else { return false }
            } else {
                guard let other = right[member.key], other == member.value else { return false }
            }
        }
        return true
    }

    package func hash(into hasher: inout Hasher) {
        var combined = 0
        for member in self.members {
            var inner = Hasher()
            inner.combine(member.key)
            inner.combine(member.value)
            combined ^= inner.finalize()
        }
        hasher.combine(combined)
    }
}

extension JSONObject: Sequence {
    package struct Iterator: IteratorProtocol {
        private var inner: IndexingIterator<[Member]>
        init(_ members: [Member]) { self.inner = members.makeIterator() }
        package mutating func next() -> (key: String, value: JSONValue)? {
            self.inner.next().map { ($0.key, $0.value) }
        }
    }

    package func makeIterator() -> Iterator { Iterator(self.members) }
    package var underestimatedCount: Int { self.members.count }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }
}

extension JSONObject: CustomStringConvertible {
    package var description: String { JSONValue.object(self).text() }
}

/// A key as the index knows it: told apart by bytes, as members are. Swift's own comparison of strings takes keys for one
/// that only normalization makes equal, and there are enough such spellings of one key to make the index useless.
private struct ByteKey: Hashable {
    let text: String

    static func == (left: ByteKey, right: ByteKey) -> Bool { left.text.hasSameBytes(as: right.text) }

    func hash(into hasher: inout Hasher) {
        let isDone: Void? = self.text.utf8.withContiguousStorageIfAvailable {
            hasher.combine(bytes: UnsafeRawBufferPointer($0))
        }
        if isDone == nil { for byte in self.text.utf8 { hasher.combine(byte) } }
        hasher.combine(0xFF as UInt8)
    }
}
