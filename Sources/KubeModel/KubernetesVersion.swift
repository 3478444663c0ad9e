/// Major and minor version of an API server.
package struct KubernetesVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var major: Int
    package var minor: Int

    package init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// From the `major` and `minor` of `/version`; some platforms write `24+`.
    package init?(major: String, minor: String) {
        guard let major = Int(major.prefix { $0.isNumber }), let minor = Int(minor.prefix { $0.isNumber }) else {
            return nil
        }
        self.init(major: major, minor: minor)
    }

    package static func < (left: KubernetesVersion, right: KubernetesVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }

    package var description: String { "\(self.major).\(self.minor)" }
}
