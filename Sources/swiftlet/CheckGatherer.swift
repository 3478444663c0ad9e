import AdmissionServer
import Controllers
import Diagnostics
import FoundationEssentials
import JSONTree
import KubeClient
import KubeModel
import KubeRuntime
import Rendering
import TelemetryAPI

/// Asks a cluster for everything that `Check` looks at.
struct CheckGatherer {
    enum Moment { case before, after }

    let client: KubeClient
    /// Where a pod and a collector are tried.
    let namespace: String
    var operatorNamespace: String?

    private var reader: ClusterReader { ClusterReader(client: self.client) }

    init(client: KubeClient, namespace: String) {
        self.client = client
        self.namespace = namespace
    }

    /// - Throws: `KubeClientError` when there is no cluster to ask.
    func findings(_ wanted: Moment?) async throws -> [Finding] {
        var facts = try await self.server()
        try await self.installation(&facts)
        switch wanted ?? self.moment(facts) {
        case .before:
            try await self.beforehand(&facts)
            return Check.before(facts)
        case .after:
            try await self.afterwards(&facts)
            return Check.after(facts)
        }
    }

    /// Something of ours is there: after. The Go operator and nothing of ours: before taking over.
    private func moment(_ facts: CheckFacts) -> Moment {
        if !facts.deployments.isEmpty {
            return facts.deployments.allSatisfy(PredecessorTraces.isPredecessor) ? .before : .after
        }
        let isThere =
            facts.definitions.contains { $0.live.isFound } || facts.mutating.isFound || facts.validating.isFound
        return isThere ? .after : .before
    }

    // MARK: Both

    private func server() async throws -> CheckFacts {
        let version = try await self.client.version()
        var facts = CheckFacts(
            now: .now(),
            version: Version.current,
            serverVersion: KubernetesVersion(major: version.major, minor: version.minor),
            serverText: version.gitVersion
        )
        for (kind, versions) in OptionalKinds.versions.sorted(by: { "\($0.key)" < "\($1.key)" }) {
            let served = try? await self.client.discovery.resource(for: kind, preferredVersions: versions)
            facts.optionalKinds.append((kind, served.flatMap { $0 }?.version))
        }
        return facts
    }

    private func installation(_ facts: inout CheckFacts) async throws {
        for wanted in try CustomResourceDefinition.all(for: facts.serverVersion) {
            facts.definitions.append((wanted, try await self.reader.get(ClusterReader.definitions, name: wanted.name)))
        }
        facts.mutating = try await self.reader.get(
            ResourceCatalog.mutatingWebhooks,
            name: WebhookRegistration.mutatingName
        )
        facts.validating = try await self.reader.get(
            ResourceCatalog.validatingWebhooks,
            name: WebhookRegistration.validatingName
        )
        let deployments = try await OperatorSearch(client: self.client).deployments(in: self.operatorNamespace)
        facts.deployments = deployments.value ?? []
        facts.deploymentsUnreadable = deployments.unreadable
    }

    // MARK: Before

    private func beforehand(_ facts: inout CheckFacts) async throws {
        facts.installer = try await self.reader.answers(
            to: InstallerNeeds.checks.map { ($0.check, "", $0.reason) },
            of: .myself
        )
        // Whoever may escalate may grant anything; all others only what they hold.
        let escalation = InstallerNeeds.escalation.map { ($0, "", "") }
        if try await self.reader.answers(to: escalation, of: .myself).contains(where: { $0.isAllowed == false }) {
            let granted = OperatorNeeds.checks(home: self.home(facts), watched: [], facts)
            facts.grants = try await self.reader.answers(to: granted, of: .myself)
        }
        facts.leftovers = try await PredecessorTraces(reader: self.reader).find(facts)
    }

    // MARK: After

    private func afterwards(_ facts: inout CheckFacts) async throws {
        let home = self.home(facts)
        facts.secret = try await self.reader.get(
            ResourceCatalog.secrets,
            namespace: home,
            name: facts.deployments.first.flatMap { OperatorSearch.setting("webhook-secret", of: $0) }
                ?? OperatorOptions.certificateSecret
        ).map { Self.servingSecret($0) }
        for address in facts.addresses where facts.bundles[address.caBundle] == nil {
            facts.bundles[address.caBundle] = Self.dates(base64: address.caBundle)
        }
        try await self.lease(&facts, home)
        for namespace in Set(facts.deployments.map(\.namespace)).sorted() {
            facts.pods +=
                try await self.reader.list(
                    ClusterReader.pods,
                    namespace: namespace,
                    options: ListOptions(labelSelector: OperatorSearch.label)
                ).value ?? []
        }
        try await self.account(&facts)
        facts.podProbe = try await self.reader.probe(Check.probePod(namespace: self.namespace), ClusterReader.pods)
        facts.collectorProbe = try await self.reader.probe(
            Check.probeCollector(namespace: self.namespace, version: "v1beta1"),
            ResourceCatalog.collectors
        )
        var old = ResourceCatalog.collectors
        old.version = "v1alpha1"
        facts.conversionProbe = try await self.reader.probe(
            Check.probeCollector(namespace: self.namespace, version: "v1alpha1"),
            old
        )
        let collectors = try await self.reader.list(ResourceCatalog.collectors)
        facts.collectorsUnreadable = collectors.unreadable
        facts.collectors = try await CollectorSearch(reader: self.reader).facts(collectors.value ?? [])
        let allocators = AllocatorSearch(reader: self.reader)
        facts.targetAllocators = try await allocators.facts(
            try await self.reader.list(ResourceCatalog.targetAllocators).value ?? [],
            among: collectors.value ?? []
        )
        if !facts.targetAllocators.isEmpty { facts.missingPrometheusKinds = await allocators.missingPrometheusKinds() }
        facts.missed = try await MissedPodSearch(client: self.client).find(namespace: nil)
    }

    private func home(_ facts: CheckFacts) -> String {
        self.operatorNamespace ?? facts.deployments.first?.namespace
            ?? facts.addresses.compactMap { $0.service?.namespace }.first ?? OperatorSearch.usualNamespace
    }

    private func lease(_ facts: inout CheckFacts, _ home: String) async throws {
        facts.lease = try await self.reader.get(.leases, namespace: home, name: OperatorOptions.lease)
        guard facts.isOutside, self.operatorNamespace == nil, case .absent = facts.lease else { return }
        // Outside the cluster the operator is told where its Lease is, and only it knows.
        let options = ListOptions(fieldSelector: "metadata.name=\(OperatorOptions.lease)")
        if let found = try await self.reader.list(.leases, options: options).value?.first {
            facts.lease = .found(found)
        }
    }

    private func account(_ facts: inout CheckFacts) async throws {
        guard let deployment = facts.deployments.first, let account = OperatorSearch.account(of: deployment) else {
            return
        }
        facts.operatorAccountName = "ServiceAccount \(account)"
        facts.operatorAccount = try await self.reader.answers(
            to: OperatorNeeds.checks(of: deployment, facts),
            of: .serviceAccount(namespace: account.namespace, name: account.name)
        )
    }

    // MARK: Certificates

    static func servingSecret(_ secret: KubeObject) -> ServingSecret {
        let data = secret.json[object: "data"] ?? [:]
        var found = ServingSecret(
            key: secret.key,
            caBundle: data[string: "ca.crt"] ?? "",
            authorities: self.dates(base64: data[string: "ca.crt"] ?? ""),
            serving: self.dates(base64: data[string: "tls.crt"] ?? "")
        )
        do throws(CertificateError) {
            let bundle = try CertificateBundle(secretData: data)
            // The order in the Secret is the one in which it was written; what is registered is this.
            found.caBundle = bundle.caBundle
        } catch {
            found.problem = "\(error)"
        }
        return found
    }

    private static func dates(base64: String) -> [CertificateDates] {
        guard let bytes = Data(base64Encoded: base64) else { return [] }
        let text = String(decoding: bytes, as: UTF8.self)
        let certificates = (try? IssuedCertificate.parse(pem: text)) ?? []
        return certificates.map {
            CertificateDates(name: $0.subject, notBefore: Timestamp($0.notBefore), notAfter: Timestamp($0.notAfter))
        }
    }
}

extension Timestamp {
    fileprivate init(_ date: Date) { self.init(seconds: Int64(date.timeIntervalSince1970)) }
}
