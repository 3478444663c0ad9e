import JSONTree
import KubeModel
import PodInjection
import TelemetryAPI
import Testing

/// What holds for every pod, however odd: the patch applies, touches only what it may, names nothing that isn't there,
/// and a second pass has nothing to do.
struct PropertyTests {
    @Test(arguments: 0..<24) func holds(_ seed: Int) throws {
        var random = SplitMix(seed: UInt64(seed) &* 7919 &+ 3)
        for round in 0..<60 {
            let pod = random.pod()
            let catalog = random.catalog()
            var settings = InjectionSettings(enabledLanguages: Set(Language.allCases))
            settings.allowsMultipleLanguages = !random.chance(3)
            settings.usesNativeSidecars = random.chance(2)
            let context = "seed \(seed), round \(round)"

            let document = try PodDocument(pod)
            let outcome = inject(self.inputs(document, catalog, settings))
            let changed = try outcome.applied(to: pod)
            if outcome.error != nil || outcome.rejection != nil {
                #expect(outcome.patch.isEmpty, "\(context)")
                continue
            }
            try self.check(Pod(pod), Pod(changed), context)

            let again = inject(self.inputs(try PodDocument(changed), catalog, settings))
            #expect(again.patch.isEmpty, "\(context): \(String(decoding: again.patch, as: UTF8.self))")

            // The webhook reads the pod from within a review, `swiftlet inject` from a tree.
            let review = JSONValue.object([
                "request": ["uid": "u", "namespace": "shop", "operation": "CREATE", "object": .object(pod)]
            ])
            let request = try AdmissionRequest(scanning: review.bytes())
            let scanned = try #require(request.pod)
            #expect(inject(self.inputs(scanned, catalog, settings)).patch == outcome.patch, "\(context)")
        }
    }

    private func inputs(
        _ document: PodDocument,
        _ catalog: InjectionCatalog,
        _ settings: InjectionSettings
    ) -> InjectionInputs {
        var inputs = InjectionInputs(pod: document, namespace: .found(catalog.namespace("shop")), settings: settings)
        while case let missing = inputs.missingLookups(), !missing.isEmpty {
            for lookup in missing { inputs.answer(lookup, with: catalog.answer(to: lookup)) }
        }
        return inputs
    }

    private func check(_ before: Pod, _ after: Pod, _ context: String) throws {
        // Members that injection has no business with.
        for key in before.json.keys where key != "metadata" && key != "spec" {
            #expect(after.json[key] == before.json[key], "\(context): \(key)")
        }
        for key in before.metadata.json.keys where key != "labels" {
            #expect(after.metadata.json[key] == before.metadata.json[key], "\(context): metadata.\(key)")
        }
        let changing = ["containers", "initContainers", "volumes", "shareProcessNamespace"]
        for key in before.spec.json.keys where !changing.contains(key) {
            #expect(after.spec.json[key] == before.spec.json[key], "\(context): spec.\(key)")
        }
        #expect(after.json.keys.allSatisfy { ["metadata", "spec"].contains($0) || before.json.contains($0) })
        // Volumes and containers stay in their order.
        #expect(Array(after.spec.volumes.prefix(before.spec.volumes.count)) == before.spec.volumes, "\(context)")
        try self.check(before.spec.containers, after.spec.containers, after, context)
        try self.check(before.spec.initContainers, after.spec.initContainers, after, context)
        // No volume twice but by the user's hand, and no label lost.
        let added = after.spec.volumes.dropFirst(before.spec.volumes.count).map(\.name)
        #expect(Set(added).count == added.count, "\(context)")
        #expect(Set(added).isDisjoint(with: before.spec.volumes.map(\.name)), "\(context)")
        for (key, value) in before.metadata.labels { #expect(after.metadata.labels[key] == value) }
    }

    private func check(_ before: [Container], _ after: [Container], _ pod: Pod, _ context: String) throws {
        var rest = after[...]
        for container in before {
            if container.name == "otc-container", !after.contains(where: { $0.name == "otc-container" }) { continue }
            let place = try #require(
                rest.firstIndex { self.isSame($0, container) },
                "\(context): container \(container.name) is gone or changed"
            )
            for new in rest[..<place] { try self.checkNew(new, pod, context) }
            rest = rest[(place + 1)...]
        }
        for new in rest { try self.checkNew(new, pod, context) }
    }

    /// The same container, with at most what may be added.
    private func isSame(_ after: Container, _ before: Container) -> Bool {
        let keys = Set(after.json.keys).union(before.json.keys)
        for key in keys where key != "env" && key != "volumeMounts" {
            if after.json[key] != before.json[key] { return false }
        }
        // What the user set is still there, in its order; joined values hold the old one.
        let joined = [
            "JAVA_TOOL_OPTIONS", "NODE_OPTIONS", "PYTHONPATH", "DOTNET_STARTUP_HOOKS", "DOTNET_ADDITIONAL_DEPS",
            "DOTNET_SHARED_STORE", "LD_LIBRARY_PATH", "OTEL_RESOURCE_ATTRIBUTES",
        ]
        var rest = after.env[...]
        for variable in before.env where variable.name != "OTEL_RESOURCE_ATTRIBUTES" {
            guard
                let place = rest.firstIndex(where: { other in
                    other == variable
                        || joined.contains(variable.name) && other.name == variable.name && variable.valueFrom == nil
                            && (other.value ?? "").contains(variable.value ?? "")
                })
            else { return false }
            rest = rest[(place + 1)...]
        }
        for variable in after.env where variable.json["value"] != nil && variable.valueFrom != nil {
            if !before.env.contains(variable) { return false }
        }
        // At most one mount gives way, for a web server's configuration.
        let kept = before.volumeMounts.filter { after.volumeMounts.contains($0) }
        return before.volumeMounts.count - kept.count <= 1
    }

    private func checkNew(_ container: Container, _ pod: Pod, _ context: String) throws {
        #expect(!container.name.isEmpty, "\(context)")
        #expect(container.image?.isEmpty == false, "\(context): \(container.name) has no image")
        let all = (pod.spec.containers + pod.spec.initContainers).map(\.name)
        #expect(all.filter { $0 == container.name }.count == 1, "\(context): \(container.name) is there twice")
        let volumes = Set(pod.spec.volumes.map(\.name))
        let copied = pod.spec.containers.flatMap(\.volumeMounts).map(\.name)
        for mount in container.volumeMounts {
            #expect(volumes.contains(mount.name) || copied.contains(mount.name), "\(context): \(mount.name)")
        }
    }
}

extension SplitMix {
    fileprivate mutating func text() -> String {
        self.pick([
            "", "a", "b", "é", "e\u{301}", "\u{1F426}", "x/y", "~", "q\"\\\n", " ", "/etc/nginx/nginx.conf", "$(A)",
            "a=b,c=d,", " a = b ,\n c=d=e", "k8s.pod.name=p,k8s.node.name = n", ",=,", "/usr/local/apache2/conf",
        ])
    }

    fileprivate mutating func environment() -> JSONValue {
        let names = [
            "JAVA_TOOL_OPTIONS", "NODE_OPTIONS", "PYTHONPATH", "DOTNET_STARTUP_HOOKS", "OTEL_RESOURCE_ATTRIBUTES",
            "OTEL_SERVICE_NAME", "OTEL_NODE_IP", "OTEL_POD_IP", "LD_LIBRARY_PATH", "A", "B", "é", "OTEL_TRACES_SAMPLER",
            "OTEL_RESOURCE_ATTRIBUTES_POD_NAME", "OTEL_EXPORTER_OTLP_ENDPOINT",
        ]
        return .array(
            (0..<Int.random(in: 0...6, using: &self)).map { _ in
                var variable: JSONObject = ["name": .string(self.pick(names))]
                switch Int.random(in: 0..<6, using: &self) {
                case 0: variable["valueFrom"] = ["fieldRef": ["fieldPath": self.chance(2) ? "metadata.name" : "x"]]
                case 1: break
                default: variable["value"] = .string(self.text())
                }
                if self.chance(5) { variable["unknown"] = ["kept": [1.5, .null]] }
                return .object(variable)
            }
        )
    }

    fileprivate mutating func list(_ value: JSONValue) -> JSONValue? {
        switch Int.random(in: 0..<8, using: &self) {
        case 0: nil
        case 1: .null
        case 2: []
        default: value
        }
    }

    fileprivate mutating func container(_ name: String) -> JSONValue {
        var container: JSONObject = [
            "name": .string(name), "image": .string(self.pick(["a:1", "host:1/x", "UPPER", "é"])),
        ]
        container["env"] = self.list(self.environment())
        container["volumeMounts"] = self.list([
            ["name": "data", "mountPath": .string("/" + self.text()), "unknown": true],
            ["mountPath": "/usr/local/apache2/conf/x", "name": "data"],
        ])
        if self.chance(3) { container["securityContext"] = self.chance(4) ? .null : ["runAsUser": 5, "unknown": [:]] }
        if self.chance(3) { container["lifecycle"] = ["x": .string(self.text())] }
        if self.chance(4) { container[self.text() + "?"] = [["deep": .string(self.text())]] }
        return .object(container)
    }

    fileprivate mutating func pod() -> JSONObject {
        let names = (0..<Int.random(in: 0...7, using: &self)).map { "c\($0)" }
        let initial = (0..<Int.random(in: 0...3, using: &self)).map { "i\($0)" }
        var annotations: JSONObject = ["unrelated": "x"]
        for language in Language.allCases where self.chance(4) {
            annotations[language.injectAnnotation] = .string(
                self.pick(["true", "true", "one", "other/two", "false", "nosuch"])
            )
        }
        for language in Language.allCases where self.chance(2) {
            let list = (0..<Int.random(in: 1...3, using: &self)).map { _ in self.pick(names + initial + ["nosuch"]) }
            annotations[language.containerNamesAnnotation] = .string(list.joined(separator: ","))
        }
        if self.chance(3) { annotations[key("container-names")] = .string(self.pick(names + initial + ["c0,c1"])) }
        // Only what the API server lets through as a key: others break the variable apart, as with the Go operator.
        for name in [
            "x", "a", "cr", "k8s.pod.name", "k8s.node.name", "k8s.pod.uid", "k8s.container.name", "service.name",
            "service.version", "service.namespace", "service.instance.id", "k8s.deployment.name",
        ] where self.chance(12) {
            annotations["resource.opentelemetry.io/" + name] = .string(self.text())
        }
        if self.chance(2) { annotations[key("otel-go-auto-target-exe")] = "/app" }
        if self.chance(4) { annotations[key("otel-python-platform")] = .string(self.pick(["musl", "glibc", "other"])) }
        if self.chance(3) {
            annotations["sidecar.opentelemetry.io/inject"] = .string(
                self.pick(["true", "false", "agent", "other/agent"])
            )
        }
        var metadata: JSONObject = ["namespace": "shop", "managedFields": [["x": .string(self.text())]]]
        metadata["annotations"] = .object(annotations)
        metadata["labels"] = self.list([self.text(): .string("x"), "app": "y"])
        if self.chance(2) { metadata["name"] = "pod" }
        if self.chance(2) {
            metadata["ownerReferences"] = [
                ["kind": .string(self.pick(["ReplicaSet", "Job", "Node"])), "name": "rs", "uid": "u"]
            ]
        }
        var spec: JSONObject = ["unknown": .string(self.text()), "hostNetwork": false]
        spec["containers"] = .array(names.map { self.container($0) })
        if self.chance(6) { spec["containers"] = self.list(.array(names.map { self.container($0) })) }
        if !initial.isEmpty { spec["initContainers"] = .array(initial.map { self.container($0) }) }
        spec["volumes"] = self.list([["name": "data", "emptyDir": [:]]])
        if self.chance(5) { spec["shareProcessNamespace"] = self.pick([true, false, .null]) }
        if self.chance(6) { spec["nodeName"] = "node" }
        return ["kind": "Pod", "metadata": .object(metadata), "spec": .object(spec), "status": [:]]
    }

    fileprivate mutating func catalog() -> InjectionCatalog {
        var objects: [KubeObject] = []
        for (namespace, name) in [("shop", "one"), ("other", "two")] {
            var spec: JSONObject = ["env": self.environment()]
            spec["exporter"] = ["endpoint": .string(self.pick(["", "http://x", "https://y"]))]
            if self.chance(3) {
                spec["exporter"] = [
                    "tls": ["secretName": "s.x", "configMapName": "c", "ca_file": "ca", "key_file": "/k"]
                ]
            }
            if self.chance(2) {
                spec["resource"] = ["addK8sUIDAttributes": true, "resourceAttributes": ["cr": .string(self.text())]]
            }
            if self.chance(2) { spec["sampler"] = ["type": "always_on", "argument": .string(self.pick(["", "1"]))] }
            if self.chance(2) { spec["propagators"] = ["b3", "xray"] }
            if self.chance(2) { spec["initContainerSecurityContext"] = ["runAsUser": 3] }
            if self.chance(2) {
                spec["java"] = ["env": self.environment(), "extensions": [["image": "e", "dir": "/d"]]]
            }
            if self.chance(2) { spec["defaults"] = ["useLabelsForResourceAttributes": true] }
            var instrumentation = Instrumentation([
                "kind": "Instrumentation", "apiVersion": "opentelemetry.io/v1alpha1",
                "metadata": ["name": .string(name), "namespace": .string(namespace)], "spec": .object(spec),
            ])
            InstrumentationDefaulting().apply(to: &instrumentation)
            objects.append(KubeObject(instrumentation.json))
        }
        if self.chance(2) {
            objects.append(
                KubeObject([
                    "kind": "ReplicaSet", "apiVersion": "apps/v1",
                    "metadata": [
                        "name": "rs", "namespace": "shop",
                        "ownerReferences": [["kind": "Deployment", "name": "deploy", "uid": "d"]],
                    ],
                ])
            )
        }
        for (kind, name) in [("Secret", "s.x"), ("ConfigMap", "c")] {
            objects.append(
                KubeObject([
                    "kind": .string(kind), "apiVersion": "v1",
                    "metadata": ["name": .string(name), "namespace": "shop"],
                ])
            )
        }
        objects.append(
            KubeObject([
                "kind": "OpenTelemetryCollector", "apiVersion": "opentelemetry.io/v1beta1",
                "metadata": ["name": "agent", "namespace": "shop"], "spec": ["mode": "sidecar"],
            ])
        )
        let sidecar = SidecarTemplate(
            container: [
                "name": "otc-container", "image": "c:1", "env": [["name": "OTEL_CONFIG", "value": "x"]],
                "readinessProbe": ["httpGet": ["port": 1]], "volumeMounts": [["name": "data", "mountPath": "/d"]],
            ],
            initContainers: self.chance(3) ? [["name": "prepare", "image": "p"]] : [],
            volumes: [["name": "data", "emptyDir": [:]]],
            label: "shop.agent"
        )
        return InjectionCatalog(objects, defaultNamespace: "shop") {
            SidecarCollector(
                key: ObjectKey(namespace: $0.namespace, name: $0.name),
                isSidecar: true,
                template: .success(sidecar)
            )
        }
    }
}
