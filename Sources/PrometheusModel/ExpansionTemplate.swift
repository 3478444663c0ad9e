import CRE2

/// A text with `$1`, `${1}` and `${name}` in it, read as Go's regexp package reads it.
struct ExpansionTemplate: Sendable, Equatable {
    enum Piece: Sendable, Equatable {
        case text([UInt8])
        case group(Int)
    }

    private(set) var pieces: [Piece] = []

    /// The text, when no group is in it.
    var constant: [UInt8]? {
        switch self.pieces.count {
        case 0: []
        case 1: if case .text(let text) = self.pieces[0] { text } else { nil }
        default: nil
        }
    }

    /// Whether it is the first group and nothing else.
    var isFirstGroup: Bool { self.pieces == [.group(1)] }

    init(_ template: String, _ program: RelabelPattern.Program) {
        var rest = Substring(template).unicodeScalars
        var text: [UInt8] = []
        while let scalar = rest.popFirst() {
            guard scalar == "$" else {
                text += Array(String(scalar).utf8)
                continue
            }
            if rest.first == "$" {
                rest.removeFirst()
                text.append(UInt8(ascii: "$"))
                continue
            }
            guard let name = Self.name(&rest) else {
                // A dollar that begins nothing is one.
                text.append(UInt8(ascii: "$"))
                continue
            }
            guard let group = Self.group(name, program) else { continue }
            if !text.isEmpty { self.pieces.append(.text(text)) }
            text = []
            self.pieces.append(.group(group))
        }
        if !text.isEmpty { self.pieces.append(.text(text)) }
    }

    /// The name after a dollar; as long as it goes, where no braces end it.
    private static func name(_ rest: inout Substring.UnicodeScalarView) -> String? {
        var after = rest
        let isBraced = after.first == "{"
        if isBraced { after.removeFirst() }
        let name = after.prefix { scalar in
            if scalar == "_" { return true }
            switch scalar.properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber:
                return true
            default: return false
            }
        }
        guard !name.isEmpty else { return nil }
        after = after[name.endIndex...]
        if isBraced {
            guard after.first == "}" else { return nil }
            after.removeFirst()
        }
        rest = after
        return String(name)
    }

    /// `nil` for a group that is not there, which is an empty text.
    private static func group(_ name: String, _ program: RelabelPattern.Program) -> Int? {
        let isNumber =
            name.utf8.allSatisfy { LabelName.isDigit($0) } && (name.utf8.first != UInt8(ascii: "0") || name == "0")
        if isNumber, name.utf8.count <= 9, let number = Int(name) { return number <= program.groups ? number : nil }
        return program.group(named: name)
    }
}

// MARK: Filling in

extension ExpansionTemplate {
    /// Appends the template with the groups of a match in it.
    func expand(_ text: UnsafeBufferPointer<UInt8>, _ ranges: [cre2_range], into output: inout [UInt8]) {
        for piece in self.pieces {
            switch piece {
            case .text(let bytes): output += bytes
            case .group(let number):
                let range = ranges[number]
                if range.start >= 0 { output += text[range.start..<range.start + range.length] }
            }
        }
    }

    /// Writes the text with the template in place of each match. There is more than one only where an expression steps
    /// out of its parentheses, `a)|(b`, so that it need not match as a whole.
    /// - Returns: Whether there is a match.
    func replaceAll(
        _ text: UnsafeBufferPointer<UInt8>,
        _ program: RelabelPattern.Program,
        into output: inout [UInt8]
    ) -> Bool {
        output.removeAll(keepingCapacity: true)
        guard var ranges = program.find(text) else { return false }
        var copied = 0
        var isFirst = true
        while true {
            let (start, end) = (ranges[0].start, ranges[0].start + ranges[0].length)
            output += text[copied..<start]
            // An empty match right after another one does not count.
            if isFirst || end > copied || start > copied { self.expand(text, ranges, into: &output) }
            (copied, isFirst) = (end, false)
            var next = end
            if ranges[0].length == 0 {
                next += 1
                while next < text.count, text[next] & 0xC0 == 0x80 { next += 1 }
            }
            guard next <= text.count, let more = program.find(text, from: next) else { break }
            ranges = more
        }
        output += text[copied...]
        return true
    }
}
