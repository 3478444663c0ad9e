import JSONTree
import KubeModel
import TelemetryAPI

/// How the agents that are copied into a shared volume by an init container get into a pod: Java, Node.js, Python and
/// .NET differ only in what is said here (specification section 7).
struct Agent {
    /// Why a container can't have the agent.
    struct Refusal {
        var code: ReasonCode
        var message: String
    }

    /// `opentelemetry-auto-instrumentation-LANGUAGE`: init container and volume.
    var name: String
    /// Where the init container sees the volume.
    var mountPath: String
    /// What the init container runs.
    var command: [String]
    /// Where a container sees the volume.
    var containerMountPath: (_ container: String) -> String
    /// Variables that the agent joins its own value to.
    var joined: [EnvironmentName]
    /// Looks at a container before it is touched, beyond variables that can't be joined to (section 5.5).
    var refusal: (EnvironmentDraft) -> Refusal? = { _ in nil }
    /// Sets what belongs right behind the language's own variables.
    var beforeCommon: (inout EnvironmentDraft) -> Void = { _ in }
    /// Sets the language's defaults, for a container of that name.
    var defaults: (inout EnvironmentDraft, _ container: String) -> Void
    /// Further init containers, behind the agent's.
    var extensions: [JSONObject] = []
}

extension Injection {
    mutating func inject(_ agent: Agent, _ request: Request) {
        let (places, unknown) = self.draft.targets(request.containers)
        self.refuseUnknown(unknown, request)
        if self.refuseTakenNames([agent.name] + agent.extensions.map { $0[string: "name"] ?? "" }, request) { return }
        var accepted: [PodDraft.ContainerPlace] = []
        for place in places {
            let environment = self.draft[place].environment
            let name = self.draft[place].name
            if let refusal = agent.refusal(environment) ?? environment.referenceRefusal(agent.joined)
                ?? self.draft[place].mountRefusal([agent.containerMountPath(name)])
            {
                self.refuse(request, refusal.code, "container \(name): \(refusal.message)", container: name)
                continue
            }
            self.add(agent, to: place, request)
            accepted.append(place)
        }
        // Without a container that has the agent, nothing needs copying (sharp edge 16).
        guard let first = accepted.first else { return }
        self.record(request, injected: accepted.map { self.draft[$0].name })
        self.addInitContainer(of: agent, before: first, request)
    }

    private mutating func add(_ agent: Agent, to place: PodDraft.ContainerPlace, _ request: Request) {
        let settings = request.settings
        func change(_ container: inout ContainerDraft) {
            let name = container.name
            container.environment.appendIfAbsent(settings.languageEnvironment)
            agent.beforeCommon(&container.environment)
            container.addMount(agent.name, at: agent.containerMountPath(name))
            container.environment.addCommon(settings)
            agent.defaults(&container.environment, name)
        }
        change(&self.draft[place])
        // One that the Instrumentation gives by reference is left as it is (sharp edge 17).
        if let refusal = self.draft[place].environment.referenceRefusal(agent.joined) {
            let name = self.draft[place].name
            self.refuse(request, refusal.code, "container \(name): \(refusal.message)", container: name)
        }
        self.addSDKEnvironment(to: place, describing: place, request)
    }

    /// Section 5.3.
    private mutating func addInitContainer(of agent: Agent, before first: PodDraft.ContainerPlace, _ request: Request) {
        if self.draft.initContainers.contains(agent.name) { return }
        let settings = request.settings
        var containers: [JSONObject] = []
        var container: JSONObject = [
            "name": .string(agent.name),
            "image": .string(settings.language.image),
            "command": .strings(agent.command),
        ]
        container[object: "resources"] = settings.language.resources
        container["volumeMounts"] = [.object(VolumeMount(agent.name, at: agent.mountPath).json)]
        if !settings.imagePullPolicy.isEmpty { container["imagePullPolicy"] = .string(settings.imagePullPolicy) }
        containers.append(container)
        containers += agent.extensions
        let securityContext = self.securityContext(of: first, for: .agent, settings)
        for (offset, var container) in containers.enumerated() {
            container[object: "securityContext"] = securityContext
            let draft = ContainerDraft(container)
            if case .initContainer(let place) = first {
                self.draft.insertInitContainer(draft, at: place + offset)
            } else {
                self.draft.addInitContainer(draft)
            }
        }
        self.draft.addVolumeIfAbsent(Self.agentVolume(agent.name, settings.language))
    }

    /// Section 5.2.
    static func agentVolume(_ name: String, _ language: LanguageSpec) -> JSONObject {
        if let template = language.volumeClaimTemplate {
            return Volume(name, "ephemeral", ["volumeClaimTemplate": .object(template)]).json
        }
        return Self.emptyVolume(name, language)
    }

    static func emptyVolume(_ name: String, _ language: LanguageSpec) -> JSONObject {
        Volume(name, "emptyDir", ["sizeLimit": language.volumeLimitSize ?? "200Mi"]).json
    }

    /// Refuses a language whose containers have a name that another one of the pod has: the API server takes no two of a name.
    ///
    /// - Returns: whether it was refused.
    mutating func refuseTakenNames(_ names: [String], _ request: Request) -> Bool {
        guard let taken = self.draft.takenName(names) else { return false }
        self.refuse(request, .nameConflict, "the pod has a container \(taken) of its own: give that another name")
        return true
    }

    mutating func refuseUnknown(_ names: [String], _ request: Request) {
        for name in names {
            self.refuse(
                request,
                .containerNotFound,
                "the pod has no container \(name): correct the name in \(request.language.containerNamesAnnotation) or "
                    + "instrumentation.opentelemetry.io/container-names",
                container: name
            )
        }
    }
}

extension PodDraft {
    /// The first of these names that a container or init container has.
    func takenName(_ names: [String]) -> String? {
        names.first { self.containers.contains($0) || self.initContainers.contains($0) }
    }
}

extension ContainerDraft {
    /// A refusal when the pod mounts something of its own where the agent goes: no two mounts may have one path.
    func mountRefusal(_ paths: [String]) -> Agent.Refusal? {
        guard let path = paths.first(where: self.hasMount(at:)) else { return nil }
        return Agent.Refusal(
            code: .mountConflict,
            message: "it has a mount of its own at \(path), where the agent goes: mount that elsewhere"
        )
    }
}

extension EnvironmentDraft {
    /// A refusal when a variable that the agent has to join its own value to comes from elsewhere (section 5.5).
    fileprivate func referenceRefusal(_ names: [EnvironmentName]) -> Agent.Refusal? {
        for name in names where self.isReference(name) {
            return Agent.Refusal(
                code: .envFromConflict,
                message:
                    "it defines \(name.text) via ValueFrom, which the agent's value cannot be joined to: give it as a "
                    + "plain value"
            )
        }
        return nil
    }
}
