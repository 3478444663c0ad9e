import PrometheusModel
import Testing

struct XXH64Tests {
    @Test(
        arguments: [
            ("", 0xEF46_DB37_51D8_E999), ("a", 0xD24E_C4F1_A98C_6E5B), ("abc", 0x44BC_2CF5_AD77_0999),
            ("10.0.0.1:9090", 14_058_612_242_856_500_988),
            ("Nobody inspects the spammish repetition", 0xFBCE_A83C_8A37_8BF1),
        ] as [(String, UInt64)]
    )
    func known(text: String, hash: UInt64) {
        #expect(XXH64.hash(text) == hash)
    }

    @Test func inPartsAsAtOnce() {
        let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        for length in 0...bytes.count {
            for part in [1, 3, 31, 32, 33, 100] {
                var hash = XXH64(seed: 7)
                for start in stride(from: 0, to: length, by: part) {
                    bytes[start..<min(length, start + part)].withUnsafeBufferPointer { hash.update($0) }
                }
                #expect(hash.value == bytes[..<length].withUnsafeBufferPointer { XXH64.hash($0, seed: 7) })
            }
        }
    }
}
