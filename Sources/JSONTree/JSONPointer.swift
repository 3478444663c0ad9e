/// The way to a value within a document (RFC 6901): one token for each step, unescaped.
///
/// Written `/spec/containers/0/image`; within a token `~1` stands for `/` and `~0` for `~`. The empty pointer is the whole
/// document.
package struct JSONPointer: Sendable, Hashable {
    package var tokens: [String]

    package init(_ tokens: [String] = []) { self.tokens = tokens }

    /// - Throws: ``JSONPatchError`` when the text neither is empty nor begins with `/`, or holds a `~` without 0 or 1.
    package init(parsing text: String) throws(JSONPatchError) {
        self.tokens = []
        if text.isEmpty { return }
        guard text.utf8.first == UInt8(ascii: "/") else {
            throw JSONPatchError(.malformed, "the pointer \"\(text)\" does not begin with /")
        }
        for part in text.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard part.contains(UInt8(ascii: "~")) else {
                self.tokens.append(String(decoding: part, as: UTF8.self))
                continue
            }
            var token: [UInt8] = []
            var bytes = part.makeIterator()
            while let byte = bytes.next() {
                guard byte == UInt8(ascii: "~") else {
                    token.append(byte)
                    continue
                }
                switch bytes.next() {
                case UInt8(ascii: "0"): token.append(UInt8(ascii: "~"))
                case UInt8(ascii: "1"): token.append(UInt8(ascii: "/"))
                default: throw JSONPatchError(.malformed, "the pointer \"\(text)\" holds a ~ that is neither ~0 nor ~1")
                }
            }
            self.tokens.append(String(decoding: token, as: UTF8.self))
        }
    }

    package var isRoot: Bool { self.tokens.isEmpty }

    package func appending(_ token: String) -> JSONPointer { JSONPointer(self.tokens + [token]) }
    package func appending(_ index: Int) -> JSONPointer { JSONPointer(self.tokens + [String(index)]) }

    /// Whether this leads to a value within the one `other` leads to, or to the same.
    package func begins(with other: JSONPointer) -> Bool { self.tokens.starts(with: other.tokens) }

    /// The place in an array of so many elements that a token names, `nil` when none: digits only, no leading zero.
    static func index(_ token: String, below count: Int) -> Int? {
        let digits = token.utf8
        guard !digits.isEmpty, digits.count <= 18, digits.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }),
            digits.count == 1 || digits.first != UInt8(ascii: "0"), let index = Int(token), index < count
        else { return nil }
        return index
    }
}

extension JSONPointer: CustomStringConvertible {
    package var description: String {
        var bytes: [UInt8] = []
        for token in self.tokens {
            bytes.append(UInt8(ascii: "/"))
            for byte in token.utf8 {
                switch byte {
                case UInt8(ascii: "~"): bytes.append(contentsOf: [UInt8(ascii: "~"), UInt8(ascii: "0")])
                case UInt8(ascii: "/"): bytes.append(contentsOf: [UInt8(ascii: "~"), UInt8(ascii: "1")])
                default: bytes.append(byte)
                }
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension JSONValue {
    /// The value a pointer leads to, `nil` when there is none.
    package func value(at pointer: JSONPointer) -> JSONValue? {
        var value = self
        for token in pointer.tokens {
            switch value {
            case .object(let object):
                guard let next = object[token] else { return nil }
                value = next
            case .array(let elements):
                guard let index = JSONPointer.index(token, below: elements.count) else { return nil }
                value = elements[index]
            default: return nil
            }
        }
        return value
    }
}
