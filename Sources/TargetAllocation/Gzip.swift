import CZlib

/// Compression of answers.
package enum Gzip {
    /// One gzip member; nil when there was no memory for it. Level 1 is three times as fast as 6 and, with lists of targets,
    /// a quarter larger.
    package static func compress(_ bytes: UnsafeRawBufferPointer, level: Int32 = 1) -> [UInt8]? {
        guard let start = bytes.bindMemory(to: UInt8.self).baseAddress else { return nil }
        let capacity = czlib_gzip_bound(bytes.count)
        // Not kept as large as it might have become.
        let whole = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            guard let output = buffer.baseAddress else { return }
            count = czlib_gzip(start, bytes.count, output, capacity, level)
        }
        return whole.isEmpty ? nil : whole.withUnsafeBufferPointer { [UInt8]($0) }
    }
}
