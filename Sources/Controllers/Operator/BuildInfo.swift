import Metrics

/// `swiftlet_build_info`: 1, with what runs in its labels.
package enum BuildInfo {
    package static func expose(version: String, compatible: String) {
        Gauge(
            label: "swiftlet_build_info",
            dimensions: [
                ("version", version), ("operator_version", compatible), ("swift_version", Self.compiler),
                ("mode", Self.mode),
            ]
        ).record(1)
    }

    private static var mode: String {
        #if DEBUG
        "debug"
        #else
        "release"
        #endif
    }

    private static var compiler: String {
        #if compiler(>=6.4)
        "6.4"
        #elseif compiler(>=6.3)
        "6.3"
        #else
        "6.2"
        #endif
    }
}
