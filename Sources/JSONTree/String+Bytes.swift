extension String {
    /// Whether both are the same bytes, which Swift's `==` does not ask: it compares characters.
    @inline(__always)
    func hasSameBytes(as other: String) -> Bool {
        let (left, right) = (self.utf8, other.utf8)
        guard left.count == right.count else { return false }
        let answer = left.withContiguousStorageIfAvailable { left in
            right.withContiguousStorageIfAvailable { right in
                var place = 0
                while place + 8 <= left.count {
                    let one = UnsafeRawBufferPointer(left).loadUnaligned(fromByteOffset: place, as: UInt64.self)
                    let two = UnsafeRawBufferPointer(right).loadUnaligned(fromByteOffset: place, as: UInt64.self)
                    if one != two { return false }
                    place += 8
                }
                while place < left.count {
                    if left[place] != right[place] { return false }
                    place += 1
                }
                return true
            }
        }
        return answer.flatMap(\.self) ?? left.elementsEqual(right)
    }

    /// What of the text is fit for a message: all of it, or its beginning and an ellipsis. A key may be as long as the
    /// whole document, and a message per key would then be, too.
    package func abbreviated(to limit: Int = 80) -> String {
        guard self.utf8.count > limit else { return self }
        var beginning = ""
        var count = 0
        for scalar in self.unicodeScalars {
            count += UTF8.width(scalar)
            if count > limit { break }
            beginning.unicodeScalars.append(scalar)
        }
        return beginning + "…"
    }

    /// The text of bytes that are valid UTF-8, else `nil`.
    @inline(__always)
    init?(checking bytes: UnsafeBufferPointer<UInt8>) {
        // Nearly all text is ASCII, for which `String(validating:)` takes three times as long.
        if bytes.isASCII {
            self.init(decoding: bytes, as: UTF8.self)
        } else {
            self.init(validating: bytes, as: UTF8.self)
        }
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether this is text: what is passed over in a document is not judged, so whoever copies it has to ask.
    package var isUTF8: Bool { self.isASCII || String(validating: self, as: UTF8.self) != nil }

    @inline(__always)
    var isASCII: Bool {
        guard let base = self.baseAddress else { return true }
        var place = 0
        while place + 8 <= self.count {
            let word = UnsafeRawPointer(base + place).loadUnaligned(as: UInt64.self)
            if word & 0x8080_8080_8080_8080 != 0 { return false }
            place += 8
        }
        while place < self.count {
            if base[place] >= 0x80 { return false }
            place += 1
        }
        return true
    }
}
