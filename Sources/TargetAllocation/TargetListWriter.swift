import PrometheusModel

/// Writes targets as JSON. Its own buffer: a list has some fifty strings a target, and appending each to an array takes
/// twice the time.
struct TargetListWriter: ~Copyable {
    private var buffer: UnsafeMutableRawBufferPointer
    private var count = 0
    /// Where the labels of the last target are, by their place: those of the next one are mostly the same, and copied.
    private var marks: [Mark] = []

    private struct Mark {
        var pair: LabelPair
        var start: Int
        /// Behind the quote that begins the value.
        var value: Int
        var end: Int

        mutating func move(by shift: Int) {
            self.start += shift
            self.value += shift
            self.end += shift
        }
    }

    init(reserving capacity: Int = 4096) {
        self.buffer = .allocate(byteCount: max(64, capacity), alignment: 1)
    }

    deinit { self.buffer.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: self.buffer[..<self.count]) }

    /// Empty again, with the buffer as large as it was.
    mutating func removeAll() {
        self.count = 0
        self.marks = []
    }

    /// `{"targets":[ADDRESS],"labels":{...}}`
    mutating func write(_ labels: UnsafeBufferPointer<LabelPair>, address: Symbol, in symbols: borrowing SymbolTable) {
        var value = Symbol.empty
        for pair in labels where pair.name == address { value = pair.value }
        self.write(raw: "{\"targets\":[\"")
        self.write(value, in: symbols)
        self.write(raw: "\"],\"labels\":{")
        var index = 0
        while index < labels.count {
            if index > 0 { self.write(raw: ",") }
            let equal = self.equalLabels(labels, from: index)
            if equal > 0 {
                self.copy(self.marks[index].start..<self.marks[index + equal - 1].end)
                let shift = self.count - self.marks[index + equal - 1].end
                for place in index..<index + equal { self.marks[place].move(by: shift) }
                index += equal
                continue
            }
            let start = self.count
            if index < self.marks.count, self.marks[index].pair.name == labels[index].name {
                self.copy(self.marks[index].start..<self.marks[index].value)
            } else {
                self.write(raw: "\"")
                self.write(labels[index].name, in: symbols)
                self.write(raw: "\":\"")
            }
            let value = self.count
            self.write(labels[index].value, in: symbols)
            self.write(raw: "\"")
            let mark = Mark(pair: labels[index], start: start, value: value, end: self.count)
            if index < self.marks.count {
                self.marks[index] = mark
            } else {
                self.marks.append(mark)
            }
            index += 1
        }
        self.write(raw: "}}")
    }

    /// How many labels from there on were written alike, one behind the other.
    private func equalLabels(_ labels: UnsafeBufferPointer<LabelPair>, from start: Int) -> Int {
        var end = start
        while end < labels.count, end < self.marks.count, self.marks[end].pair == labels[end] {
            guard end == start || self.marks[end].start == self.marks[end - 1].end + 1 else { break }
            end += 1
        }
        return end - start
    }

    private mutating func copy(_ written: Range<Int>) {
        self.ensure(written.count)
        guard let base = self.buffer.baseAddress else { return }
        (base + self.count).copyMemory(from: base + written.lowerBound, byteCount: written.count)
        self.count += written.count
    }

    mutating func write(raw text: StaticString) {
        let length = text.utf8CodeUnitCount
        self.ensure(length)
        self.buffer.baseAddress?.advanced(by: self.count).copyMemory(from: text.utf8Start, byteCount: length)
        self.count += length
    }

    /// A string without its quotes.
    mutating func write(string: String) {
        var string = string
        string.withUTF8 { self.writeEscaped($0) }
    }

    private mutating func write(_ symbol: Symbol, in symbols: borrowing SymbolTable) {
        symbols.withBytes(of: symbol) { self.writeEscaped($0) }
    }

    private mutating func writeEscaped(_ text: UnsafeBufferPointer<UInt8>) {
        guard let source = text.baseAddress else { return }
        // As long as it can get: six bytes for one.
        self.ensure(text.count * 6)
        guard let base = self.buffer.baseAddress else { return }
        var target = base.advanced(by: self.count)
        var place = 0
        // Eight bytes at a time, as long as none of them is a quote, a backslash or below 0x20.
        while place + 8 <= text.count {
            let word = UnsafeRawPointer(source + place).loadUnaligned(as: UInt64.self)
            let quotes = word ^ 0x2222_2222_2222_2222
            let slashes = word ^ 0x5C5C_5C5C_5C5C_5C5C
            let found =
                (((quotes &- 0x0101_0101_0101_0101) & ~quotes) | ((slashes &- 0x0101_0101_0101_0101) & ~slashes)
                    | ((word &- 0x2020_2020_2020_2020) & ~word)) & 0x8080_8080_8080_8080
            if found == 0 {
                target.storeBytes(of: word, as: UInt64.self)
                target += 8
            } else {
                for byte in text[place..<place + 8] { Self.write(byte, &target) }
            }
            place += 8
        }
        while place < text.count {
            Self.write(source[place], &target)
            place += 1
        }
        self.count = target - base
    }

    @inline(__always)
    private static func write(_ byte: UInt8, _ target: inout UnsafeMutableRawPointer) {
        if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
            target.storeBytes(of: byte, as: UInt8.self)
            target += 1
            return
        }
        func put(_ byte: UInt8) {
            target.storeBytes(of: byte, as: UInt8.self)
            target += 1
        }
        put(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): put(byte)
        case 0x0A: put(UInt8(ascii: "n"))
        case 0x0D: put(UInt8(ascii: "r"))
        case 0x09: put(UInt8(ascii: "t"))
        default:
            put(UInt8(ascii: "u"))
            put(UInt8(ascii: "0"))
            put(UInt8(ascii: "0"))
            put(UInt8(ascii: "0") + (byte >> 4))
            let low = byte & 15
            put(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
        }
    }

    private mutating func ensure(_ more: Int) {
        guard self.count + more > self.buffer.count else { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(self.count + more, self.buffer.count * 2),
            alignment: 1
        )
        larger.copyMemory(from: self.bytes)
        self.buffer.deallocate()
        self.buffer = larger
    }
}
