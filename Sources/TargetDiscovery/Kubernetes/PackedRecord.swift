package import JSONTree

/// What discovery looks at in the objects of one kind.
package protocol DiscoveryRecord: Sendable, Equatable {
    /// Reads what is there; what is absent or of another type is taken for empty, as the API server checked the object.
    init(_ object: JSONObject)
    func pack(into writer: inout PackWriter)
    init(unpacking reader: inout PackReader)
}

/// A record as one buffer of bytes: what a store keeps of ten thousand pods. Strings of their own would take twice that.
package struct Packed<Record: DiscoveryRecord>: Sendable, Equatable {
    private let bytes: [UInt8]

    package init(_ record: Record) {
        var writer = PackWriter()
        record.pack(into: &writer)
        self.bytes = writer.exactBytes
    }

    package init(_ object: JSONObject) { self.init(Record(object)) }

    package var record: Record {
        var reader = PackReader(self.bytes)
        return Record(unpacking: &reader)
    }

    package var byteCount: Int { self.bytes.count }
}

/// Writes the parts of a record one after the other.
package struct PackWriter {
    private var bytes: [UInt8] = []

    fileprivate var exactBytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: self.bytes.count) { buffer, count in
            count = buffer.initialize(fromContentsOf: self.bytes)
        }
    }

    mutating func write(_ number: Int) {
        var rest = UInt64(bitPattern: Int64(number))
        while rest >= 0x80 {
            self.bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        self.bytes.append(UInt8(rest))
    }

    /// What nearly every object has is one byte (an odd number); the rest is its length (an even one) and its bytes.
    mutating func write(_ text: String) {
        if let place = UsualStrings.places[text] {
            self.write(place * 2 + 1)
            return
        }
        self.write(text.utf8.count * 2)
        self.bytes.append(contentsOf: text.utf8)
    }

    mutating func write(_ text: String?) {
        self.write(text != nil)
        if let text { self.write(text) }
    }

    mutating func write(_ flag: Bool) { self.bytes.append(flag ? 1 : 0) }

    mutating func write(_ flag: Bool?) { self.bytes.append(flag.map { $0 ? 1 : 0 } ?? 2) }

    mutating func write(_ number: Int?) {
        self.write(number != nil)
        if let number { self.write(number) }
    }

    mutating func write<Element>(_ elements: [Element], _ body: (inout PackWriter, Element) -> Void) {
        self.write(elements.count)
        for element in elements { body(&self, element) }
    }
}

/// Reads what ``PackWriter`` wrote, in the same order. At the end of the bytes everything is empty.
package struct PackReader {
    private let bytes: [UInt8]
    private var place = 0

    fileprivate init(_ bytes: [UInt8]) { self.bytes = bytes }

    private mutating func byte() -> UInt8 {
        guard self.place < self.bytes.count else { return 0 }
        defer { self.place += 1 }
        return self.bytes[self.place]
    }

    mutating func int() -> Int {
        var result: UInt64 = 0
        var shift: UInt64 = 0
        while shift < 64 {
            let byte = self.byte()
            result |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { break }
            shift += 7
        }
        return Int(Int64(bitPattern: result))
    }

    mutating func string() -> String {
        let head = self.int()
        if head & 1 == 1 {
            let place = head / 2
            return UsualStrings.all.indices.contains(place) ? UsualStrings.all[place] : ""
        }
        let end = min(self.place + max(0, head / 2), self.bytes.count)
        defer { self.place = end }
        return String(decoding: self.bytes[self.place..<end], as: UTF8.self)
    }

    mutating func optionalString() -> String? { self.bool() ? self.string() : nil }

    mutating func bool() -> Bool { self.byte() == 1 }

    mutating func optionalBool() -> Bool? {
        switch self.byte() {
        case 0: false
        case 1: true
        default: nil
        }
    }

    mutating func optionalInt() -> Int? { self.bool() ? self.int() : nil }

    mutating func array<Element>(_ body: (inout PackReader) -> Element) -> [Element] {
        // No element is smaller than a byte, so a count can't ask for more than there is.
        let count = max(0, min(self.int(), self.bytes.count - self.place))
        var result: [Element] = []
        result.reserveCapacity(count)
        for _ in 0..<count { result.append(body(&self)) }
        return result
    }
}

/// Strings that a cluster repeats in nearly every object. The order is that of the packed form, which never leaves memory.
private enum UsualStrings {
    static let all = [
        "", "TCP", "UDP", "true", "false", "unknown", "Running", "Pending", "Succeeded", "Failed", "default",
        "kube-system", "ReplicaSet", "DaemonSet", "StatefulSet", "Job", "Pod", "Node", "ClusterIP", "None", "http",
        "https", "metrics", "web", "IPv4", "IPv6", "pod-template-hash", "controller-revision-hash",
        "pod-template-generation", "statefulset.kubernetes.io/pod-name", "app", "k8s-app", "component", "tier",
        "version",
        "release", "heritage", "chart", "app.kubernetes.io/name", "app.kubernetes.io/instance",
        "app.kubernetes.io/version", "app.kubernetes.io/component", "app.kubernetes.io/part-of",
        "app.kubernetes.io/managed-by", "helm.sh/chart", "Helm", "meta.helm.sh/release-name",
        "meta.helm.sh/release-namespace", "kubernetes.io/service-name", "endpointslice.kubernetes.io/managed-by",
        "endpointslice-controller.k8s.io", "endpoints.kubernetes.io/last-change-trigger-time",
        "kubectl.kubernetes.io/last-applied-configuration", "kubectl.kubernetes.io/restartedAt",
        "prometheus.io/scrape", "prometheus.io/port", "prometheus.io/path", "prometheus.io/scheme",
        "checksum/config", "apps.kubernetes.io/pod-index", "batch.kubernetes.io/job-name", "job-name",
        "kubernetes.io/hostname", "topology.kubernetes.io/zone", "topology.kubernetes.io/region",
        "service.kubernetes.io/headless",
    ]
    static let places = Dictionary(uniqueKeysWithValues: all.enumerated().map { ($1, $0) })
}
