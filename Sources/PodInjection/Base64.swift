/// Base64 (RFC 4648, with padding) from bytes to bytes.
package enum Base64 {
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
        let whole = bytes.count / 3
        self.pairs.withUnsafeBufferPointer { pairs in
            bytes.withUnsafeBufferPointer { input in
                output.withUnsafeMutableBytes { raw in
                    var place = start
                    var read = 0
                    for _ in 0..<whole {
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
