import JSONTree
import KubeModel

// Collectors beside the program (specification section 8).
extension Injection {
    mutating func injectSidecar() throws(InjectionFailure) {
        let wish = self.inputs.wishes.sidecar
        if wish.isEmpty { return }
        let native = self.inputs.settings.usesNativeSidecars
        let hasSidecar = self.draft.pod.hasSidecar(native: native)
        if wish.isFalse {
            if hasSidecar { self.removeSidecar(native: native) }
            return
        }
        if hasSidecar {
            self.decisions.append(Decision(.sidecar, .alreadyInstrumented))
            return
        }
        guard let collector = try self.resolveSidecar(wish) else { return }
        guard collector.isSidecar else {
            return self.refuseSidecar(
                .collectorNotSidecar,
                "the OpenTelemetry Collector's mode is not set to sidecar: name another collector",
                collector.key
            )
        }
        switch collector.template {
        case .success(let template):
            let names = [InjectedName.sidecar] + template.initContainers.map { $0[string: "name"] ?? "" }
            if let taken = self.draft.takenName(names) {
                return self.refuseSidecar(
                    .nameConflict,
                    "the pod has a container \(taken) of its own, which the collector brings along: give one of them another name",
                    collector.key
                )
            }
            self.add(template, of: collector, native: native)
        case .failure(let error): self.refuseSidecar(.collectorInvalid, error.message, collector.key)
        }
    }

    private mutating func refuseSidecar(_ code: ReasonCode, _ message: String, _ source: ObjectKey? = nil) {
        self.decisions.append(Decision(.sidecar, code, message, source: source))
    }

    private mutating func removeSidecar(native: Bool) {
        self.draft.removeContainers(named: InjectedName.sidecar)
        if native { self.draft.removeInitContainers(named: InjectedName.sidecar) }
        self.decisions.append(Decision(.sidecar, .removed, containers: [InjectedName.sidecar]))
    }

    /// Section 8.1. `nil` when there is none to be had, which is no error; a named one that can't be read is.
    private mutating func resolveSidecar(_ wish: String) throws(InjectionFailure) -> SidecarCollector? {
        let namespace = self.namespace.name
        let key = "sidecar.opentelemetry.io/inject"
        if wish.isTrue {
            var found: [SidecarCollector] = []
            switch self.inputs.answer(to: .collectors(namespace: namespace)) {
            case .collectors(let collectors)?: found = collectors.filter(\.isSidecar)
            case .failed(let message)?:
                self.refuseSidecar(
                    .lookupFailed,
                    "the collectors of namespace \(namespace) could not be read: \(message)"
                )
                return nil
            default: break
            }
            if found.count == 1 { return found[0] }
            if found.isEmpty {
                self.refuseSidecar(
                    .collectorNotFound,
                    "no OpenTelemetry Collector instances available: create one with mode sidecar in namespace \(namespace)"
                )
            } else {
                let names = found.map(\.key.name).sorted().joined(separator: ", ")
                self.refuseSidecar(
                    .ambiguousCollector,
                    "multiple OpenTelemetry Collector instances available, cannot determine which one to select: set "
                        + "annotation \(key) to the name of one of: \(names)"
                )
            }
            return nil
        }
        let name = ObjectKey(reference: wish, namespace: namespace)
        switch self.inputs.answer(to: .collector(name)) {
        case .collectors(let collectors)?:
            if let collector = collectors.first { return collector }
        case .failed(let message)?:
            throw InjectionFailure(
                text: message,
                code: .lookupFailed,
                mend: "collector \(name) could not be read"
            )
        default: break
        }
        throw InjectionFailure(
            text: "opentelemetrycollectors.opentelemetry.io \"\(name.name)\" not found",
            code: .collectorNotFound,
            mend: "create collector \(name.name) in namespace \(name.namespace), or change annotation \(key)"
        )
    }

    /// Section 8.2.
    private mutating func add(_ template: SidecarTemplate, of collector: SidecarCollector, native: Bool) {
        // A pod that is as restricted as it can be stays so; any other gets exactly what the collector says.
        // What the profile asks for is Linux's; a pod for Windows with it would be refused.
        let isRestricted = !self.draft.pod.isWindows && RestrictedProfile.isSatisfied(by: self.draft.pod.document)
        func secured(_ container: JSONObject) -> JSONObject {
            guard isRestricted else { return container }
            var container = container
            container[object: "securityContext"] =
                ContainerSecurity(container[object: "securityContext"], pod: self.draft.pod.securityContext)
                .filled(for: .collector)
            return container
        }
        for container in template.initContainers { self.draft.addInitContainer(ContainerDraft(secured(container))) }
        var members = secured(template.container)
        if native {
            members["restartPolicy"] = "Always"
            // What comes after a native sidecar waits until it has started.
            if !members.contains("startupProbe"), let probe = members["readinessProbe"] {
                members["startupProbe"] = probe
            }
        }
        var container = ContainerDraft(members)
        self.addSidecarAttributes(&container.environment)
        if native { self.draft.addInitContainer(container) } else { self.draft.addContainer(container) }
        for volume in template.volumes { self.draft.addVolumeIfAbsent(volume) }
        self.draft.setLabel("sidecar.opentelemetry.io/injected", template.label)
        self.decisions.append(
            Decision(.sidecar, .injected, containers: [InjectedName.sidecar], source: collector.key)
        )
    }

    /// Section 8.4: the `resourcedetection` processor of the collector reads these.
    private func addSidecarAttributes(_ environment: inout EnvironmentDraft) {
        if environment.contains(.resourceAttributes) { return }
        environment.append(.podName, field: "metadata.name")
        environment.append(.podUID, field: "metadata.uid")
        environment.append(.nodeName, field: "spec.nodeName")
        var map = ResourceAttributes()
        for owner in self.owners.ownersForSidecar {
            map.set(owner.nameKey, owner.name)
            map.set(owner.uidKey, owner.uid)
        }
        map.set("k8s.namespace.name", self.namespace.name)
        map.set("k8s.node.name", "$(OTEL_RESOURCE_ATTRIBUTES_NODE_NAME)")
        map.set("k8s.pod.name", "$(OTEL_RESOURCE_ATTRIBUTES_POD_NAME)")
        map.set("k8s.pod.uid", "$(OTEL_RESOURCE_ATTRIBUTES_POD_UID)")
        environment.append(.resourceAttributes, map.rendered())
    }
}
