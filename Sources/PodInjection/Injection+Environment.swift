import JSONTree
import KubeModel
import TelemetryAPI

// The environment that all languages have in common (specification sections 5.6 and 6).
extension Injection {
    /// The common block C: addresses in front, then what the Instrumentation gives to everything.
    mutating func addCommonEnvironment(to place: PodDraft.ContainerPlace, _ settings: InstrumentationSettings) {
        self.draft[place].environment.addCommon(settings)
    }

    /// The SDK settings S.
    ///
    /// - Parameters:
    ///   - target: the container that gets them.
    ///   - described: the container that the telemetry is about; another one than `target` only for Go.
    mutating func addSDKEnvironment(
        to target: PodDraft.ContainerPlace,
        describing described: PodDraft.ContainerPlace,
        _ request: Request
    ) {
        if self.isTooLarge { return }
        let settings = request.settings
        var app = self.draft[described]
        // 1. What the user says in the variable itself is not said again.
        let fixedByApp = app.environment.value(of: .resourceAttributes).map(ResourceAttributes.keys) ?? []
        var map = self.resourceAttributes(of: app, settings, fixed: fixedByApp)
        let serviceName = self.serviceName(of: app, map, usesLabels: settings.usesLabels)
        let version = self.serviceVersion(of: app, usesLabels: settings.usesLabels)
        // A second reference to the entries would copy them all below.
        app.environment = EnvironmentDraft()

        var environment = EnvironmentDraft()
        swap(&environment, &self.draft[target].environment)
        defer { swap(&environment, &self.draft[target].environment) }

        // What the program's own variable fixes says nothing about the agent beside it, which has a variable of its own.
        let fixed =
            target == described
            ? fixedByApp : environment.value(of: .resourceAttributes).map(ResourceAttributes.keys) ?? []
        // 2.
        environment.appendIfAbsent(.serviceName, serviceName)
        // 3.
        self.addExporter(settings, &environment, target)
        // 4. A second language on the same container finds the variables of the first. This one is always needed: the
        // service instance id refers to it.
        environment.appendUnlessSame(.podName, field: "metadata.name")
        if !fixed.contains("k8s.pod.name") { map.override("k8s.pod.name", "$(OTEL_RESOURCE_ATTRIBUTES_POD_NAME)") }
        // 5.
        if settings.addsKubernetesUIDs, map["k8s.pod.uid"].isEmpty, !fixed.contains("k8s.pod.uid") {
            environment.appendUnlessSame(.podUID, field: "metadata.uid")
            map.override("k8s.pod.uid", "$(OTEL_RESOURCE_ATTRIBUTES_POD_UID)")
        }
        // 6.
        if !version.isEmpty, !fixed.contains("service.version") { map.override("service.version", version) }
        // 7.
        if map["k8s.node.name"].isEmpty, !fixed.contains("k8s.node.name") {
            environment.appendUnlessSame(.nodeName, field: "spec.nodeName")
            map.override("k8s.node.name", "$(OTEL_RESOURCE_ATTRIBUTES_NODE_NAME)")
        }
        // 8.
        self.join(map, &environment, request, container: app.name)
        // 9.
        if !settings.propagators.isEmpty { environment.appendIfAbsent(.propagators, settings.propagators) }
        // 10.
        if !settings.samplerType.isEmpty, !environment.contains(.tracesSampler),
            !environment.contains(.tracesSamplerArgument)
        {
            environment.append(.tracesSampler, settings.samplerType)
            if !settings.samplerArgument.isEmpty {
                environment.append(.tracesSamplerArgument, settings.samplerArgument)
            }
        }
        // 11. References to other variables resolve only when those stand before.
        if let place = environment.place(of: .resourceAttributes), !environment.entries[place].isReference {
            environment.moveToEnd(place)
        }
        self.count(environment)
    }

    /// Appends the rendered attributes to what the variable holds.
    private mutating func join(
        _ map: ResourceAttributes,
        _ environment: inout EnvironmentDraft,
        _ request: Request,
        container: String
    ) {
        guard let place = environment.place(of: .resourceAttributes) else {
            return environment.append(.resourceAttributes, map.rendered())
        }
        let entry = environment.entries[place]
        if entry.isReference {
            // Value and valueFrom together make the pod invalid (sharp edge 17).
            return self.refuse(
                request,
                .envFromConflict,
                "container \(container) takes OTEL_RESOURCE_ATTRIBUTES from elsewhere (valueFrom), so no attributes are added "
                    + "to it: give them as a plain value",
                container: container
            )
        }
        let rendered = map.rendered()
        if rendered.isEmpty { return }
        let joint = entry.value.isEmpty || entry.value.utf8.last == UInt8(ascii: ",") ? "" : ","
        environment.setValue(at: place, entry.value + joint + rendered)
    }

    // MARK: Exporter and certificates (section 6.4)

    private mutating func addExporter(
        _ settings: InstrumentationSettings,
        _ environment: inout EnvironmentDraft,
        _ target: PodDraft.ContainerPlace
    ) {
        if !settings.endpoint.isEmpty { environment.appendIfAbsent(.endpoint, settings.endpoint) }
        guard let tls = settings.tls else { return }
        let secretPath = "/otel-auto-instrumentation-secret-\(tls.secretName)"
        let configMapPath = "/otel-auto-instrumentation-configmap-\(tls.configMapName)"
        func path(_ file: String, in directory: String, of source: String) -> String {
            // Without an object that it could be a key of, the path can only be meant as it is.
            file.utf8.first == UInt8(ascii: "/") || source.isEmpty ? file : "\(directory)/\(file)"
        }
        if !tls.caFile.isEmpty {
            let value =
                tls.configMapName.isEmpty
                ? path(tls.caFile, in: secretPath, of: tls.secretName)
                : path(tls.caFile, in: configMapPath, of: tls.configMapName)
            environment.appendIfAbsent(.certificate, value)
        }
        if !tls.certFile.isEmpty {
            environment.appendIfAbsent(.clientCertificate, path(tls.certFile, in: secretPath, of: tls.secretName))
        }
        if !tls.keyFile.isEmpty {
            environment.appendIfAbsent(.clientKey, path(tls.keyFile, in: secretPath, of: tls.secretName))
        }
        if !tls.secretName.isEmpty {
            let name = Self.volumeName("otel-auto-secret-", tls.secretName)
            self.mount(Volume(name, "secret", ["secretName": .string(tls.secretName)]), at: secretPath, target)
        }
        if !tls.configMapName.isEmpty {
            let name = Self.volumeName("otel-auto-configmap-", tls.configMapName)
            self.mount(Volume(name, "configMap", ["name": .string(tls.configMapName)]), at: configMapPath, target)
        }
    }

    private mutating func mount(_ volume: Volume, at path: String, _ target: PodDraft.ContainerPlace) {
        // What the user mounts there is what the user wants to be read.
        if self.draft[target].hasMount(at: path) { return }
        self.draft.addVolumeIfAbsent(volume.json)
        if !self.draft[target].hasMount(volume.name) {
            self.draft[target].addMount(volume.name, at: path, readOnly: true)
        }
    }

    /// Names of Secrets and ConfigMaps may have dots, those of volumes may not (sharp edge 30).
    private static func volumeName(_ prefix: String, _ name: String) -> String {
        let volume = NameTruncation.name(prefix, name)
        guard volume.utf8.contains(UInt8(ascii: ".")) else { return volume }
        return String(volume.map { $0 == "." ? "-" : $0 })
    }
}

extension EnvironmentDraft {
    mutating func addCommon(_ settings: InstrumentationSettings) {
        self.prependIfAbsent(.podIP, field: "status.podIP")
        self.prependIfAbsent(.nodeIP, field: "status.hostIP")
        self.appendIfAbsent(settings.environment)
    }
}
