extension JSONPatch {
    /// What turns one document into the other: only `add`, `remove` and `replace`, and nothing where both are equal.
    ///
    /// Subtrees that share their storage are passed over without a look, so the diff of a tree and its changed copy costs
    /// what changed. Members are told apart by key and never reordered. In arrays equal elements stay, by a longest common
    /// subsequence; between them elements are paired and compared further, objects preferably with those of the same
    /// `name`.
    package static func diff(from old: JSONValue, to new: JSONValue) -> JSONPatch {
        var differ = Differ()
        differ.compare(old, new)
        return JSONPatch(differ.operations)
    }

    package static func diff(from old: JSONObject, to new: JSONObject) -> JSONPatch {
        var differ = Differ()
        differ.compare(old, new)
        return JSONPatch(differ.operations)
    }
}

private struct Differ {
    /// Beyond so many pairs of elements the middle of an array is compared place by place.
    private static let mostPairs = 200 * 200

    var operations: [JSONPatch.Operation] = []
    private var path: [String] = []

    init() {}

    mutating func compare(_ old: JSONValue, _ new: JSONValue) {
        switch (old, new) {
        case (.object(let old), .object(let new)): self.compare(old, new)
        case (.array(let old), .array(let new)): self.compare(old, new)
        default:
            if old != new { self.operations.append(.replace(JSONPointer(self.path), new)) }
        }
    }

    mutating func compare(_ old: JSONObject, _ new: JSONObject) {
        if old.isIdentical(to: new) { return }
        var common = 0
        for (place, member) in old.members.enumerated() {
            // Most often a member stands where it stood.
            let other: JSONValue?
            if place < new.count, new.members[place].key.hasSameBytes(as: member.key) {
                other = new.members[place].value
            } else {
                other = new[member.key]
            }
            self.within(member.key) { differ in
                if let other {
                    common += 1
                    differ.compare(member.value, other)
                } else {
                    differ.operations.append(.remove(JSONPointer(differ.path)))
                }
            }
        }
        if common == new.count { return }
        for member in new.members where !old.contains(member.key) {
            self.operations.append(.add(JSONPointer(self.path + [member.key]), member.value))
        }
    }

    private mutating func within(_ token: String, _ body: (inout Differ) -> Void) {
        self.path.append(token)
        body(&self)
        self.path.removeLast()
    }

    // MARK: Arrays

    private mutating func compare(_ old: [JSONValue], _ new: [JSONValue]) {
        let isIdentical = old.withUnsafeBufferPointer { old in
            new.withUnsafeBufferPointer { new in old.count == new.count && old.baseAddress == new.baseAddress }
        }
        if isIdentical { return }
        var start = 0
        while start < old.count, start < new.count, old[start] == new[start] { start += 1 }
        var oldEnd = old.count
        var newEnd = new.count
        while oldEnd > start, newEnd > start, old[oldEnd - 1] == new[newEnd - 1] {
            oldEnd -= 1
            newEnd -= 1
        }
        // Where the next change happens in the array as it is by then.
        var place = start
        if start == oldEnd || start == newEnd {
            self.change(old[start..<oldEnd], new[start..<newEnd], &place)
            return
        }
        let isBounded = (oldEnd - start).multipliedReportingOverflow(by: newEnd - start)
        if isBounded.overflow || isBounded.partialValue > Self.mostPairs {
            self.change(old[start..<oldEnd], new[start..<newEnd], &place)
            return
        }
        var oldPlace = start
        var newPlace = start
        for match in Alignment(old[start..<oldEnd], new[start..<newEnd]).matches {
            self.change(old[oldPlace..<match.old], new[newPlace..<match.new], &place)
            if !match.isEqual {
                self.within(String(place)) { $0.compare(old[match.old], new[match.new]) }
            }
            place += 1
            oldPlace = match.old + 1
            newPlace = match.new + 1
        }
        self.change(old[oldPlace..<oldEnd], new[newPlace..<newEnd], &place)
    }

    /// Elements without a counterpart: in pairs as far as both go, then the rest.
    private mutating func change(_ old: ArraySlice<JSONValue>, _ new: ArraySlice<JSONValue>, _ place: inout Int) {
        let pairs = min(old.count, new.count)
        for (old, new) in zip(old.prefix(pairs), new.prefix(pairs)) {
            self.within(String(place)) { differ in
                if Alignment.areOfOneName(old, new) != false {
                    differ.compare(old, new)
                } else {
                    differ.operations.append(.replace(JSONPointer(differ.path), new))
                }
            }
            place += 1
        }
        let removed = JSONPointer(self.path + [String(place)])
        for _ in old.dropFirst(pairs) { self.operations.append(.remove(removed)) }
        for value in new.dropFirst(pairs) {
            self.operations.append(.add(JSONPointer(self.path + [String(place)]), value))
            place += 1
        }
    }
}

/// Which elements of two arrays belong together, in order: the heaviest common subsequence, where equal elements weigh
/// more than objects that only have the same name.
private struct Alignment {
    struct Match {
        var old: Int
        var new: Int
        var isEqual: Bool
    }

    private(set) var matches: [Match] = []

    init(_ old: ArraySlice<JSONValue>, _ new: ArraySlice<JSONValue>) {
        let width = new.count + 1
        // weights[i * width + j]: the best of what follows old[i] and new[j].
        var weights = [Int32](repeating: 0, count: (old.count + 1) * width)
        var kinds = [UInt8](repeating: 0, count: old.count * width)
        for i in stride(from: old.count - 1, through: 0, by: -1) {
            for j in stride(from: new.count - 1, through: 0, by: -1) {
                let kind = Self.weight(old[old.startIndex + i], new[new.startIndex + j])
                kinds[i * width + j] = kind
                var best = max(weights[(i + 1) * width + j], weights[i * width + j + 1])
                if kind > 0 { best = max(best, weights[(i + 1) * width + j + 1] + Int32(kind)) }
                weights[i * width + j] = best
            }
        }
        var i = 0
        var j = 0
        while i < old.count, j < new.count {
            let kind = kinds[i * width + j]
            let best = weights[i * width + j]
            if kind > 0, best == weights[(i + 1) * width + j + 1] + Int32(kind) {
                self.matches.append(
                    Match(old: old.startIndex + i, new: new.startIndex + j, isEqual: kind == Self.equalWeight)
                )
                i += 1
                j += 1
            } else if best == weights[(i + 1) * width + j] {
                i += 1
            } else {
                j += 1
            }
        }
    }

    private static let equalWeight: UInt8 = 3

    private static func weight(_ old: JSONValue, _ new: JSONValue) -> UInt8 {
        switch Self.areOfOneName(old, new) {
        case false?: 0
        case true?: old == new ? Self.equalWeight : 1
        case nil: old == new ? Self.equalWeight : 0
        }
    }

    /// Whether two objects have the same `name`; `nil` when they are not both objects with one.
    static func areOfOneName(_ old: JSONValue, _ new: JSONValue) -> Bool? {
        guard case .object(let old) = old, case .object(let new) = new, case .string(let left)? = old["name"],
            case .string(let right)? = new["name"]
        else { return nil }
        return left.hasSameBytes(as: right)
    }
}
