import JSONTree

/// The security context of an added container: one that it inherits or was given, filled with what the `restricted`
/// profile of the Pod Security Standards asks for. What is there already is someone's word and stays.
struct ContainerSecurity: Sendable {
    /// Whose image the container runs.
    enum Image: Sendable {
        /// An agent's: it names no user, and whoever runs it can read its files.
        case agent
        /// The program's own: its user may be the only one that can read its files.
        case program
        /// A collector's or what its owner puts beside it: the image's user is the owner's business.
        case collector
    }

    /// Who copies an agent in a pod that demands another user than root. The agents' images name none, and the kubelet
    /// doesn't start such an image then. Any number but zero will do; this one is known as `nonroot` from base images, and
    /// it is no user of the node.
    static let nonRootUser = 65532

    /// The context so far, of a container and of its pod.
    var context: JSONObject
    var pod: JSONObject

    init(_ context: JSONObject?, pod: JSONObject?) {
        self.context = context ?? [:]
        self.pod = pod ?? [:]
    }

    /// For an agent in a pod that says nothing of security, as most do.
    private static let ofSilentPod = ContainerSecurity(nil, pod: nil).fill(for: .agent)

    func filled(for image: Image) -> JSONObject {
        if case .agent = image, self.context.isEmpty, self.pod.isEmpty { return Self.ofSilentPod }
        return self.fill(for: image)
    }

    private func fill(for image: Image) -> JSONObject {
        // To a privileged container no limit applies, and the API server accepts none on privilege escalation.
        if self.context[bool: "privileged"] == true { return self.context }
        var filled = self.context
        if self.context.isUnset("allowPrivilegeEscalation"), !self.administratesSystem {
            filled["allowPrivilegeEscalation"] = false
        }
        filled.mutateObject("capabilities") { capabilities in
            if capabilities[array: "drop"]?.isEmpty ?? true { capabilities["drop"] = ["ALL"] }
        }
        switch image {
        case .agent:
            if self.demandsNonRoot, self.user == nil { filled[int: "runAsUser"] = Self.nonRootUser }
        case .program: break
        case .collector:
            // Its pod demands it of each container by itself. Of a user that was named it would be a contradiction.
            if self.context.isUnset("runAsNonRoot"), !self.demandsNonRoot, self.user != 0 {
                filled["runAsNonRoot"] = true
            }
        }
        if self.context.isUnset("seccompProfile"), self.pod.isUnset("seccompProfile") {
            filled["seccompProfile"] = ["type": "RuntimeDefault"]
        }
        return filled
    }

    /// The container's word counts before the pod's.
    private var demandsNonRoot: Bool {
        self.context[bool: "runAsNonRoot"] ?? self.pod[bool: "runAsNonRoot"] ?? false
    }

    private var user: Int? { self.context[int: "runAsUser"] ?? self.pod[int: "runAsUser"] }

    /// The API server refuses this capability together with a limit on privilege escalation.
    private var administratesSystem: Bool {
        let added = self.context[object: "capabilities"]?[strings: "add"] ?? []
        return added.contains("SYS_ADMIN") || added.contains("CAP_SYS_ADMIN")
    }
}

extension JSONObject {
    fileprivate func isUnset(_ key: String) -> Bool { self[key]?.isNull ?? true }
}

extension Injection {
    /// The security context of an init container that a language adds (specification section 5.4). That of the
    /// Instrumentation is used as it is; else it is that of the first target, filled.
    func securityContext(
        of target: PodDraft.ContainerPlace,
        for image: ContainerSecurity.Image,
        _ settings: InstrumentationSettings
    ) -> JSONObject {
        settings.initContainerSecurityContext
            ?? ContainerSecurity(self.draft.securityContext(of: target), pod: self.draft.pod.securityContext)
            .filled(for: image)
    }
}
