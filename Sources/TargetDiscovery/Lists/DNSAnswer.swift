package import PrometheusModel

/// A record of a DNS answer that can be a target.
package enum DNSRecord: Sendable, Hashable {
    /// Names end with a dot, as the server sends them.
    case service(target: String, port: Int)
    /// Of an A or an AAAA record.
    case address(String)
    case mailExchange(String)
    case nameServer(String)
}

extension DNSRecord {
    /// What was found for a name: a target for each record.
    ///
    /// - Parameters:
    ///   - name: as configured; also the group's source.
    ///   - port: for records without one of their own.
    package static func targetGroup(name: String, records: [DNSRecord], port: Int) -> TargetGroup {
        let targets = records.map { record in
            var own = LabelDraft()
            own.set("__meta_dns_name", name)
            switch record {
            case .service(let target, let servicePort):
                own.set(Label.address, target.withoutRootDot.joined(port: servicePort))
                own.set("__meta_dns_srv_record_target", target)
                own.set("__meta_dns_srv_record_port", "\(servicePort)")
            case .address(let address):
                own.set(Label.address, address.joined(port: port))
            case .mailExchange(let target):
                own.set(Label.address, target.withoutRootDot.joined(port: port))
                own.set("__meta_dns_mx_record_target", target)
            case .nameServer(let target):
                own.set(Label.address, target.withoutRootDot.joined(port: port))
                own.set("__meta_dns_ns_record_target", target)
            }
            return own.finished()
        }
        return TargetGroup(source: name, labels: [], targets: targets)
    }
}

extension String {
    fileprivate var withoutRootDot: String {
        var name = Substring(self)
        while name.hasSuffix(".") { name.removeLast() }
        return String(name)
    }
}

/// Which names are asked for one that was configured, as resolv.conf says.
package struct DNSSearch: Sendable, Equatable {
    package var domains: [String]
    package var dots: Int

    package init(domains: [String] = [], dots: Int = 1) {
        self.domains = domains
        self.dots = dots
    }

    /// In the order in which they are tried. A name with a dot at the end stands for itself.
    package func candidates(for name: String) -> [String] {
        if name.hasSuffix(".") { return [name] }
        let absolute = name + "."
        let searched = self.domains.filter { !$0.isEmpty }.map { "\(name).\($0)\($0.hasSuffix(".") ? "" : ".")" }
        let labels = name.split(separator: ".", omittingEmptySubsequences: true).count
        return labels > self.dots ? [absolute] + searched : searched + [absolute]
    }
}
