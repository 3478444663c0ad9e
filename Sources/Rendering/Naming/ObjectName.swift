/// Names of rendered objects (specification section 0.3).
package enum ObjectName {
    /// An argument of ``truncated(_:_:max:)``.
    package enum Argument: Sendable, Hashable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
        case string(String)
        case int(Int)

        package init(stringLiteral value: String) { self = .string(value) }
        package init(integerLiteral value: Int) { self = .int(value) }
    }

    /// Puts arguments into a format of `%s` and `%d` and shortens the result to `max` bytes: string arguments lose bytes
    /// at their ends, from the first on, and what is left at the edges that is neither letter nor digit goes.
    ///
    ///     ObjectName.truncated("%s-collector", [.string("simplest")])  // simplest-collector
    package static func truncated(_ format: String, _ arguments: [Argument], max limit: Int = 63) -> String {
        var text = self.filled(format, arguments)
        var excess = text.utf8.count - limit
        if excess > 0 {
            let shortened = arguments.map { argument -> Argument in
                guard case .string(let value) = argument else { return argument }
                let count = value.utf8.count
                if count > excess {
                    defer { excess = 0 }
                    return .string(String(decoding: value.utf8.dropLast(excess), as: UTF8.self))
                }
                excess -= count
                return ""
            }
            text = self.filled(format, shortened)
            // Deliberately without trimming: the Go operator returns here, and names must not change.
            if text.utf8.count > limit { return String(decoding: text.utf8.prefix(limit), as: UTF8.self) }
        }
        return self.trimmed(text)
    }

    /// Without what is neither letter nor digit at both edges.
    static func trimmed(_ text: String) -> String {
        var bytes = Array(text.utf8)[...]
        while let first = bytes.first, !self.isAlphanumeric(first) { bytes = bytes.dropFirst() }
        while let last = bytes.last, !self.isAlphanumeric(last) { bytes = bytes.dropLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func filled(_ format: String, _ arguments: [Argument]) -> String {
        var out = ""
        var rest = arguments[...]
        var isDirective = false
        for character in format {
            if isDirective {
                switch rest.popFirst() {
                case .string(let text): out += text
                case .int(let value): out += String(value)
                case nil: break
                }
                isDirective = false
            } else if character == "%" {
                isDirective = true
            } else {
                out.append(character)
            }
        }
        return out
    }

    /// A name Kubernetes accepts: lower case; what is neither letter nor digit becomes `-`, at the edges `a`.
    package static func dns(_ text: String) -> String {
        var out: [UInt8] = []
        // Byte offset against number of characters: the Go operator compares these two, so only names in ASCII have
        // their last character treated specially.
        let last = text.unicodeScalars.count - 1
        var offset = 0
        for scalar in text.lowercased().unicodeScalars {
            if scalar.isASCII, let byte = UInt8(exactly: scalar.value),
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte)
            {
                out.append(byte)
            } else {
                out.append(offset == 0 || offset == last ? UInt8(ascii: "a") : UInt8(ascii: "-"))
            }
            offset += UTF8.width(scalar)
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    private static func name(_ format: String, _ arguments: String...) -> String {
        self.dns(self.truncated(format, arguments.map(Argument.string)))
    }

    /// Workload, ServiceAccount, Service, HorizontalPodAutoscaler, PodDisruptionBudget, monitors.
    package static func collector(_ name: String) -> String { self.name("%s-collector", name) }
    package static func configMap(_ name: String, hash: String) -> String {
        self.name("%s-collector-%s", name, String(hash.prefix(8)))
    }
    package static func headlessService(_ name: String) -> String { self.name("%s-headless", self.collector(name)) }
    package static func monitoringService(_ name: String) -> String { self.name("%s-monitoring", self.collector(name)) }
    package static func extensionService(_ name: String) -> String { self.name("%s-extension", self.collector(name)) }
    package static func monitoringServiceMonitor(_ name: String) -> String {
        self.name("%s-collector", "\(name)-monitoring")
    }
    package static func ingress(_ name: String) -> String { self.name("%s-ingress", name) }
    package static func networkPolicy(_ name: String) -> String { self.name("%s-collector-networkpolicy", name) }
    package static func route(_ name: String, port: String) -> String { self.name("%s-%s-route", port, name) }
    package static func httpRoute(_ name: String, port: String) -> String { self.name("%s-%s-httproute", name, port) }
    package static func clusterRole(_ name: String, namespace: String) -> String {
        self.name("%s-%s-cluster-role", name, namespace)
    }
    package static func clusterRoleBinding(_ name: String, namespace: String) -> String {
        self.name("%s-%s-collector", name, namespace)
    }
    package static func configMapVolume(_ name: String) -> String { self.name("configmap-%s", name) }
    package static func targetAllocator(_ name: String) -> String { self.name("%s-targetallocator", name) }
    package static func targetAllocatorNetworkPolicy(_ name: String) -> String {
        self.name("%s-targetallocator-networkpolicy", name)
    }
    package static func selfSignedIssuer(_ name: String) -> String { self.name("%s-self-signed-issuer", name) }
    package static func authorityIssuer(_ name: String) -> String { self.name("%s-ca-issuer", name) }
    package static func authorityCertificate(_ name: String) -> String { self.name("%s-ca-cert", name) }
    package static func serverCertificate(_ name: String) -> String { self.name("%s-ta-server-cert", name) }
    package static func clientCertificate(_ name: String) -> String { self.name("%s-ta-client-cert", name) }
    package static func certificateVolume(_ certificate: String, _ index: Int) -> String {
        self.dns(self.truncated("%s-%d", [.string(certificate), .int(index)]))
    }
    /// The value of `app.kubernetes.io/instance`, also of the label of an injected sidecar.
    package static func instance(_ name: String, namespace: String) -> String {
        self.truncated("%s.%s", [.string(namespace), .string(name)])
    }
}
