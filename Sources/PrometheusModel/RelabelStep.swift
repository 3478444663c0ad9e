import CRE2
import Crypto

/// One rule with the symbols of a table.
struct RelabelStep: Sendable {
    private let rule: RelabelRule
    private let program: RelabelPattern.Program
    /// `nil` also where shortcuts are off.
    private let shape: PatternShape?
    private let remembers: Bool
    private let sources: [Symbol]
    private let separator: [UInt8]
    /// `nil` when it is made of each value.
    private let target: Symbol?
    private let targetTemplate: ExpansionTemplate
    private let replacement: ExpansionTemplate
    /// The replacement when it is the same for each value.
    private let constant: Symbol?
    /// The texts that match, of a rule with one source.
    private let wanted: [Symbol]?
    /// Whether each value matches.
    private let matchesAll: Bool
    /// Two sources of which one is a fixed text around the other, which becomes the value: `(.+);` with an empty second
    /// source, `Pod;(.*)`.
    private let wrapping: Wrapping?
    /// What a hash of one shard is.
    private let zero: Symbol
    private var memo = SymbolMemo()
    /// Of a rule about names.
    private var effects: [RelabelWork.NameEffects] = []

    private struct Wrapping: Sendable {
        /// Which of the two sources becomes the value, and what the other one has to be.
        var value: Int
        var other: Symbol
        var isSomething: Bool
    }

    /// In the memory: does not match.
    private static let nothing = UInt32.max

    init(_ rule: RelabelRule, isPlain: Bool, _ table: inout SymbolTable) {
        self.rule = rule
        self.program = rule.regex.program
        self.shape = isPlain ? nil : rule.regex.shape
        self.remembers = !isPlain
        var sources: [Symbol] = []
        for label in rule.sourceLabels { sources.append(table.intern(label)) }
        self.sources = sources
        self.separator = Array(rule.separator.utf8)
        self.targetTemplate = ExpansionTemplate(rule.targetLabel, self.program)
        self.replacement = ExpansionTemplate(rule.replacement, self.program)
        // Other actions than replace take the label as it is written.
        if rule.action != .replace || !rule.targetLabel.utf8.contains(UInt8(ascii: "$")) {
            self.target = table.intern(rule.targetLabel)
        } else {
            self.target = nil
        }
        self.constant = self.replacement.constant.map { text in text.withUnsafeBufferPointer { table.intern($0) } }
        if !isPlain, sources.count == 1, case .texts(let texts)? = self.shape {
            var wanted: [Symbol] = []
            for text in texts { wanted.append(text.withUnsafeBufferPointer { table.intern($0) }) }
            self.wanted = wanted
        } else {
            self.wanted = nil
        }
        self.wrapping = Self.wrapping(self.shape, self.separator, sources.count, self.replacement, &table)
        self.zero = table.intern("0")
        if case .around(let prefix, let suffix, false, _)? = self.shape {
            self.matchesAll = prefix.isEmpty && suffix.isEmpty
        } else {
            self.matchesAll = false
        }
    }

    private static func wrapping(
        _ shape: PatternShape?,
        _ separator: [UInt8],
        _ sources: Int,
        _ replacement: ExpansionTemplate,
        _ table: inout SymbolTable
    ) -> Wrapping? {
        guard case .around(let prefix, let suffix, let isSomething, _)? = shape, sources == 2,
            replacement.isFirstGroup
        else { return nil }
        if prefix.isEmpty, suffix.starts(with: separator) {
            let other = suffix.dropFirst(separator.count).withUnsafeBufferPointer { table.intern($0) }
            return Wrapping(value: 0, other: other, isSomething: isSomething)
        }
        if suffix.isEmpty, prefix.count >= separator.count, prefix.suffix(separator.count).elementsEqual(separator) {
            let other = prefix.dropLast(separator.count).withUnsafeBufferPointer { table.intern($0) }
            return Wrapping(value: 1, other: other, isSomething: isSomething)
        }
        return nil
    }

    /// - Returns: Whether the target is kept.
    mutating func run(_ work: inout RelabelWork, _ table: inout SymbolTable) -> Bool {
        switch self.rule.action {
        case .replace: self.replace(&work, &table)
        case .keep: return self.matches(&work, table)
        case .drop: return !self.matches(&work, table)
        case .keepEqual: return self.equalsTarget(&work, table)
        case .dropEqual: return !self.equalsTarget(&work, table)
        case .hashMod: self.hash(&work, &table)
        case .labelMap: self.map(&work, &table)
        case .labelDrop, .labelKeep:
            let drops = self.rule.action == .labelDrop
            self.rename(&work, &table) { (step, name, _, table) in
                step.matchesName(name, table) == drops ? .remove : .nothing
            }
        case .lowercase, .uppercase: self.changeCase(&work, &table)
        }
        return true
    }

    // MARK: The source

    /// Of up to two sources; more are not worth remembering.
    private func key(_ work: borrowing RelabelWork) -> UInt64? {
        guard self.remembers else { return nil }
        switch self.sources.count {
        case 0: return SymbolMemo.key(.empty)
        case 1: return SymbolMemo.key(work[self.sources[0]])
        case 2: return SymbolMemo.key(work[self.sources[0]], work[self.sources[1]])
        default: return nil
        }
    }

    /// Gives the joined values of the sources.
    private func withSource<Result>(
        _ work: inout RelabelWork,
        _ table: borrowing SymbolTable,
        _ body: (UnsafeBufferPointer<UInt8>, inout [UInt8]) -> Result
    ) -> Result {
        if self.sources.count == 1 {
            let value = work[self.sources[0]]
            return table.withBytes(of: value) { body($0, &work.output) }
        }
        self.join(&work, table)
        return work.joined.withUnsafeBufferPointer { body($0, &work.output) }
    }

    private func join(_ work: inout RelabelWork, _ table: borrowing SymbolTable) {
        work.joined.removeAll(keepingCapacity: true)
        for (index, source) in self.sources.enumerated() {
            if index > 0 { work.joined += self.separator }
            let value = work[source]
            table.withBytes(of: value) { work.joined.append(contentsOf: $0) }
        }
    }

    /// The joined values as a symbol.
    private func source(_ work: inout RelabelWork, _ table: inout SymbolTable) -> Symbol {
        if self.sources.count == 1 { return work[self.sources[0]] }
        self.join(&work, table)
        return work.joined.withUnsafeBufferPointer { table.intern($0) }
    }

    // MARK: Matching

    private mutating func matches(_ work: inout RelabelWork, _ table: borrowing SymbolTable) -> Bool {
        if self.matchesAll { return true }
        if let wanted = self.wanted {
            let value = work[self.sources[0]]
            return wanted.contains { $0 == value }
        }
        if self.sources.count == 1, let shape = self.shape {
            return table.withBytes(of: work[self.sources[0]]) { shape.match($0) != nil }
        }
        let key = self.key(work)
        if let key, let known = self.memo[key] { return known == 1 }
        let (shape, program) = (self.shape, self.program)
        let found = self.withSource(&work, table) { text, _ in
            shape.map { $0.match(text) != nil } ?? program.matches(text)
        }
        if let key { self.memo.remember(key, found ? 1 : 0) }
        return found
    }

    private mutating func matchesName(_ name: Symbol, _ table: borrowing SymbolTable) -> Bool {
        if self.matchesAll { return true }
        let key = SymbolMemo.key(name)
        if self.remembers, let known = self.memo[key] { return known == 1 }
        let (shape, program) = (self.shape, self.program)
        let found = table.withBytes(of: name) { text in shape.map { $0.match(text) != nil } ?? program.matches(text) }
        if self.remembers { self.memo.remember(key, found ? 1 : 0) }
        return found
    }

    private func equalsTarget(_ work: inout RelabelWork, _ table: borrowing SymbolTable) -> Bool {
        let value = work[self.target ?? .empty]
        if self.sources.count == 1 { return work[self.sources[0]] == value }
        return self.withSource(&work, table) { text, _ in table.withBytes(of: value) { $0.elementsEqual(text) } }
    }

    // MARK: Setting

    private mutating func replace(_ work: inout RelabelWork, _ table: inout SymbolTable) {
        guard let target = self.target else { return self.replaceAnywhere(&work, &table) }
        if self.matchesAll {
            if let constant = self.constant { return work.set(target, constant) }
            if self.replacement.isFirstGroup { return work.set(target, self.source(&work, &table)) }
        }
        if let constant = self.constant {
            if self.matches(&work, table) { work.set(target, constant) }
            return
        }
        if case .around(let prefix, let suffix, _, _)? = self.shape {
            let template = self.replacement
            let shape = self.shape
            // The value itself is the group where nothing is around it.
            if prefix.isEmpty, suffix.isEmpty, template.isFirstGroup, self.sources.count == 1 {
                let value = work[self.sources[0]]
                if !value.isEmpty { work.set(target, value) }
                return
            }
            if let wrapping = self.wrapping, work[self.sources[1 - wrapping.value]] == wrapping.other {
                let value = work[self.sources[wrapping.value]]
                if !value.isEmpty || !wrapping.isSomething { work.set(target, value) }
                return
            }
            let isMatch = self.withSource(&work, table) { text, output in
                guard let group = shape?.match(text) else { return false }
                output.removeAll(keepingCapacity: true)
                for piece in template.pieces {
                    switch piece {
                    case .text(let bytes): output += bytes
                    case .group(let number): output += number == 0 ? text[...] : text[group]
                    }
                }
                return true
            }
            if isMatch { work.set(target, work.output.withUnsafeBufferPointer { table.intern($0) }) }
            return
        }
        let key = self.key(work)
        if let key, let known = self.memo[key] {
            if known != Self.nothing { work.set(target, Symbol(index: known)) }
            return
        }
        let (program, template) = (self.program, self.replacement)
        let isMatch = self.withSource(&work, table) { text, output in
            guard let ranges = program.find(text) else { return false }
            output.removeAll(keepingCapacity: true)
            template.expand(text, ranges, into: &output)
            return true
        }
        let result = isMatch ? work.output.withUnsafeBufferPointer { table.intern($0) } : .empty
        if isMatch { work.set(target, result) }
        if let key { self.memo.remember(key, isMatch ? result.index : Self.nothing) }
    }

    /// Into a label whose name is made of the value, too.
    private func replaceAnywhere(_ work: inout RelabelWork, _ table: inout SymbolTable) {
        let (program, names, values) = (self.program, self.targetTemplate, self.replacement)
        var name: [UInt8] = []
        let isMatch = self.withSource(&work, table) { text, output in
            guard let ranges = program.find(text) else { return false }
            output.removeAll(keepingCapacity: true)
            names.expand(text, ranges, into: &name)
            values.expand(text, ranges, into: &output)
            return true
        }
        guard isMatch, !name.isEmpty, self.rule.names == .utf8 || LabelName.isLegacy(name) else { return }
        let target = name.withUnsafeBufferPointer { table.intern($0) }
        work.set(target, work.output.withUnsafeBufferPointer { table.intern($0) })
    }

    private func hash(_ work: inout RelabelWork, _ table: inout SymbolTable) {
        let modulus = self.rule.modulus
        if modulus == 1 { return work.set(self.target ?? .empty, self.zero) }
        let remainder = self.withSource(&work, table) { text, _ in
            var number: UInt64 = 0
            let digest = Insecure.MD5.hash(data: UnsafeRawBufferPointer(text))
            for byte in digest.dropFirst(8) { number = number << 8 | UInt64(byte) }
            return number % modulus
        }
        work.set(self.target ?? .empty, table.intern(String(remainder)))
    }

    private mutating func map(_ work: inout RelabelWork, _ table: inout SymbolTable) {
        self.rename(&work, &table) { (step, name, work, table) in
            let result = step.mapped(name, &work, &table)
            return result == Self.nothing ? .nothing : .copy(Symbol(index: result))
        }
    }

    private mutating func rename(
        _ work: inout RelabelWork,
        _ table: inout SymbolTable,
        _ effect: (inout RelabelStep, Symbol, inout RelabelWork, inout SymbolTable) -> RelabelWork.NameEffect
    ) {
        var known = self.effects.isEmpty ? RelabelWork.NameEffects.none : self.effects
        self.effects = []
        work.rename(&known, &table) { (name, work, table) in effect(&self, name, &work, &table) }
        if self.remembers { self.effects = known }
    }

    private mutating func mapped(_ name: Symbol, _ work: inout RelabelWork, _ table: inout SymbolTable) -> UInt32 {
        let key = SymbolMemo.key(name)
        if self.remembers, let known = self.memo[key] { return known }
        let (program, template) = (self.program, self.replacement)
        let isMatch = table.withBytes(of: name) { text in template.replaceAll(text, program, into: &work.output) }
        let result = isMatch ? work.output.withUnsafeBufferPointer { table.intern($0).index } : Self.nothing
        if self.remembers { self.memo.remember(key, result) }
        return result
    }

    private mutating func changeCase(_ work: inout RelabelWork, _ table: inout SymbolTable) {
        let source = self.source(&work, &table)
        let key = SymbolMemo.key(source)
        var result = self.remembers ? self.memo[key].map(Symbol.init(index:)) : nil
        if result == nil {
            let text = table.string(of: source)
            let changed = table.intern(
                self.rule.action == .lowercase ? LetterCase.lowercased(text) : LetterCase.uppercased(text)
            )
            if self.remembers { self.memo.remember(key, changed.index) }
            result = changed
        }
        work.set(self.target ?? .empty, result ?? .empty)
    }
}
