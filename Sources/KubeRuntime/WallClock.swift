import KubeClient
package import KubeModel

/// Where the time of day comes from. Tests pass a constant.
package struct WallClock: Sendable {
    package var now: @Sendable () -> Timestamp

    package init(now: @escaping @Sendable () -> Timestamp) { self.now = now }

    package static let system = WallClock { Timestamp.now() }
}
