import JSONTree
import KubeModel
import TelemetryAPI

extension EnvironmentName {
    static let goTargetExecutable: EnvironmentName = "OTEL_GO_AUTO_TARGET_EXE"
}

// Specification section 7.6: an agent beside the program, which reads its memory through eBPF.
extension Injection {
    mutating func injectGo(_ request: Request) {
        // All or nothing: whatever is refused late leaves the pod as it was.
        let before = self.draft
        if let refusal = self.tryGo(request) {
            self.draft = before
            self.refuse(request, refusal.code, refusal.message)
        }
    }

    private mutating func tryGo(_ request: Request) -> Agent.Refusal? {
        let settings = request.settings
        let target = request.containers.first { !$0.isEmpty }
        if let target, self.draft.initContainers.contains(target), !self.draft.containers.contains(target) {
            return Agent.Refusal(
                code: .unsupportedContainer,
                message: "go instrumentation cannot be injected for init container \(target): name a regular container"
            )
        }
        if self.draft.pod.sharesProcessNamespace == false {
            return Agent.Refusal(
                code: .processNamespaceNotShared,
                message: "shared process namespace has been explicitly disabled: remove spec.shareProcessNamespace"
            )
        }
        let key: InjectionAnnotations.Key =
            self.inputs.settings.allowsMultipleLanguages ? .containerNames(.go) : .containerNames
        if let names = self.annotations.value(key), names.utf8.contains(UInt8(ascii: ",")) {
            return Agent.Refusal(
                code: .unsupportedContainer,
                message: "go instrumentation cannot be injected into a pod, multiple containers configured: name one"
            )
        }
        if let taken = self.draft.takenName([InjectedName.goContainer]) {
            return Agent.Refusal(
                code: .nameConflict,
                message: "the pod has a container \(taken) of its own: give that another name"
            )
        }
        // A name that isn't there falls back to the first container (sharp edge 39).
        if let target, !self.draft.containers.contains(target) { self.refuseUnknown([target], request) }
        let described = PodDraft.ContainerPlace.container(target.flatMap { self.draft.containers.place(of: $0) } ?? 0)

        var members: JSONObject = [
            "name": .string(InjectedName.goContainer),
            "image": .string(settings.language.image),
        ]
        if !settings.imagePullPolicy.isEmpty { members["imagePullPolicy"] = .string(settings.imagePullPolicy) }
        members[object: "resources"] = settings.language.resources
        members["securityContext"] = .object(
            settings.language.securityContext ?? ["runAsUser": 0, "privileged": true]
        )
        var agent = ContainerDraft(members)
        agent.addMount("kernel-debug", at: "/sys/kernel/debug")
        if let executable = self.annotations.value(.goTargetExecutable) {
            agent.environment.append(.goTargetExecutable, executable)
        }
        agent.environment.appendIfAbsent(settings.languageEnvironment)
        agent.environment.addCommon(settings)
        guard agent.environment.contains(.goTargetExecutable) else {
            return Agent.Refusal(
                code: .targetExecutableNotSet,
                message: "OTEL_GO_AUTO_TARGET_EXE is not set: give the path of the program in annotation "
                    + "instrumentation.opentelemetry.io/otel-go-auto-target-exe"
            )
        }
        // With the node's processes those of the pod are seen anyway, and the API server takes only one of the two.
        if !self.draft.pod.usesHostProcesses { self.draft.shareProcessNamespace() }
        self.draft.addContainer(agent)
        self.draft.addVolumeIfAbsent(
            Volume("kernel-debug", "hostPath", ["path": "/sys/kernel/debug"]).json
        )
        let place = PodDraft.ContainerPlace.container(self.draft.containers.containers.count - 1)
        self.addSDKEnvironment(to: place, describing: described, request)
        self.record(request, injected: [self.draft[described].name])
        return nil
    }
}
