package import PrometheusModel

/// What one discovery of a job found anew.
package struct DiscoveryUpdate: Sendable, Equatable {
    package var job: String
    /// The place in `ScrapeJob.discoveries`.
    package var discovery: Int
    /// Groups that are new or changed.
    package var changed: [TargetGroup]
    /// Sources of groups that are gone.
    package var removed: [String]
    /// The discovery is complete for the first time since the job has it: `changed` is all there is, whatever else was
    /// known of this place is over.
    package var isInitial: Bool

    package init(
        job: String,
        discovery: Int,
        changed: [TargetGroup],
        removed: [String] = [],
        isInitial: Bool = false
    ) {
        self.job = job
        self.discovery = discovery
        self.changed = changed
        self.removed = removed
        self.isInitial = isInitial
    }
}
