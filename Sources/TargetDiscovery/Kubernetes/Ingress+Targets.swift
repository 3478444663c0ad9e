package import JSONTree
package import KubeModel
package import PrometheusModel

/// What discovery looks at in an Ingress, of `v1` or of `v1beta1`.
package struct IngressRecord: DiscoveryRecord {
    package struct Rule: Sendable, Equatable {
        package var host: String
        /// `nil` for a rule without `http`, which stands for everything under `/`.
        package var paths: [String]?
    }

    package var object: ObjectRecord
    package var className: String?
    /// Hosts and wildcards that are served with TLS.
    package var secured: [String]
    package var rules: [Rule]

    package init(_ object: JSONObject) {
        self.object = ObjectRecord(object)
        let spec = object[object: "spec"] ?? [:]
        self.className = spec[string: "ingressClassName"]
        self.secured = (spec[array: "tls"] ?? []).compactMap(\.object).flatMap { $0[strings: "hosts"] ?? [] }
        self.rules = (spec[array: "rules"] ?? []).compactMap(\.object).map { rule in
            Rule(
                host: rule[string: "host"] ?? "",
                paths: rule[object: "http"].map { http in
                    (http[array: "paths"] ?? []).compactMap(\.object).map { $0[string: "path"] ?? "" }
                }
            )
        }
    }

    package func pack(into writer: inout PackWriter) {
        self.object.pack(into: &writer)
        writer.write(self.className)
        writer.write(self.secured) { $0.write($1) }
        writer.write(self.rules) { writer, rule in
            writer.write(rule.host)
            writer.write(rule.paths != nil)
            writer.write(rule.paths ?? []) { $0.write($1) }
        }
    }

    package init(unpacking reader: inout PackReader) {
        self.object = ObjectRecord(unpacking: &reader)
        self.className = reader.optionalString()
        self.secured = reader.array { $0.string() }
        self.rules = reader.array { reader in
            let host = reader.string()
            let hasPaths = reader.bool()
            let paths = reader.array { $0.string() }
            return Rule(host: host, paths: hasPaths ? paths : nil)
        }
    }
}

extension IngressRecord {
    package static func source(_ key: ObjectKey) -> String { "ingress/\(key.namespace)/\(key.name)" }

    /// Role `ingress`: a target for each path of each rule, at the rule's host.
    package func targetGroup(_ lookup: DiscoveryLookup) -> TargetGroup {
        var labels = LabelDraft()
        labels.set(Meta.namespace, self.object.namespace)
        labels.set("\(Meta.prefix)ingress_class_name", self.className)
        labels.set(self.object, as: "ingress")
        labels.attach(namespace: self.object.namespace, lookup)
        var targets: [[Label]] = []
        for rule in self.rules {
            let isSecured = self.secured.contains { Self.matches($0, rule.host) }
            for path in rule.paths ?? ["/"] {
                var own = LabelDraft()
                own.set(Label.address, rule.host)
                own.set("\(Meta.prefix)ingress_scheme", isSecured ? "https" : "http")
                own.set("\(Meta.prefix)ingress_host", rule.host)
                own.set("\(Meta.prefix)ingress_path", path.isEmpty ? "/" : path)
                targets.append(own.finished())
            }
        }
        return TargetGroup(source: Self.source(self.object.key), labels: labels.finished(), targets: targets)
    }

    /// `*` at the beginning stands for one label of a host name.
    private static func matches(_ pattern: String, _ host: String) -> Bool {
        if pattern == host { return true }
        let pattern = pattern.split(separator: ".", omittingEmptySubsequences: false)
        let host = host.split(separator: ".", omittingEmptySubsequences: false)
        return pattern.first == "*" && pattern.count == host.count && pattern.dropFirst() == host.dropFirst()
    }
}
