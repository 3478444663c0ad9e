/// Where jitter comes from: evenly distributed values in `0..<1`. Tests pass a constant.
package struct JitterSource: Sendable {
    private let draw: @Sendable () -> Double

    package init(_ draw: @escaping @Sendable () -> Double) { self.draw = draw }

    package static let random = JitterSource { Double.random(in: 0..<1) }
    package static func constant(_ value: Double) -> JitterSource { JitterSource { value } }

    package func next() -> Double { self.draw() }
}
