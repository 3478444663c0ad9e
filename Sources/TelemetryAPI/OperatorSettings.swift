/// What the operator was told at its start and what every rendering depends on: images, filters, gates, proxies.
///
/// A plain value: reading flags, files and the environment is the executable's work.
package struct OperatorSettings: Sendable, Hashable {
    package var images: Images
    package var versions: Versions
    /// Labels of a custom resource that must not reach its objects (`--labels-filter`).
    package var labelFilter: KeyFilter
    /// Annotations of a custom resource that must not reach its objects (`--annotations-filter`).
    package var annotationFilter: KeyFilter
    package var featureGates: FeatureGates
    package var proxy: ProxyEnvironment
    /// Component ids such as `receiver.x` that a FIPS host refuses; empty where FIPS is off.
    package var fipsDisabledComponents: [String]
    /// TLS settings written into component configurations, when `--tls-configure-operands` is on.
    package var operandTLS: OperandTLS?

    package init(
        images: Images = Images(),
        versions: Versions = Versions(),
        labelFilter: KeyFilter = .none,
        annotationFilter: KeyFilter = .lastApplied,
        featureGates: FeatureGates = FeatureGates(),
        proxy: ProxyEnvironment = ProxyEnvironment(),
        fipsDisabledComponents: [String] = [],
        operandTLS: OperandTLS? = nil
    ) {
        self.images = images
        self.versions = versions
        self.labelFilter = labelFilter
        self.annotationFilter = annotationFilter
        self.featureGates = featureGates
        self.proxy = proxy
        self.fipsDisabledComponents = fipsDisabledComponents
        self.operandTLS = operandTLS
    }

    /// Images used where a custom resource names none (specification section 0.1).
    package struct Images: Sendable, Hashable {
        package var collector: String
        /// `nil` unless told: then it is the operator's own image, and ``upstreamTargetAllocator`` where that is not known.
        package var targetAllocator: String?
        package var opAMPBridge: String

        package static let upstreamTargetAllocator =
            "ghcr.io/open-telemetry/opentelemetry-operator/target-allocator:0.158.0"

        package init(
            collector: String =
                "ghcr.io/open-telemetry/opentelemetry-collector-releases/opentelemetry-collector:0.158.0",
            targetAllocator: String? = nil,
            opAMPBridge: String = "ghcr.io/open-telemetry/opentelemetry-operator/operator-opamp-bridge:0.158.0"
        ) {
            self.collector = collector
            self.targetAllocator = targetAllocator
            self.opAMPBridge = opAMPBridge
        }
    }

    /// Versions written into `status.version`.
    package struct Versions: Sendable, Hashable {
        package var collector: String
        package var targetAllocator: String
        package var opAMPBridge: String

        package init(
            collector: String = "0.158.0",
            targetAllocator: String = "0.158.0",
            opAMPBridge: String = "0.158.0"
        ) {
            self.collector = collector
            self.targetAllocator = targetAllocator
            self.opAMPBridge = opAMPBridge
        }
    }

    /// `min_version` and `cipher_suites` for components that serve TLS.
    package struct OperandTLS: Sendable, Hashable {
        /// `1.0` to `1.3`.
        package var minimumVersion: String
        package var cipherSuites: [String]

        package init(minimumVersion: String, cipherSuites: [String] = []) {
            self.minimumVersion = minimumVersion
            self.cipherSuites = cipherSuites
        }
    }
}

/// The proxy variables of the operator's own environment, handed on to what it deploys.
package struct ProxyEnvironment: Sendable, Hashable {
    package var http: String?
    package var https: String?
    package var no: String?

    package init(http: String? = nil, https: String? = nil, no: String? = nil) {
        self.http = http
        self.https = https
        self.no = no
    }

    /// Upper case, then lower case, of each variable that is set and not empty.
    package var variables: [(name: String, value: String)] {
        [("HTTP_PROXY", self.http), ("HTTPS_PROXY", self.https), ("NO_PROXY", self.no)].flatMap { name, value in
            guard let value, !value.isEmpty else { return [(name: String, value: String)]() }
            return [(name: name, value: value), (name: name.lowercased(), value: value)]
        }
    }
}

/// The operator's feature gates (specification section 0.2) in the collector's syntax: `a,+b,-c`.
package struct FeatureGates: Sendable, Hashable {
    /// One gate: its name and whether it is on unless told otherwise.
    package struct Gate: Sendable, Hashable {
        package var name: String
        package var isOnByDefault: Bool
        /// A stable gate can no longer be switched off.
        package var isStable: Bool
    }

    package static let golangFlags = Gate(name: "operator.golang.flags", isOnByDefault: true, isStable: true)
    package static let defaultTelemetryShape = Gate(
        name: "operator.collector.usedefaulttelemetryshape",
        isOnByDefault: true,
        isStable: true
    )
    package static let operatorNetworkPolicy = Gate(
        name: "operator.networkpolicy",
        isOnByDefault: true,
        isStable: false
    )
    package static let operandNetworkPolicy = Gate(name: "operand.networkpolicy", isOnByDefault: true, isStable: false)
    package static let fallbackStrategy = Gate(
        name: "operator.targetallocator.fallbackstrategy",
        isOnByDefault: false,
        isStable: false
    )
    package static let clusterObservability = Gate(
        name: "operator.clusterobservability",
        isOnByDefault: false,
        isStable: false
    )
    package static let all: [Gate] = [
        golangFlags, defaultTelemetryShape, operatorNetworkPolicy, operandNetworkPolicy, fallbackStrategy,
        clusterObservability,
    ]

    /// Why a gate list was refused.
    package struct ParseError: Error, Sendable, Hashable, CustomStringConvertible {
        package var description: String
    }

    private var choices: [String: Bool] = [:]

    package init() {}

    /// Reads `a,+b,-c`. Throws for a name that is no gate and for a stable gate that is switched off.
    package init(parsing text: String) throws(ParseError) {
        for part in text.split(separator: ",") {
            let entry = part.drop { $0 == " " }
            let isOn = entry.first != "-"
            var name = entry.first == "-" || entry.first == "+" ? String(entry.dropFirst()) : String(entry)
            while name.last == " " { name.removeLast() }
            guard let gate = Self.all.first(where: { $0.name == name }) else {
                throw ParseError(description: "no such feature gate: \"\(name)\"")
            }
            if gate.isStable, !isOn {
                throw ParseError(description: "feature gate \"\(name)\" is stable, can not be disabled")
            }
            self.choices[name] = isOn
        }
    }

    package func isOn(_ gate: Gate) -> Bool { self.choices[gate.name] ?? gate.isOnByDefault }

    package mutating func set(_ gate: Gate, _ isOn: Bool) { self.choices[gate.name] = isOn }
}
