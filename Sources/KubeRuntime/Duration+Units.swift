extension Duration {
    /// The duration in seconds, with fractions.
    package var seconds: Double {
        Double(self.components.seconds) + Double(self.components.attoseconds) / 1e18
    }

    /// Whole nanoseconds, saturating at what 64 bits hold (292 years).
    var nanoseconds: Int64 {
        let (seconds, overflow) = self.components.seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return self < .zero ? .min : .max }
        let (sum, overflowed) = seconds.addingReportingOverflow(self.components.attoseconds / 1_000_000_000)
        return overflowed ? (self < .zero ? .min : .max) : sum
    }
}
