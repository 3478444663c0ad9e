/// What the allocator's own metrics say of the process they come from.
package enum TelemetryResource {
    /// Attributes in byte order of their names: `service.name` and `service.instance.id`, over which
    /// `OTEL_RESOURCE_ATTRIBUTES` wins, over which `OTEL_SERVICE_NAME` wins. Parts that are no `name=value` are left out.
    package static func attributes(
        environment: [String: String],
        hostName: String
    ) -> [(name: String, value: String)] {
        var attributes = ["service.name": "target-allocator", "service.instance.id": hostName]
        for part in (environment["OTEL_RESOURCE_ATTRIBUTES"] ?? "").split(separator: ",") {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(sides[0]).trimmingBlanks
            guard sides.count == 2, !name.isEmpty else { continue }
            attributes[name] = Self.decoded(String(sides[1]).trimmingBlanks)
        }
        if let name = environment["OTEL_SERVICE_NAME"], !name.isEmpty { attributes["service.name"] = name }
        return attributes.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// Values are percent-encoded; what is not encoded rightly stays as it is.
    private static func decoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self) ?? text
    }
}
