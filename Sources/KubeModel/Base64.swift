/// Base64 with the standard alphabet (RFC 4648), as kubeconfig files, Secrets and admission answers carry bytes.
package enum Base64 {
    /// Line breaks and blanks are skipped; `nil` for anything else that is not base64.
    package static func decode(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count / 4 * 3)
        var bits: UInt32 = 0
        var count = 0
        var padding = 0
        for byte in text.utf8 {
            let value: UInt32
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = UInt32(byte - UInt8(ascii: "A"))
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = UInt32(byte - UInt8(ascii: "a")) + 26
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = UInt32(byte - UInt8(ascii: "0")) + 52
            case UInt8(ascii: "+"): value = 62
            case UInt8(ascii: "/"): value = 63
            case UInt8(ascii: "="):
                padding += 1
                continue
            case 0x0A, 0x0D, 0x20, 0x09: continue
            default: return nil
            }
            guard padding == 0 else { return nil }
            bits = bits << 6 | value
            count += 1
            if count % 4 == 0 {
                bytes.append(UInt8(truncatingIfNeeded: bits >> 16))
                bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
                bytes.append(UInt8(truncatingIfNeeded: bits))
                bits = 0
            }
        }
        switch count % 4 {
        case 0: return padding == 0 ? bytes : nil
        case 2 where padding == 2: bytes.append(UInt8(truncatingIfNeeded: bits >> 4))
        case 3 where padding == 1:
            bytes.append(UInt8(truncatingIfNeeded: bits >> 10))
            bytes.append(UInt8(truncatingIfNeeded: bits >> 2))
        default: return nil
        }
        return bytes
    }

    package static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        self.append(Array(bytes), to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Two characters for each value of 12 bits: one look-up per two characters.
    private static let pairs: [UInt16] = {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var pairs: [UInt16] = []
        pairs.reserveCapacity(4096)
        for first in alphabet {
            for second in alphabet { pairs.append((UInt16(first) | UInt16(second) << 8).littleEndian) }
        }
        return pairs
    }()

    package static func append(_ bytes: [UInt8], to output: inout [UInt8]) {
        let length = (bytes.count + 2) / 3 * 4
        let start = output.count
        output.append(contentsOf: repeatElement(UInt8(ascii: "="), count: length))
        self.pairs.withUnsafeBufferPointer { pairs in
            bytes.withUnsafeBufferPointer { input in
                output.withUnsafeMutableBytes { raw in
                    var place = start
                    var read = 0
                    // Six bytes at a time, by words of eight.
                    while read + 8 <= input.count {
                        let word = UnsafeRawBufferPointer(input).loadUnaligned(fromByteOffset: read, as: UInt64.self)
                            .bigEndian
                        raw.storeBytes(of: pairs[Int(word >> 52)], toByteOffset: place, as: UInt16.self)
                        raw.storeBytes(of: pairs[Int(word >> 40) & 0xFFF], toByteOffset: place + 2, as: UInt16.self)
                        raw.storeBytes(of: pairs[Int(word >> 28) & 0xFFF], toByteOffset: place + 4, as: UInt16.self)
                        raw.storeBytes(of: pairs[Int(word >> 16) & 0xFFF], toByteOffset: place + 6, as: UInt16.self)
                        place += 8
                        read += 6
                    }
                    while read + 3 <= input.count {
                        let word = Int(input[read]) << 16 | Int(input[read + 1]) << 8 | Int(input[read + 2])
                        raw.storeBytes(of: pairs[word >> 12], toByteOffset: place, as: UInt16.self)
                        raw.storeBytes(of: pairs[word & 0xFFF], toByteOffset: place + 2, as: UInt16.self)
                        place += 4
                        read += 3
                    }
                    switch input.count - read {
                    case 1:
                        raw.storeBytes(of: pairs[Int(input[read]) << 4], toByteOffset: place, as: UInt16.self)
                    case 2:
                        let word = Int(input[read]) << 16 | Int(input[read + 1]) << 8
                        raw.storeBytes(of: pairs[word >> 12], toByteOffset: place, as: UInt16.self)
                        raw[place + 2] = UInt8(truncatingIfNeeded: pairs[word & 0xFFF].littleEndian)
                    default: break
                    }
                }
            }
        }
    }
}
