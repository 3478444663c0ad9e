package import PrometheusModel

/// Labels that are being put together. What is set last wins.
struct LabelDraft {
    private var labels: [Label] = []

    init(reservingCapacity capacity: Int = 16) { self.labels.reserveCapacity(capacity) }

    mutating func set(_ name: String, _ value: String) {
        self.labels.append(Label(name: name, value: value))
    }

    mutating func set(_ name: String, _ value: String?) {
        if let value { self.set(name, value) }
    }

    /// Sorted by the bytes of the names, each name once, without empty values but for the address.
    func finished() -> [Label] {
        var result: [Label] = []
        result.reserveCapacity(self.labels.count)
        let order = self.labels.indices.sorted { left, right in
            let (a, b) = (self.labels[left].name, self.labels[right].name)
            return a.hasSameBytes(as: b) ? left < right : a.utf8.lexicographicallyPrecedes(b.utf8)
        }
        for place in order {
            let label = self.labels[place]
            if let last = result.last, last.name.hasSameBytes(as: label.name) { result.removeLast() }
            result.append(label)
        }
        result.removeAll { $0.value.isEmpty && $0.name != Label.address }
        return result
    }
}

extension Label {
    /// Where a target is: `host:port`.
    package static let address = "__address__"
}

extension String {
    /// With `_` for whatever may not be in a label name (of the old kind): the keys of Kubernetes' labels and annotations
    /// become parts of label names.
    var asLabelNamePart: String {
        func isFine(_ scalar: Unicode.Scalar) -> Bool {
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "_": true
            default: false
            }
        }
        if self.unicodeScalars.allSatisfy(isFine) { return self }
        var result = String.UnicodeScalarView()
        for scalar in self.unicodeScalars { result.append(isFine(scalar) ? scalar : "_") }
        return String(result)
    }

    /// `host:port`, with brackets around a host that has colons itself.
    func joined(port: Int) -> String {
        self.utf8.contains { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "%") }
            ? "[\(self)]:\(port)" : "\(self):\(port)"
    }
}
