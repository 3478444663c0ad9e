/// Which targets are one and the same.
package enum TargetIdentity {
    private static let discovered: StaticString = "__meta_"
    private static let separator: UInt8 = 0xFF

    /// A number that two targets of one job share exactly when they differ in nothing but what discovery says of them.
    /// - Parameter labels: what relabelling leaves, or all of them where nothing is filtered.
    package static func hash(_ labels: LabelSet, job: String, in table: borrowing SymbolTable) -> UInt64 {
        labels.pairs.withUnsafeBufferPointer { self.hash($0, job: job, in: table) }
    }

    /// - Parameter pairs: those of a ``LabelSet``.
    package static func hash(
        _ pairs: UnsafeBufferPointer<LabelPair>,
        job: String,
        in table: borrowing SymbolTable
    ) -> UInt64 {
        var job = job
        return job.withUTF8 { job in
            var size = job.count
            for pair in pairs { size += table.length(of: pair.name) + table.length(of: pair.value) + 2 }
            return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: size) { buffer in
                var end = 0
                func append(_ bytes: UnsafeBufferPointer<UInt8>) {
                    guard let base = bytes.baseAddress, let start = buffer.baseAddress else { return }
                    (start + end).update(from: base, count: bytes.count)
                    end += bytes.count
                }
                for pair in pairs {
                    let isHashed = table.withBytes(of: pair.name) { name in
                        if Self.isDiscovered(name) { return false }
                        append(name)
                        return true
                    }
                    guard isHashed else { continue }
                    buffer[end] = Self.separator
                    end += 1
                    table.withBytes(of: pair.value) { append($0) }
                    buffer[end] = Self.separator
                    end += 1
                }
                append(job)
                return XXH64.hash(UnsafeBufferPointer(rebasing: buffer[..<end]))
            }
        }
    }

    static func isDiscovered(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
        self.discovered.withUTF8Buffer { prefix in name.count >= prefix.count && name.starts(with: prefix) }
    }
}
