/// A regular expression over bytes, matched without backtracking.
///
/// The syntax is the part of Go's (RE2) that fits keys: literals, `.`, classes (`[a-z]`, `[^…]`, `\d \w \s` and their
/// opposites), groups, `|`, `* + ? {n,m}` (lazy forms are read and mean the same here), `^`, `$`, and `(?i)` at the start.
/// Everything else of it is refused with a message.
package struct KeyPattern: Sendable, Hashable {
    /// Why a text is not an expression.
    package struct SyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
        package var expression: String
        package var reason: String
        package var description: String { "invalid regular expression \"\(self.expression)\": \(self.reason)" }
    }

    private enum Instruction: Sendable, Hashable {
        case bytes(ByteSet)
        case split(Int, Int)
        case jump(Int)
        case start
        case end
        case match
    }

    private var program: [Instruction]

    package init(_ expression: String) throws(SyntaxError) {
        var parser = Parser(expression)
        let node = try parser.parse()
        var program: [Instruction] = []
        Self.compile(node, into: &program)
        program.append(.match)
        self.program = program
    }

    /// Matches this text and nothing else.
    package init(exactly text: String) {
        self.program = [.start] + text.utf8.map { .bytes(ByteSet([$0])) } + [.end, .match]
    }

    /// Whether the expression matches anywhere in `text`.
    package func matches(_ text: String) -> Bool {
        var current = ThreadList(count: self.program.count)
        var next = ThreadList(count: self.program.count)
        let bytes = Array(text.utf8)
        for position in 0...bytes.count {
            // A match may begin at each place.
            if self.add(0, to: &current, position: position, count: bytes.count) { return true }
            guard position < bytes.count else { return false }
            next.clear()
            for thread in current.threads {
                if case .bytes(let set) = self.program[thread], set.contains(bytes[position]),
                    self.add(thread + 1, to: &next, position: position + 1, count: bytes.count)
                {
                    return true
                }
            }
            swap(&current, &next)
        }
        return false
    }

    /// Follows what consumes nothing; true when that reaches the end of the program.
    private func add(_ start: Int, to list: inout ThreadList, position: Int, count: Int) -> Bool {
        var pending = [start]
        while let thread = pending.popLast() {
            guard list.insert(thread) else { continue }
            switch self.program[thread] {
            case .bytes: break
            case .split(let first, let second): pending += [second, first]
            case .jump(let target): pending.append(target)
            case .start: if position == 0 { pending.append(thread + 1) }
            case .end: if position == count { pending.append(thread + 1) }
            case .match: return true
            }
        }
        return false
    }

    private struct ThreadList {
        var threads: [Int] = []
        private var isIn: [Bool]

        init(count: Int) { self.isIn = Array(repeating: false, count: count) }

        mutating func insert(_ thread: Int) -> Bool {
            if self.isIn[thread] { return false }
            self.isIn[thread] = true
            self.threads.append(thread)
            return true
        }

        mutating func clear() {
            for thread in self.threads { self.isIn[thread] = false }
            self.threads.removeAll(keepingCapacity: true)
        }
    }

    private static func compile(_ node: Node, into program: inout [Instruction]) {
        switch node {
        case .bytes(let set): program.append(.bytes(set))
        case .start: program.append(.start)
        case .end: program.append(.end)
        case .sequence(let nodes):
            for node in nodes { self.compile(node, into: &program) }
        case .either(let left, let right):
            let split = program.count
            program.append(.split(split + 1, 0))
            self.compile(left, into: &program)
            let jump = program.count
            program.append(.jump(0))
            program[split] = .split(split + 1, program.count)
            self.compile(right, into: &program)
            program[jump] = .jump(program.count)
        case .repeated(let node, let least, let most):
            for _ in 0..<least { self.compile(node, into: &program) }
            if let most {
                var splits: [Int] = []
                for _ in least..<most {
                    splits.append(program.count)
                    program.append(.split(program.count + 1, 0))
                    self.compile(node, into: &program)
                }
                for split in splits { program[split] = .split(split + 1, program.count) }
            } else {
                let split = program.count
                program.append(.split(split + 1, 0))
                self.compile(node, into: &program)
                program.append(.jump(split))
                program[split] = .split(split + 1, program.count)
            }
        }
    }

    fileprivate indirect enum Node {
        case bytes(ByteSet)
        case start
        case end
        case sequence([Node])
        case either(Node, Node)
        case repeated(Node, least: Int, most: Int?)

        /// How many instructions it becomes: what bounds the memory of a hostile expression.
        var weight: Int {
            switch self {
            case .bytes, .start, .end: 1
            case .sequence(let nodes): nodes.reduce(0) { Swift.min($0 + $1.weight, 1 << 20) }
            case .either(let left, let right): left.weight + right.weight + 2
            case .repeated(let node, let least, let most):
                Swift.min((node.weight + 1) * Swift.max(most ?? least + 1, 1) + 1, 1 << 20)
            }
        }
    }

    fileprivate struct Parser {
        let expression: String
        let bytes: [UInt8]
        var position = 0
        var depth = 0
        var ignoresCase = false

        init(_ expression: String) {
            self.expression = expression
            self.bytes = Array(expression.utf8)
        }

        mutating func parse() throws(SyntaxError) -> Node {
            if self.bytes.starts(with: Array("(?i)".utf8)) {
                self.ignoresCase = true
                self.position = 4
            }
            let node = try self.alternatives()
            guard self.position == self.bytes.count else { throw self.error("unexpected )") }
            return node
        }

        func error(_ reason: String) -> SyntaxError { SyntaxError(expression: self.expression, reason: reason) }

        var peek: UInt8? { self.position < self.bytes.count ? self.bytes[self.position] : nil }

        mutating func take(_ character: Character) -> Bool {
            guard let ascii = character.asciiValue, self.peek == ascii else { return false }
            self.position += 1
            return true
        }

        mutating func alternatives() throws(SyntaxError) -> Node {
            self.depth += 1
            defer { self.depth -= 1 }
            guard self.depth < 100 else { throw self.error("nested too deeply") }
            var node = try self.sequence()
            while self.take("|") { node = .either(node, try self.sequence()) }
            return node
        }

        mutating func sequence() throws(SyntaxError) -> Node {
            var nodes: [Node] = []
            while let byte = self.peek, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
                nodes.append(try self.repetition())
            }
            return .sequence(nodes)
        }

        mutating func repetition() throws(SyntaxError) -> Node {
            var node = try self.atom()
            var repetitions = 0
            while true {
                let least: Int
                let most: Int?
                if self.take("*") {
                    (least, most) = (0, nil)
                } else if self.take("+") {
                    (least, most) = (1, nil)
                } else if self.take("?") {
                    (least, most) = (0, 1)
                } else if let bounds = try self.bounds() {
                    (least, most) = bounds
                } else {
                    return node
                }
                repetitions += 1
                guard repetitions == 1 else { throw self.error("invalid nested repetition operator") }
                // Which match is found does not matter, only whether there is one: lazy and greedy are the same.
                _ = self.take("?")
                node = .repeated(node, least: least, most: most)
                guard node.weight < 10_000 else { throw self.error("expression is too large") }
            }
        }

        /// `{n}`, `{n,}` or `{n,m}`; anything else in braces stands for itself, as in Go.
        mutating func bounds() throws(SyntaxError) -> (Int, Int?)? {
            let start = self.position
            guard self.take("{") else { return nil }
            let least = self.number()
            var most = least
            if self.take(",") { most = self.peek == UInt8(ascii: "}") ? nil : self.number() ?? -1 }
            guard let least, self.take("}"), most != -1 else {
                self.position = start
                return nil
            }
            if least > 1000 || (most ?? 0) > 1000 || (most.map { $0 < least } ?? false) {
                throw self.error("invalid repeat count")
            }
            return (least, most)
        }

        mutating func number() -> Int? {
            var digits = ""
            while let byte = self.peek, (0x30...0x39).contains(byte), digits.count < 6 {
                digits.unicodeScalars.append(Unicode.Scalar(byte))
                self.position += 1
            }
            return Int(digits)
        }

        mutating func atom() throws(SyntaxError) -> Node {
            guard let byte = self.peek else { throw self.error("missing argument") }
            switch byte {
            case UInt8(ascii: "{") where try self.bounds() != nil, UInt8(ascii: "*"), UInt8(ascii: "+"),
                UInt8(ascii: "?"):
                throw self.error("missing argument to repetition operator")
            case UInt8(ascii: "("):
                self.position += 1
                if self.take("?"), !self.take(":") {
                    throw self.error("only groups of the forms (…) and (?:…) are supported")
                }
                let node = try self.alternatives()
                guard self.take(")") else { throw self.error("missing closing )") }
                return node
            case UInt8(ascii: "["):
                self.position += 1
                return .bytes(try self.characterClass())
            case UInt8(ascii: "\\"):
                self.position += 1
                return try self.escape(inClass: false)
            case UInt8(ascii: "."):
                self.position += 1
                return .bytes(ByteSet(0...255).subtracting(ByteSet([0x0A])))
            case UInt8(ascii: "^"):
                self.position += 1
                return .start
            case UInt8(ascii: "$"):
                self.position += 1
                return .end
            default:
                self.position += 1
                return .bytes(self.folded(ByteSet([byte])))
            }
        }

        func folded(_ set: ByteSet) -> ByteSet { self.ignoresCase ? set.foldingCase() : set }

        mutating func escape(inClass: Bool) throws(SyntaxError) -> Node {
            guard let byte = self.peek else { throw self.error("trailing backslash at end of expression") }
            self.position += 1
            switch byte {
            case UInt8(ascii: "d"): return .bytes(.digits)
            case UInt8(ascii: "D"): return .bytes(ByteSet(0...255).subtracting(.digits))
            case UInt8(ascii: "w"): return .bytes(.word)
            case UInt8(ascii: "W"): return .bytes(ByteSet(0...255).subtracting(.word))
            case UInt8(ascii: "s"): return .bytes(.space)
            case UInt8(ascii: "S"): return .bytes(ByteSet(0...255).subtracting(.space))
            case UInt8(ascii: "t"): return .bytes(ByteSet([0x09]))
            case UInt8(ascii: "n"): return .bytes(ByteSet([0x0A]))
            case UInt8(ascii: "r"): return .bytes(ByteSet([0x0D]))
            case UInt8(ascii: "A") where !inClass: return .start
            case UInt8(ascii: "z") where !inClass: return .end
            case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: return .bytes(ByteSet([byte]))
            default:
                throw self.error("invalid escape sequence \\\(Character(Unicode.Scalar(byte)))")
            }
        }

        /// Behind the opening bracket.
        mutating func characterClass() throws(SyntaxError) -> ByteSet {
            let isNegated = self.take("^")
            var set = ByteSet([])
            var isFirst = true
            while true {
                guard let byte = self.peek else { throw self.error("missing closing ]") }
                if byte == UInt8(ascii: "]"), !isFirst {
                    self.position += 1
                    break
                }
                isFirst = false
                let low = try self.classMember()
                guard let start = low.onlyByte, self.peek == UInt8(ascii: "-"), self.position + 1 < self.bytes.count,
                    self.bytes[self.position + 1] != UInt8(ascii: "]")
                else {
                    set = set.union(low)
                    continue
                }
                self.position += 1
                guard let end = try self.classMember().onlyByte, start <= end else {
                    throw self.error("invalid character class range")
                }
                set = set.union(ByteSet(start...end))
            }
            set = self.folded(set)
            return isNegated ? ByteSet(0...255).subtracting(set) : set
        }

        mutating func classMember() throws(SyntaxError) -> ByteSet {
            guard let byte = self.peek else { throw self.error("missing closing ]") }
            self.position += 1
            if byte == UInt8(ascii: "["), self.peek == UInt8(ascii: ":") {
                throw self.error("classes of the form [[:name:]] are not supported")
            }
            guard byte == UInt8(ascii: "\\") else { return ByteSet([byte]) }
            guard case .bytes(let set) = try self.escape(inClass: true) else { return ByteSet([]) }
            return set
        }
    }
}

/// A set of byte values.
private struct ByteSet: Sendable, Hashable {
    private var words: SIMD4<UInt64> = .zero

    init(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { self.words[Int(byte >> 6)] |= 1 << UInt64(byte & 63) }
    }

    static let digits = ByteSet(0x30...0x39)
    static let word = ByteSet([0x5F]).union(digits).union(ByteSet(0x41...0x5A)).union(ByteSet(0x61...0x7A))
    static let space = ByteSet([0x09, 0x0A, 0x0C, 0x0D, 0x20])

    func contains(_ byte: UInt8) -> Bool { self.words[Int(byte >> 6)] >> UInt64(byte & 63) & 1 == 1 }

    func union(_ other: ByteSet) -> ByteSet {
        var result = self
        result.words |= other.words
        return result
    }

    func subtracting(_ other: ByteSet) -> ByteSet {
        var result = self
        result.words &= ~other.words
        return result
    }

    func foldingCase() -> ByteSet {
        var result = self
        for byte in UInt8(0x41)...0x5A where self.contains(byte) || self.contains(byte | 0x20) {
            result = result.union(ByteSet([byte, byte | 0x20]))
        }
        return result
    }

    /// The byte of a set of one.
    var onlyByte: UInt8? {
        let count = (0..<4).reduce(0) { $0 + self.words[$1].nonzeroBitCount }
        guard count == 1 else { return nil }
        return (0...255).first { self.contains($0) }
    }
}
