/// What ``PrometheusMetrics`` holds of one name, as values: for who pushes metrics instead of being scraped.
package struct MetricFamily: Sendable, Hashable {
    package var name: String
    package var kind: MetricKind
    package var help: String
    package var points: [MetricPoint]

    package init(name: String, kind: MetricKind, help: String = "", points: [MetricPoint]) {
        self.name = name
        self.kind = kind
        self.help = help
        self.points = points
    }
}

/// One series of a family.
package struct MetricPoint: Sendable, Hashable {
    package enum Value: Sendable, Hashable {
        case count(UInt64)
        case number(Double)
        /// Observations of each bucket, not added up; the last is of what lies above all bounds.
        case histogram(counts: [UInt64], bounds: [Double], sum: Double)
    }

    package struct Label: Sendable, Hashable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package var labels: [Label]
    package var value: Value

    package init(labels: [Label] = [], value: Value) {
        self.labels = labels
        self.value = value
    }
}
