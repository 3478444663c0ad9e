import JSONTree

extension CollectorConfiguration {
    /// The paths of null values within component sections, sorted, each ending in a colon (specification section 2.3,
    /// row 1): `processors.batch:`. Lists are not looked into.
    package var nullPaths: [String] {
        var paths: [String] = []
        func look(_ object: JSONObject, _ path: String) {
            for (key, value) in object {
                if value.isNull {
                    paths.append("\(path)\(key):")
                } else if case .object(let inner) = value {
                    look(inner, "\(path)\(key).")
                }
            }
        }
        for kind in ComponentKind.allCases {
            if let components = self.components(kind) { look(components, "\(kind.section).") }
        }
        return paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// What is sure to stop the collector, or to be of no use, said in one sentence each: pipelines that name undefined
    /// components, components that nothing uses, pipelines without receivers or exporters, ports used twice.
    ///
    /// The Go operator is silent on all of these; here they become admission warnings and a condition.
    package var findings: [String] {
        var findings: [String] = []
        let pipelines = self.service.pipelines ?? []
        if pipelines.isEmpty { findings.append("service.pipelines is empty: the collector will not start") }
        for named in pipelines.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
            let path = "service.pipelines.\(named.name)"
            guard let pipeline = named.pipeline else {
                findings.append("\(path) is null: the collector will not start")
                continue
            }
            if (pipeline.receivers ?? []).isEmpty {
                findings.append("\(path) has no receivers: the collector will not start")
            }
            if (pipeline.exporters ?? []).isEmpty {
                findings.append("\(path) has no exporters: the collector will not start")
            }
            for (kind, ids) in [
                (ComponentKind.receiver, pipeline.receivers), (.processor, pipeline.processors),
                (.exporter, pipeline.exporters),
            ] {
                for id in ids ?? [] where !self.defines(kind, id) {
                    findings.append(
                        "\(path).\(kind.section) names \"\(id)\", which is not defined in \(kind.section): the collector will not start"
                    )
                }
            }
        }
        for id in self.service.extensions ?? [] where self.extensions?.contains(id) != true {
            findings.append(
                "service.extensions names \"\(id)\", which is not defined in extensions: the collector will not start"
            )
        }
        let used = self.usedIDs
        for kind in ComponentKind.allCases {
            for (id, _) in self.components(kind)?.sortedByKey() ?? [:] where used[kind]?.contains(id) != true {
                findings.append("\(kind.section).\(id) is defined but not used")
            }
        }
        return findings + self.endpointFindings
    }

    private func defines(_ kind: ComponentKind, _ id: String) -> Bool {
        if self.components(kind)?.contains(id) == true { return true }
        return kind != .processor && self.connectors?.contains(id) == true
    }

    private var usedIDs: [ComponentKind: Set<String>] {
        var used: [ComponentKind: Set<String>] = [:]
        for kind in ComponentKind.allCases { used[kind] = Set(self.enabled(kind)) }
        used[.connector] = (used[.receiver] ?? []).union(used[.exporter] ?? [])
        return used
    }

    /// Ports that two enabled components share on one transport, and endpoints no port can be read from.
    private var endpointFindings: [String] {
        var findings: [String] = []
        var owners: [String: String] = [:]
        for kind in [ComponentKind.receiver, .exporter, .extension] {
            for id in self.enabled(kind) {
                findings += self.unreadableEndpoints(kind, id)
                guard let ports = try? self.ports(kind, id) else { continue }
                for port in ports {
                    let key = "\(port.port)/\((port.transport ?? .tcp).rawValue)"
                    if let owner = owners[key] {
                        if owner != port.component {
                            findings.append("port \(key) is used by both \(owner) and \(port.component)")
                        }
                    } else {
                        owners[key] = port.component
                    }
                }
            }
        }
        if let metrics = try? self.metricsEndpoint(), let owner = owners["\(metrics.port)/TCP"] {
            findings.append("port \(metrics.port)/TCP is used by both \(owner) and the collector's own metrics")
        }
        return findings
    }

    private func unreadableEndpoints(_ kind: ComponentKind, _ id: String) -> [String] {
        func look(_ body: JSONObject?, _ path: String) -> [String] {
            guard let endpoint = body?[string: "endpoint"], !endpoint.isEmpty, Endpoint.port(endpoint) == nil,
                !endpoint.contains("${"), !endpoint.hasPrefix("/"), !endpoint.hasPrefix("unix:")
            else { return [] }
            return ["\(path).endpoint \"\(endpoint)\" has no valid port"]
        }
        let body = self.components(kind)?[id]?.object
        let path = "\(kind.section).\(id)"
        switch ComponentRegistry.parser(kind, id: id).ports {
        case .endpoint(let rule) where rule.defaultPort != nil || rule.isRequired: return look(body, path)
        case .healthCheck: return look(body, path)
        case .protocols(let rules):
            return rules.flatMap { look(body?["protocols"]?[$0.name]?.object, "\(path).protocols.\($0.name)") }
        default: return []
        }
    }
}
