package import JSONTree
package import KubeModel
package import Rendering
import TelemetryAPI

/// Whether somebody may do something, and what for.
package struct AccessAnswer: Sendable, Hashable {
    package var check: AccessCheck
    /// In one namespace only; empty for the whole cluster.
    package var namespace: String
    package var reason: String
    /// `nil` when it could not be asked.
    package var isAllowed: Bool?

    package init(_ check: AccessCheck, namespace: String = "", reason: String, isAllowed: Bool?) {
        self.check = check
        self.namespace = namespace
        self.reason = reason
        self.isAllowed = isAllowed
    }
}

/// How long a certificate is good.
package struct CertificateDates: Sendable, Hashable {
    package var name: String
    package var notBefore: Timestamp
    package var notAfter: Timestamp

    package init(name: String, notBefore: Timestamp, notAfter: Timestamp) {
        self.name = name
        self.notBefore = notBefore
        self.notAfter = notAfter
    }
}

/// The Secret that all replicas serve from, without its keys.
package struct ServingSecret: Sendable, Hashable {
    package var key: ObjectKey
    /// `ca.crt` as it stands in `data`.
    package var caBundle: String
    package var authorities: [CertificateDates]
    package var serving: [CertificateDates]
    /// Why the Secret can't be used; empty when it can.
    package var problem: String

    package init(
        key: ObjectKey,
        caBundle: String,
        authorities: [CertificateDates],
        serving: [CertificateDates],
        problem: String = ""
    ) {
        self.key = key
        self.caBundle = caBundle
        self.authorities = authorities
        self.serving = serving
        self.problem = problem
    }
}

/// The answer to an object that the API server was asked to create without storing it.
package enum ProbeAnswer: Sendable, Hashable {
    /// As the API server would have stored it.
    case created(JSONObject)
    /// Refused, or a webhook failed: the API server's message.
    case refused(String)
    /// Not asked, and why.
    case skipped(String)
}

/// Everything that a check looks at.
package struct CheckFacts: Sendable {
    package var now: Timestamp
    /// What the operator and this command are.
    package var version: String

    // MARK: The server
    package var serverVersion: KubernetesVersion
    package var serverText: String
    /// Kinds that not every cluster has: the version that is used of each, `nil` for not served.
    package var optionalKinds: [(kind: GroupKind, version: String?)] = []
    /// What whoever installs may do.
    package var installer: [AccessAnswer] = []
    /// Whether whoever installs has what the operator is granted; empty where he may grant anything.
    package var grants: [AccessAnswer] = []

    // MARK: What is installed
    /// The definitions as they should be on this server, with what is there.
    package var definitions: [(wanted: KubeObject, live: Fact<KubeObject>)] = []
    package var mutating: Fact<KubeObject> = .absent
    package var validating: Fact<KubeObject> = .absent
    package var secret: Fact<ServingSecret> = .absent
    /// Certificates of the bundles in the webhook configurations and the definition, by the base64 text.
    package var bundles: [String: [CertificateDates]] = [:]
    package var lease: Fact<KubeObject> = .absent
    /// Deployments with the operator's label, and their pods.
    package var deployments: [KubeObject] = []
    package var pods: [KubeObject] = []
    package var operatorAccount: [AccessAnswer] = []
    /// The account they were asked of.
    package var operatorAccountName = ""
    /// Why Deployments and collectors can't be read; `nil` when they can.
    package var deploymentsUnreadable: String?
    package var collectorsUnreadable: String?

    // MARK: What works
    package var podProbe: ProbeAnswer = .skipped("not asked")
    package var collectorProbe: ProbeAnswer = .skipped("not asked")
    package var conversionProbe: ProbeAnswer = .skipped("not asked")
    package var collectors: [CollectorFacts] = []
    package var targetAllocators: [AllocatorFacts] = []
    /// Kinds of the Prometheus operator that allocators may follow and that the server is known not to serve.
    package var missingPrometheusKinds: Set<String> = []
    package var missed: Fact<[MissedWorkload]> = .absent
    package var leftovers: [Leftover] = []

    package init(now: Timestamp, version: String, serverVersion: KubernetesVersion, serverText: String) {
        self.now = now
        self.version = version
        self.serverVersion = serverVersion
        self.serverText = serverText
    }
}

/// A collector with what tells why it is not ready.
package struct CollectorFacts: Sendable {
    package var collector: KubeObject
    package var pods: [KubeObject]
    /// Warnings that concern it or what belongs to it.
    package var events: [KubeObject]

    package init(_ collector: KubeObject, pods: [KubeObject], events: [KubeObject]) {
        self.collector = collector
        self.pods = pods
        self.events = events
    }
}

/// A target allocator with what tells how it is, and why.
package struct AllocatorFacts: Sendable {
    package var resource: KubeObject
    /// The Deployment that was made of it.
    package var deployment: KubeObject?
    /// Names of the collectors whose targets it hands out.
    package var collectors: [String]
    package var pods: [KubeObject] = []
    /// Warnings that concern it or what belongs to it.
    package var events: [KubeObject] = []
    /// What its account may not do of what it needs, a line each.
    package var missingRights: [String] = []

    /// - Parameter collectors: at least those of its namespace.
    package init(_ resource: KubeObject, deployment: KubeObject?, among collectors: [KubeObject]) {
        self.resource = resource
        self.deployment = deployment
        let allocator = TargetAllocatorResource(resource.json)
        let neighbours = collectors.filter { $0.namespace == resource.namespace && !$0.metadata.isDeleting }
        if let owner = allocator.owningCollector?.name {
            self.collectors = neighbours.map(\.name).filter { $0 == owner }
        } else {
            self.collectors = neighbours.filter { Collector($0.json).targetAllocatorName == resource.name }
                .map(\.name).sorted()
        }
    }
}

/// Pods of a workload that ask for injection and came in without it, unasked.
package struct MissedWorkload: Sendable, Hashable {
    package var namespace: String
    package var workload: String
    package var pods: Int

    package init(namespace: String, workload: String, pods: Int) {
        self.namespace = namespace
        self.workload = workload
        self.pods = pods
    }
}

/// Something of another operator.
package struct Leftover: Sendable, Hashable {
    package var subject: String
    package var message: String
    package var remedy: String

    package init(_ subject: String, _ message: String, remedy: String) {
        self.subject = subject
        self.message = message
        self.remedy = remedy
    }
}
