package import JSONTree

/// The versions of `OpenTelemetryCollector` that are served.
package enum CollectorVersion: String, Sendable, Hashable, CaseIterable {
    case v1alpha1, v1beta1

    package static let group = "opentelemetry.io"
    package static let kind = "OpenTelemetryCollector"

    package var apiVersion: String { "\(Self.group)/\(self.rawValue)" }

    /// `nil` for any other group or version.
    package init?(apiVersion: String) {
        guard let version = Self.allCases.first(where: { $0.apiVersion == apiVersion }) else { return nil }
        self = version
    }

    /// The version of a collector, `nil` for any other object.
    package init?(of object: JSONObject) {
        guard object[string: "kind"] == Self.kind, let text = object[string: "apiVersion"] else { return nil }
        self.init(apiVersion: text)
    }
}
