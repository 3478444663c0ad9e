import JSONTree
import KubeModel
import TelemetryAPI

/// What Apache HTTPD and nginx have in common: one init container copies the server's configuration out of the
/// program's image, a second one puts the agent's directives into the copy, and the copy is mounted over the original.
struct WebServer {
    /// Where the agent is in every container.
    static let agentPath = "/opt/opentelemetry-webserver/agent"
    /// Where both init containers see the copied configuration.
    static let sourcePath = "/opt/opentelemetry-webserver/source-conf"

    var attachName: String
    var confVolume: String
    var agentVolume: String
    /// The directory of the configuration in the program's container.
    var directory: String
    /// `$1` of the attach script.
    var attachArgument: String
    var attachScript: String
    /// The variable with the agent's directives, and the one with the instance id that a placeholder in them stands for.
    var directivesName: EnvironmentName
    var instanceIDName: EnvironmentName
    /// Command and arguments of the container that copies the configuration.
    var cloneCommand: [String]
    var cloneArguments: [String] = []
}

extension Injection {
    /// The parts of section 7.7.2: volume, clone container, and the mounts of the program's container.
    mutating func addClone(
        _ server: WebServer,
        _ place: PodDraft.ContainerPlace,
        confVolume: JSONObject,
        _ request: Request
    ) {
        self.draft.addVolumeIfAbsent(confVolume)
        let app = self.draft[place]
        var members: JSONObject = [
            "name": .string(InjectedName.agentSourceClone),
            "image": .string(app.image),
            "command": .strings(server.cloneCommand),
        ]
        if !server.cloneArguments.isEmpty { members["args"] = .strings(server.cloneArguments) }
        members["envFrom"] = self.draft.member(app.envFromPlace, of: app, "envFrom")
        members["imagePullPolicy"] = self.draft.member(app.imagePullPolicyPlace, of: app, "imagePullPolicy")
        members[object: "resources"] = request.settings.language.resources
        var clone = ContainerDraft(members)
        clone.environment = app.environment.copied()
        clone.copyMounts(of: app)
        clone.addMount(server.confVolume, at: WebServer.sourcePath)
        self.draft.addInitContainer(clone)

        self.draft[place].removeMount(below: server.directory)
        self.draft[place].addMount(server.agentVolume, at: WebServer.agentPath)
        self.draft[place].addMount(server.confVolume, at: server.directory)
    }

    /// The parts of section 7.7.3: the container that attaches the agent, and the agent's volume.
    mutating func addAttach(
        _ server: WebServer,
        agentVolume: JSONObject,
        directives: String,
        _ request: Request
    ) {
        let settings = request.settings
        self.draft.addVolumeIfAbsent(agentVolume)
        var members: JSONObject = [
            "name": .string(server.attachName),
            "image": .string(settings.language.image),
            "command": ["/bin/sh", "-c"],
            "args": .strings([server.attachScript, "--", server.attachArgument]),
        ]
        members[object: "resources"] = settings.language.resources
        if !settings.imagePullPolicy.isEmpty { members["imagePullPolicy"] = .string(settings.imagePullPolicy) }
        var attach = ContainerDraft(members)
        // The user's variables stand first, so that $(OTEL_NODE_IP) in the directives is resolved by the kubelet.
        for variable in settings.languageEnvironment { attach.environment.append(variable) }
        attach.environment.appendIfAbsent(settings.environment)
        attach.environment.appendIfAbsent(.podIP, field: "status.podIP")
        attach.environment.appendIfAbsent(.nodeIP, field: "status.hostIP")
        attach.environment.append(server.directivesName, directives)
        attach.environment.append(server.instanceIDName, field: "metadata.name")
        attach.addMount(server.agentVolume, at: WebServer.agentPath)
        attach.addMount(server.confVolume, at: WebServer.sourcePath)
        self.draft.addInitContainer(attach)
    }

    /// Gives both init containers the security context of the Instrumentation, else what that of the program's container
    /// makes, whose user can read its configuration.
    mutating func setSecurityContext(_ server: WebServer, of place: PodDraft.ContainerPlace, _ request: Request) {
        for (name, image) in [
            (InjectedName.agentSourceClone, ContainerSecurity.Image.program), (server.attachName, .agent),
        ] {
            guard let index = self.draft.initContainers.place(of: name) else { continue }
            let context = self.securityContext(of: place, for: image, request.settings)
            self.draft[.initContainer(index)].members[object: "securityContext"] = context
        }
    }

    /// The agent's directives: the defaults, with those of the Instrumentation overriding or adding, sorted by name.
    func directives(
        _ prefix: String,
        separator: String,
        terminator: String,
        resolve: String,
        serviceNamespace: String,
        of container: ContainerDraft,
        _ request: Request
    ) -> String {
        let settings = request.settings
        let fixed = container.environment.value(of: .resourceAttributes).map(ResourceAttributes.keys) ?? []
        let map = self.resourceAttributes(of: container, settings, fixed: fixed)
        let podNamespace = self.draft.pod.namespace
        let mapped = map["k8s.namespace.name"]
        var values: [String: String] = [
            "ModuleEnabled": "ON",
            "ModuleOtelSpanExporter": "otlp",
            "ModuleOtelExporterEndpoint": settings.endpoint.isEmpty ? "http://localhost:4317/" : settings.endpoint,
            "ModuleServiceName": self.serviceName(of: container, map, usesLabels: settings.usesLabels),
            "ModuleServiceNamespace": podNamespace.isEmpty
                ? (mapped.isEmpty ? serviceNamespace : mapped) : podNamespace,
            "ModuleServiceInstanceId": "<<SID-PLACEHOLDER>>",
            "ModuleResolveBackends": resolve,
            "ModuleTraceAsError": resolve,
        ].reduce(into: [:]) { $0[prefix + $1.key] = $1.value }
        for attribute in settings.language.attributes { values[attribute.name] = attribute.value ?? "" }
        var text = ""
        for (name, value) in values.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            text += name + separator + value + terminator + "\n"
        }
        return text
    }

    /// Regular containers only; an init container of the list is refused.
    mutating func webServerTargets(_ request: Request) -> [PodDraft.ContainerPlace] {
        let (places, unknown) = self.draft.targets(request.containers)
        self.refuseUnknown(unknown, request)
        var targets: [PodDraft.ContainerPlace] = []
        for place in places {
            if case .initContainer = place {
                let name = self.draft[place].name
                self.refuse(
                    request,
                    .unsupportedContainer,
                    "\(request.language.displayName) cannot be injected into init container \(name): name a regular container",
                    container: name
                )
            } else if let refusal = self.draft[place].mountRefusal([WebServer.agentPath, WebServer.sourcePath]) {
                let name = self.draft[place].name
                self.refuse(request, refusal.code, "container \(name): \(refusal.message)", container: name)
            } else {
                targets.append(place)
            }
        }
        return targets
    }
}

extension PodDraft {
    /// A member of a container, wherever it is.
    func member(_ place: Range<Int>?, of container: ContainerDraft, _ key: String) -> JSONValue? {
        if let place { return try? self.pod.document.tree(place) }
        return container.members[key]
    }
}

extension EnvironmentDraft {
    /// The same variables for a new container.
    func copied() -> EnvironmentDraft {
        var copy = EnvironmentDraft()
        for var entry in self.entries {
            entry.origin = nil
            copy.appendOriginal(entry)
        }
        return copy
    }
}

extension ContainerDraft {
    mutating func copyMounts(of other: ContainerDraft) {
        for mount in other.mounts { self.addMount(mount) }
    }

    /// Takes away the first mount at a directory or below it: the copied configuration holds what it holds (sharp edge
    /// 37: compared by steps of the path, not by its text).
    mutating func removeMount(below directory: String) {
        // One at the directory itself goes first: two mounts at one path make the pod invalid.
        let found =
            self.mounts.firstIndex { $0.path == directory }
            ?? self.mounts.firstIndex { $0.path == directory + "/" }
            ?? self.mounts.firstIndex { $0.path.hasPrefix(directory + "/") }
        if let found { self.removeMount(at: found) }
    }
}
