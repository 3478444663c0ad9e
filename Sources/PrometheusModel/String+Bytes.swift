extension String {
    /// Whether both have the same bytes. `==` is not that: it also takes texts for equal that differ in their Unicode
    /// normalization, which are two label values to Prometheus.
    package func hasSameBytes(as other: String) -> Bool {
        guard self.utf8.count == other.utf8.count else { return false }
        let answer = self.utf8.withContiguousStorageIfAvailable { mine in
            other.utf8.withContiguousStorageIfAvailable { theirs in mine.elementsEqual(theirs) }
        }
        return (answer ?? nil) ?? self.utf8.elementsEqual(other.utf8)
    }
}
