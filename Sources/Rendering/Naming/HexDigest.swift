import Crypto

/// Hashes in lower-case hexadecimal.
enum HexDigest {
    /// - Parameter count: how many digits are kept, of 64
    static func sha256(_ bytes: [UInt8], _ count: Int = 64) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let text = SHA256.hash(data: bytes).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return String(decoding: text.prefix(count), as: UTF8.self)
    }
}
