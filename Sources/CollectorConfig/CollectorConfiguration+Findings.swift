import JSONTree

extension CollectorConfiguration {
    /// How many findings, and how many paths of nulls, are told one by one; who made more knows by then.
    static let mostFindings = 40

    /// The paths of null values within component sections, sorted, each ending in a colon (specification section 2.3,
    /// row 1): `processors.batch:`. Lists are not looked into.
    package var nullPaths: [String] {
        var paths: [String] = []
        var count = 0
        // The path is put together only where a null is, and only for some: keys may be long and nulls many.
        func look(_ object: JSONObject, _ path: [String]) {
            for member in object.members {
                if member.value.isNull {
                    count += 1
                    guard count <= Self.mostFindings else { continue }
                    paths.append((path + [member.key]).map { $0.abbreviated() }.joined(separator: ".") + ":")
                } else if case .object(let inner) = member.value {
                    look(inner, path + [member.key])
                }
            }
        }
        for kind in ComponentKind.allCases {
            if let components = self.components(kind) { look(components, [kind.section]) }
        }
        paths.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        if count > paths.count { paths.append("and \(count - paths.count) more") }
        return paths
    }

    /// What is sure to stop the collector, or to be of no use, in one sentence each, with its path and how to mend it:
    /// pipelines that name undefined components, components that nothing uses, pipelines without receivers or exporters,
    /// connectors with one end, endpoints no one can listen on, ports used twice.
    ///
    /// The Go operator is silent on all of these; here they become admission warnings and a condition. What an
    /// environment variable decides is not judged.
    package var findings: [String] {
        var findings = Findings()
        self.judgePipelines(&findings)
        self.judgeComponents(&findings)
        self.judgeConnectors(&findings)
        self.judgeListeners(&findings)
        return findings.sentences
    }

    private func judgePipelines(_ findings: inout Findings) {
        let pipelines = self.service.pipelines ?? []
        if pipelines.isEmpty { findings.stop("service.pipelines is empty: name at least one pipeline") }
        for named in pipelines.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
            let path = "service.pipelines.\(named.name.abbreviated())"
            guard let pipeline = named.pipeline else {
                findings.stop("\(path) is null: give it receivers and exporters")
                continue
            }
            for (kind, ids) in pipeline.parts {
                if kind != .processor, (ids ?? []).isEmpty {
                    findings.stop("\(path) has no \(kind.section): name at least one")
                }
                var seen: Set<String> = []
                for id in ids ?? [] {
                    if !self.defines(kind, id) {
                        findings.stop(
                            "\(path).\(kind.section) names \"\(id.abbreviated())\", which is not defined in \(kind.section): define it there or take it out of the pipeline"
                        )
                    }
                    if kind == .processor, !seen.insert(id).inserted {
                        findings.stop("\(path).processors names \"\(id.abbreviated())\" twice: name it once")
                    }
                }
            }
        }
        for id in self.service.extensions ?? [] where self.extensions?.contains(id) != true {
            findings.stop(
                "service.extensions names \"\(id.abbreviated())\", which is not defined in extensions: define it there or take it out of service.extensions"
            )
        }
    }

    private func defines(_ kind: ComponentKind, _ id: String) -> Bool {
        if self.components(kind)?.contains(id) == true { return true }
        return kind != .processor && self.connectors?.contains(id) == true
    }

    private func judgeComponents(_ findings: inout Findings) {
        for kind in ComponentKind.allCases where kind != .connector {
            let used = Set(self.enabled(kind))
            for (id, value) in self.components(kind)?.sortedByKey() ?? [:] {
                let path = "\(kind.section).\(id.abbreviated())"
                guard used.contains(id) else {
                    let place = kind == .extension ? "service.extensions" : "a pipeline"
                    findings.note("\(path) is defined but not used: name it in \(place) or remove it")
                    continue
                }
                if case .protocols(let rules) = ComponentRegistry.parser(kind, id: id).ports,
                    let body = try? ComponentBody(value, path: path) ?? ComponentBody(json: [:], path: path),
                    body.value("protocols")?.object?.isEmpty ?? (body.value("protocols") == nil)
                {
                    let names = rules.map(\.name).joined(separator: ", ")
                    findings.stop("\(path).protocols names no protocol: add one of \(names)")
                }
            }
        }
    }

    /// A connector ends one pipeline and begins another.
    private func judgeConnectors(_ findings: inout Findings) {
        let receivers = Set(self.enabled(.receiver))
        let exporters = Set(self.enabled(.exporter))
        for (id, _) in self.connectors?.sortedByKey() ?? [:] {
            let path = "connectors.\(id.abbreviated())"
            for (kind, used) in [(ComponentKind.receiver, receivers), (.exporter, exporters)]
            where used.contains(id) && self.components(kind)?.contains(id) == true {
                findings.stop("\(path) has the name of one of the \(kind.section): rename one of them")
            }
            switch (receivers.contains(id), exporters.contains(id)) {
            case (true, true): break
            case (true, false):
                findings.stop("\(path) is used as a receiver only: name it among the exporters of a pipeline too")
            case (false, true):
                findings.stop("\(path) is used as an exporter only: name it among the receivers of a pipeline too")
            case (false, false):
                findings.note("\(path) is defined but not used: name it in two pipelines or remove it")
            }
        }
    }

    private func judgeListeners(_ findings: inout Findings) {
        struct Port: Hashable {
            var number: Int
            var transport: Transport
        }
        var taken: [Port: [(address: ListenAddress, listener: Listener)]] = [:]
        for listener in self.listeners {
            switch ListenAddress.read(listener.endpoint) {
            case .unknowable: break
            case .wrong(let problem):
                findings.stop("\(listener.path) \"\(listener.endpoint.abbreviated())\" \(problem)")
            case .address(let address):
                let port = Port(number: address.port, transport: listener.transport)
                let others = taken[port] ?? []
                if let other = others.first(where: { $0.address.collides(with: address) }) {
                    findings.stop(
                        "port \(port.number)/\(port.transport.rawValue) is used by both \(other.listener.path) and \(listener.path): change one of them"
                    )
                } else if others.count < Self.mostFindings {
                    taken[port, default: []].append((address, listener))
                }
            }
        }
    }
}

/// Sentences up to a number, then a count.
private struct Findings {
    private var told: [String] = []
    private var untold = 0

    /// What stops the collector.
    mutating func stop(_ sentence: @autoclosure () -> String) {
        self.note("\(sentence()), or the collector will not start")
    }

    /// What is of no use.
    mutating func note(_ sentence: @autoclosure () -> String) {
        if self.told.count < CollectorConfiguration.mostFindings {
            self.told.append(sentence())
        } else {
            self.untold += 1
        }
    }

    var sentences: [String] {
        self.untold == 0 ? self.told : self.told + ["there are \(self.untold) more findings like these"]
    }
}

extension CollectorConfiguration.Pipeline {
    fileprivate var parts: [(ComponentKind, [String]?)] {
        [(.receiver, self.receivers), (.processor, self.processors), (.exporter, self.exporters)]
    }
}
