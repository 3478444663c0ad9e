package import CollectorConfig
import JSONTree
package import TelemetryAPI

/// One question to the API server (SubjectAccessReview), cluster-wide: may somebody do this?
package struct AccessCheck: Sendable, Hashable {
    package var verb: String
    package var group: String
    /// Without a subresource.
    package var resource: String
    /// Empty for none.
    package var subresource: String
    /// Set for paths such as `/metrics`; group and resource are empty then.
    package var nonResourceURL: String?
    /// The one object that it is about; `nil` for all.
    package var name: String?

    package init(verb: String, group: String, resource: String, name: String? = nil) {
        self.name = name
        let parts = resource.split(separator: "/", maxSplits: 1)
        self.verb = verb
        self.group = group
        self.resource = parts.first.map(String.init) ?? ""
        self.subresource = parts.count > 1 ? String(parts[1]) : ""
        self.nonResourceURL = nil
    }

    package init(verb: String, nonResourceURL: String) {
        self.verb = verb
        self.group = ""
        self.resource = ""
        self.subresource = ""
        self.nonResourceURL = nonResourceURL
    }

    /// What is asked about, as messages name it: `group/resource`, `resource` or `nonResourceURL: path`.
    package var item: String {
        if let nonResourceURL { return "nonResourceURL: \(nonResourceURL)" }
        let resource = self.subresource.isEmpty ? self.resource : "\(self.resource)/\(self.subresource)"
        return self.group.isEmpty ? resource : "\(self.group)/\(resource)"
    }
}

extension AccessCheck {
    /// Every verb on every resource of some rules, each once (specification section 2.5).
    package static func checks(for rules: [PolicyRule]) -> [AccessCheck] {
        var seen: Set<AccessCheck> = []
        return rules.flatMap { rule in
            rule.apiGroups.flatMap { group in
                rule.resources.flatMap { resource in
                    rule.verbs.map { AccessCheck(verb: $0, group: group, resource: resource) }
                }
            }
        }.filter { seen.insert($0).inserted }
    }

    /// What the collector of a request would be granted; ask first for its service account, then the denied ones for
    /// the user. Empty when the operator creates no roles: then nothing can be gained.
    package static func grants(of collector: Collector, facts: ClusterFacts) throws(PlanError) -> [AccessCheck] {
        facts.rbacCreation ? try self.needs(ofConfigurationOf: collector) : []
    }

    /// What the enabled components of a collector ask the API server for.
    fileprivate static func needs(ofConfigurationOf collector: Collector) throws(PlanError) -> [AccessCheck] {
        do throws(ConfigurationError) {
            return self.checks(for: try CollectorConfiguration(collector.spec.config ?? [:]).permissions())
        } catch {
            throw PlanError(error)
        }
    }

    /// `system:serviceaccount:<namespace>:<name>` of the account a collector runs as.
    package static func serviceAccount(of collector: Collector) -> String {
        "system:serviceaccount:\(collector.namespace):\(collector.spec.serviceAccount ?? ObjectName.collector(collector.name))"
    }

    /// The same of the target allocator a collector brings along.
    package static func targetAllocatorServiceAccount(of collector: Collector) -> String {
        let given = collector.spec.targetAllocator?.serviceAccount ?? ""
        return
            "system:serviceaccount:\(collector.namespace):\(given.isEmpty ? ObjectName.targetAllocator(collector.name) : given)"
    }

    /// What a target allocator with `prometheusCR.enabled` needs (specification section 2.4).
    package static let targetAllocator: [AccessCheck] = {
        let read = ["get", "list", "watch"]
        let rules = [
            PolicyRule("monitoring.coreos.com", ["servicemonitors", "podmonitors"], ["*"]),
            PolicyRule("", ["nodes", "nodes/metrics", "services", "endpoints", "pods", "namespaces"], read),
            PolicyRule("", ["configmaps"], ["get"]),
            PolicyRule("discovery.k8s.io", ["endpointslices"], read),
            PolicyRule("networking.k8s.io", ["ingresses"], read),
        ]
        return AccessCheck.checks(for: rules)
            + ["/metrics", "/api", "/api/*", "/apis", "/apis/*"].map { AccessCheck(verb: "get", nonResourceURL: $0) }
    }()

    /// The refusal of a user who would gain what they do not have.
    package static func escalation(user: String, missing: [AccessCheck]) -> String {
        "user \"\(user)\" is not allowed to create a collector whose config would grant permissions they do not hold: "
            + self.grouped(missing).joined(separator: "; ")
    }

    /// One warning for each thing an account misses.
    package static func warnings(serviceAccount: String, missing: [AccessCheck]) -> [String] {
        self.grouped(missing).map { "missing the following rules for \(serviceAccount) - \($0)" }
    }

    /// `item: [verbs]`, in the order of first appearance.
    private static func grouped(_ checks: [AccessCheck]) -> [String] {
        var items: [(item: String, verbs: [String])] = []
        for check in checks {
            if let place = items.firstIndex(where: { $0.item == check.item }) {
                items[place].verbs.append(check.verb)
            } else {
                items.append((check.item, [check.verb]))
            }
        }
        return items.map { "\($0.item): [\($0.verbs.joined(separator: " "))]" }
    }
}

/// What a service account has to be allowed to, since nobody but the user grants it: asked of the API server at
/// admission, and warned of where the answer is no (specification sections 2.3 and 2.4).
package struct AccountNeeds: Sendable, Hashable {
    /// `system:serviceaccount:<namespace>:<name>`.
    package var user: String
    /// The groups every service account of that namespace is in.
    package var groups: [String]
    package var checks: [AccessCheck]
    /// In front of each warning.
    private var prefix: String

    private init(_ user: String, in namespace: String, _ checks: [AccessCheck], prefix: String = "") {
        self.user = user
        self.groups = Self.groups(ofServiceAccountsIn: namespace)
        self.checks = checks
        self.prefix = prefix
    }

    package static func groups(ofServiceAccountsIn namespace: String) -> [String] {
        ["system:serviceaccounts", "system:serviceaccounts:\(namespace)", "system:authenticated"]
    }

    /// The accounts to ask about, with their checks:
    /// - the one `spec.serviceAccount` names, where the operator creates no roles for it;
    /// - the target allocator's, when it is to read Prometheus' custom resources.
    ///
    /// Throws where the configuration can't be understood.
    package static func of(_ collector: Collector, facts: ClusterFacts) throws(PlanError) -> [AccountNeeds] {
        var needs: [AccountNeeds] = []
        if let allocator = collector.spec.targetAllocator, allocator.isEnabled, allocator.prometheusCREnabled,
            facts.targetAllocators, collector.mode == .statefulset || collector.mode == .daemonset
        {
            let user = AccessCheck.targetAllocatorServiceAccount(of: collector)
            needs.append(AccountNeeds(user, in: collector.namespace, AccessCheck.targetAllocator))
        }
        if !facts.rbacCreation, collector.spec.serviceAccount != nil {
            let checks = try AccessCheck.needs(ofConfigurationOf: collector)
            let user = AccessCheck.serviceAccount(of: collector)
            if !checks.isEmpty {
                needs.append(AccountNeeds(user, in: collector.namespace, checks, prefix: "RBAC rules are missing: "))
            }
        }
        return needs
    }

    /// The account of a target allocator that is to read Prometheus' custom resources.
    ///
    /// - Parameter evenIfOwned: at admission one that a collector brought along was asked about with that.
    package static func of(_ resource: TargetAllocatorResource, evenIfOwned: Bool = false) -> [AccountNeeds] {
        guard resource.spec.prometheusCR.isEnabled, evenIfOwned || resource.owningCollector == nil else { return [] }
        let account = resource.spec.serviceAccount ?? ObjectName.targetAllocator(resource.name)
        let user = "system:serviceaccount:\(resource.namespace):\(account)"
        return [AccountNeeds(user, in: resource.namespace, AccessCheck.targetAllocator)]
    }

    /// What to say of the checks that were answered with no: a line for each thing.
    package func warnings(missing: [AccessCheck]) -> [String] {
        AccessCheck.warnings(serviceAccount: self.user, missing: missing).map { self.prefix + $0 }
    }

    /// What to say when the API server could not be asked: a warning must not keep anybody from writing.
    package func warning(unanswered reason: String) -> String {
        "cannot find out what \(self.user) may do: \(reason)"
    }
}
