import JSONTree
import KubeModel
import TelemetryAPI

extension KubeObject {
    /// Takes out what a server of this version does not know. Its clients' requests would be stripped of such fields
    /// silently; server-side apply refuses them with an error instead, for which no user could do anything.
    mutating func removeFields(unknownTo version: KubernetesVersion) {
        for field in Self.recentFields where version < field.since && field.kinds.contains(self.kind) {
            self.json = self.json.removing(field.path[...])
        }
    }

    private struct RecentField {
        var kinds: [String]
        var path: [String]
        var since: KubernetesVersion

        init(_ kinds: [String], _ path: String, since minor: Int) {
            self.kinds = kinds
            self.path = path.split(separator: ".").map(String.init)
            self.since = KubernetesVersion(major: 1, minor: minor)
        }
    }

    private static let workloads = ["Deployment", "DaemonSet", "StatefulSet"]

    /// Fields of rendered objects that are newer than the oldest server we run on (1.20), by the version whose schema
    /// first had them. Fields within pass-through parts (a seccomp profile, a resize policy) are the user's to keep.
    private static let recentFields =
        [
            // 1.20 knows both behind a feature gate and drops them without a word.
            RecentField(["Service"], "spec.ipFamilies", since: 21),
            RecentField(["Service"], "spec.ipFamilyPolicy", since: 21),
            RecentField(["Service"], "spec.internalTrafficPolicy", since: 21),
            RecentField(["Service"], "spec.trafficDistribution", since: 30),
            RecentField(["StatefulSet"], "spec.persistentVolumeClaimRetentionPolicy", since: 23),
            RecentField(workloads, "spec.template.spec.hostUsers", since: 25),
            RecentField(["HorizontalPodAutoscaler"], "spec.behavior.scaleUp.tolerance", since: 33),
            RecentField(["HorizontalPodAutoscaler"], "spec.behavior.scaleDown.tolerance", since: 33),
        ]
        + ["livenessProbe", "readinessProbe", "startupProbe"].map { probe in
            RecentField(workloads, "spec.template.spec.containers.\(probe).terminationGracePeriodSeconds", since: 21)
        }
}

extension JSONObject {
    /// Without the member at a path, within each element where the path leads through a list.
    fileprivate func removing(_ path: ArraySlice<String>) -> JSONObject {
        guard let first = path.first else { return self }
        var copy = self
        if path.count == 1 {
            copy[first] = nil
        } else if let inner = self[object: first] {
            copy[object: first] = inner.removing(path.dropFirst())
        } else if let elements = self[array: first] {
            copy[first] = .array(
                elements.map { element in element.object.map { .object($0.removing(path.dropFirst())) } ?? element }
            )
        }
        return copy
    }
}
