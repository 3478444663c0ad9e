import JSONTree
import KubeModel
import TelemetryAPI
import Testing

@testable import PodInjection

/// What holds for every pod, however odd: the patch applies, touches only what it may, names nothing that isn't there,
/// and a second pass has nothing to do.
struct PropertyTests {
    @Test(arguments: 0..<24) func holds(_ seed: Int) throws {
        var random = SplitMix(seed: UInt64(seed) &* 7919 &+ 3)
        for round in 0..<60 {
            let pod = random.pod()
            let words = random.securityWords()
            let catalog = random.catalog(words)
            var settings = InjectionSettings(enabledLanguages: Set(Language.allCases))
            settings.allowsMultipleLanguages = !random.chance(3)
            settings.usesNativeSidecars = random.chance(2)
            let context = "seed \(seed), round \(round)"

            let document = try PodDocument(pod)
            let outcome = inject(self.inputs(document, catalog, settings))
            let changed = try outcome.applied(to: pod)
            if outcome.error != nil || outcome.rejection != nil {
                // Nothing but what is said on it; a second pass says the same.
                #expect(changed.withoutStamp == pod, "\(context)")
                let again = inject(self.inputs(try PodDocument(changed), catalog, settings))
                #expect(again.patch.isEmpty, "\(context)")
                continue
            }
            try self.check(Pod(pod), Pod(changed.withoutStamp), context)
            self.checkSecurity(Pod(pod), Pod(changed), outcome, words, context)

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

    /// Whether a pod is restricted is told alike by what decides on sidecars and by the judge of these tests.
    @Test(arguments: 0..<12) func judgesAlike(_ seed: Int) throws {
        var random = SplitMix(seed: UInt64(seed) &* 104_729 &+ 5)
        var counts = (restricted: 0, lax: 0)
        for round in 0..<300 {
            let pod = random.pod()
            // Of pods for Windows nobody asks.
            if Pod(pod).spec.json[path: "os", "name"] == "windows" { continue }
            let violations = RestrictedChecker().violations(pod)
            let isRestricted = RestrictedProfile.isSatisfied(by: try PodDocument(pod))
            #expect(isRestricted == violations.isEmpty, "seed \(seed), round \(round): \(violations)")
            if isRestricted { counts.restricted += 1 } else { counts.lax += 1 }
        }
        #expect(counts.restricted > 50)
        #expect(counts.lax > 50)
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

    /// A restricted pod stays restricted, and a lax one gets from a collector what the collector says.
    private func checkSecurity(
        _ before: Pod,
        _ after: Pod,
        _ outcome: InjectionOutcome,
        _ words: SecurityWords,
        _ context: String
    ) {
        let checker = RestrictedChecker()
        let isRestricted = checker.isSatisfied(by: before.json)
        let old = Set((before.spec.containers + before.spec.initContainers).map(\.name))
        let new = (after.spec.containers + after.spec.initContainers).filter { !old.contains($0.name) }
        let isWindows = before.spec.json[path: "os", "name"] == "windows"
        if isWindows {
            // No agents, and nothing of Linux on what the collector gives.
            for container in new {
                let said = container.name == "otc-container" ? words.collector : nil
                #expect(["otc-container", "prepare"].contains(container.name), "\(context): not for Windows")
                #expect(container.securityContext == said, "\(context): \(container.name)")
            }
            return
        }
        for container in new {
            switch container.name {
            case "opentelemetry-auto-instrumentation":
                #expect(container.securityContext == ["runAsUser": 0, "privileged": true], "\(context)")
            case "otc-container", "prepare":
                let said = container.name == "prepare" ? nil : words.collector
                let isAsSaid = container.securityContext == said
                #expect(isAsSaid != isRestricted || said?[bool: "privileged"] == true, "\(context): \(container.name)")
            default:
                if let own = words.instrumentation { #expect(container.securityContext == own, "\(context)") }
            }
        }
        // Explicit words win, and Go's agent can't do without.
        let isGo = outcome.decisions.contains { $0.subject == .language(.go) && $0.code == .injected }
        if isGo || words.instrumentation != nil || words.collector?[bool: "privileged"] == true { return }
        for relaxes in [true, false] {
            let checker = RestrictedChecker(relaxesUserNamespaces: relaxes)
            guard checker.isSatisfied(by: before.json) else { continue }
            #expect(checker.violations(after.json) == [], "\(context)")
        }
        // Nor does what a language adds break a rule that the pod's own contexts keep.
        let broken = Set(checker.violations(before.json).map(\.control))
        let names = Set(new.map(\.name)).subtracting(["otc-container", "prepare"])
        for violation in checker.violations(after.json) where names.contains(violation.place) {
            #expect(broken.contains(violation.control), "\(context): \(violation)")
        }
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

/// What the resources say about security by themselves.
private struct SecurityWords {
    var instrumentation: JSONObject?
    var collector: JSONObject?
}

/// How restricted a pod is to be.
private enum Strictness: CaseIterable {
    /// Nothing is said, but for a user.
    case silent
    case restricted
    /// Restricted but for one member.
    case almost
    /// Anything, among it what restricted pods say.
    case wild
}

extension SplitMix {
    fileprivate mutating func securityWords() -> SecurityWords {
        SecurityWords(
            instrumentation: self.chance(4) ? self.pick([["runAsUser": 3], [:], ["privileged": true]]) : nil,
            collector: self.pick([nil, nil, [:], ["runAsUser": 10001], ["privileged": true]])
        )
    }

    private mutating func profile() -> JSONValue {
        self.pick([["type": "RuntimeDefault"], ["type": "Localhost", "localhostProfile": "x"]])
    }

    /// The part that pods and containers have in common.
    private mutating func restrictedContext(_ demands: Bool) -> JSONObject {
        var context: JSONObject = [:]
        if demands || self.chance(3) { context["runAsNonRoot"] = true }
        if demands || self.chance(3) { context["seccompProfile"] = self.profile() }
        if self.chance(3) { context["runAsUser"] = 1000 }
        if self.chance(5) { context["appArmorProfile"] = self.profile() }
        if self.chance(5) { context["seLinuxOptions"] = ["type": "container_t", "level": "s0"] }
        return context
    }

    private mutating func wildContext() -> JSONObject {
        var context = self.restrictedContext(false)
        if self.chance(4) { context["runAsNonRoot"] = self.pick([true, false, .null]) }
        if self.chance(4) { context["runAsUser"] = self.pick([0, 7, .null]) }
        if self.chance(4) { context["seccompProfile"] = self.pick([["type": "Unconfined"], .null]) }
        if self.chance(8) { context["appArmorProfile"] = ["type": "Unconfined"] }
        if self.chance(8) { context["seLinuxOptions"] = self.pick([["type": "spc_t"], ["user": "u"], ["role": "r"]]) }
        if self.chance(12) { context["windowsOptions"] = ["hostProcess": .bool(self.chance(2))] }
        return context
    }

    /// `demandsAll` when the pod itself demands nothing.
    private mutating func containerContext(_ strictness: Strictness, demandsAll: Bool) -> JSONValue? {
        switch strictness {
        case .silent: return self.chance(3) ? (self.chance(4) ? .null : ["runAsUser": 5, "unknown": [:]]) : nil
        case .restricted, .almost, .wild:
            var context = self.restrictedContext(demandsAll)
            context["allowPrivilegeEscalation"] = false
            context["capabilities"] = self.pick([
                ["drop": ["ALL"]], ["drop": ["CHOWN", "ALL"], "add": ["NET_BIND_SERVICE"]],
            ])
            if strictness != .wild || self.chance(3) { return .object(context) }
            context = self.wildContext()
            if self.chance(2) { context["allowPrivilegeEscalation"] = self.pick([true, false, .null]) }
            if self.chance(2) {
                context["capabilities"] = self.pick([
                    ["drop": ["ALL"]], ["drop": ["NET_RAW"]], ["drop": []], ["add": ["SYS_ADMIN"]],
                    ["add": ["CAP_SYS_ADMIN"], "drop": ["ALL"]], ["add": ["CHOWN"]], [:], .null,
                ])
            }
            if self.chance(6) { context["privileged"] = self.pick([true, false, .null]) }
            if self.chance(8) { context["procMount"] = self.pick(["Default", "Unmasked"]) }
            return self.chance(8) ? nil : .object(context)
        }
    }

    /// Breaks one rule of the profile, in most cases.
    private mutating func breakOneRule(_ pod: inout JSONObject) {
        let common: [(String, JSONValue)] = [
            ("runAsNonRoot", false), ("runAsUser", 0), ("seccompProfile", ["type": "Unconfined"]),
            ("appArmorProfile", ["type": "Unconfined"]), ("windowsOptions", ["hostProcess": true]),
            ("seLinuxOptions", ["type": "spc_t"]), ("seLinuxOptions", ["type": "container_t", "user": "u"]),
            ("seLinuxOptions", ["role": "r"]), ("seLinuxOptions", ["type": "container_engine_t"]),
        ]
        let ofPod: [(String, JSONValue)] = [
            ("sysctls", [["name": "kernel.msgmax", "value": "1"]]),
            ("sysctls", [["name": "net.ipv4.tcp_syncookies", "value": "1"]]), ("runAsNonRoot", .null),
            ("seccompProfile", .null),
        ]
        let ofContainer: [(String, JSONValue)] = [
            ("privileged", true), ("privileged", false), ("procMount", "Unmasked"), ("procMount", "Default"),
            ("allowPrivilegeEscalation", true), ("allowPrivilegeEscalation", .null), ("capabilities", .null),
            ("capabilities", ["drop": ["NET_RAW"]]), ("capabilities", ["drop": ["ALL"], "add": ["CHOWN"]]),
        ]
        let ofSpec: [(String, JSONValue)] = [
            ("hostNetwork", true), ("hostPID", true), ("hostIPC", true), ("hostIPC", .null),
            ("volumes", [["name": "data", "hostPath": ["path": "/"]]]),
            ("volumes", [["name": "data", "nfs": ["server": "s", "path": "/"]]]),
            ("volumes", [["name": "data", "hostPath": .null, "secret": ["secretName": "s"]]]),
        ]
        switch Int.random(in: 0..<5, using: &self) {
        case 0:
            let (member, value) = self.pick(ofSpec)
            pod.mutateObject("spec") { $0[member] = value }
        case 1:
            let (member, value) = self.pick(common + ofPod)
            pod.mutateObject("spec") { spec in spec.mutateObject("securityContext") { $0[member] = value } }
        case 2, 3:
            let list = self.pick(["containers", "initContainers", "containers"])
            let port: JSONValue? = self.chance(5) ? [["containerPort": 80, "hostPort": 80]] : nil
            let (member, value) = self.pick(common + ofContainer)
            pod.mutateObject("spec") { spec in
                guard var containers = spec[array: list], case .object(var last)? = containers.popLast() else { return }
                if let port {
                    last["ports"] = port
                } else {
                    last.mutateObject("securityContext") { $0[member] = value }
                }
                spec[list] = .array(containers + [.object(last)])
            }
        default:
            let profile = self.pick(["unconfined", "runtime/default", "localhost/x", ""])
            pod.mutateObject("metadata") { metadata in
                metadata.mutateObject("annotations") {
                    $0["container.apparmor.security.beta.kubernetes.io/c0"] = .string(profile)
                }
            }
        }
    }

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

    private mutating func container(_ name: String, _ strictness: Strictness, demandsAll: Bool) -> JSONValue {
        var container: JSONObject = [
            "name": .string(name), "image": .string(self.pick(["a:1", "host:1/x", "UPPER", "é"])),
        ]
        container["env"] = self.list(self.environment())
        container["volumeMounts"] = self.list([
            ["name": "data", "mountPath": .string("/" + self.text()), "unknown": true],
            ["mountPath": "/usr/local/apache2/conf/x", "name": "data"],
        ])
        container["securityContext"] = self.containerContext(strictness, demandsAll: demandsAll)
        if self.chance(4) { container["ports"] = [["containerPort": 80], ["containerPort": 81, "hostPort": 0]] }
        if strictness == .wild, self.chance(12) { container["ports"] = [["containerPort": 80, "hostPort": 80]] }
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
        let strictness = self.pick(Strictness.allCases)
        let demandsAll = self.chance(2)
        func containers(_ names: [String]) -> JSONValue {
            .array(names.map { self.container($0, strictness, demandsAll: demandsAll) })
        }
        spec["containers"] = containers(names)
        if self.chance(6) { spec["containers"] = self.list(containers(names)) }
        if !initial.isEmpty { spec["initContainers"] = containers(initial) }
        var volumes: [JSONValue] = [["name": "data", "emptyDir": [:]]]
        switch strictness {
        case .silent: break
        case .restricted, .almost:
            if !demandsAll || self.chance(3) {
                spec["securityContext"] = .object(self.restrictedContext(!demandsAll))
            }
        case .wild:
            spec["securityContext"] = self.list(.object(self.wildContext()))
            if self.chance(8) { spec[self.pick(["hostNetwork", "hostPID", "hostIPC"])] = true }
            if self.chance(8) { volumes.append(["name": "more", "hostPath": ["path": "/"]]) }
            if self.chance(8) { volumes.append(["name": "claim", "persistentVolumeClaim": ["claimName": "c"]]) }
        }
        if self.chance(5) { spec["hostUsers"] = self.pick([true, false, .null]) }
        if self.chance(12) { spec["os"] = ["name": .string(self.pick(["linux", "windows"]))] }
        spec["volumes"] = self.list(.array(volumes))
        if self.chance(5) { spec["shareProcessNamespace"] = self.pick([true, false, .null]) }
        if self.chance(6) { spec["nodeName"] = "node" }
        var pod: JSONObject = ["kind": "Pod", "metadata": .object(metadata), "spec": .object(spec), "status": [:]]
        if strictness == .almost { self.breakOneRule(&pod) }
        return pod
    }

    fileprivate mutating func catalog(_ words: SecurityWords) -> InjectionCatalog {
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
            spec[object: "initContainerSecurityContext"] = words.instrumentation
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
        var container: JSONObject = [
            "name": "otc-container", "image": "c:1", "env": [["name": "OTEL_CONFIG", "value": "x"]],
            "readinessProbe": ["httpGet": ["port": 1]], "volumeMounts": [["name": "data", "mountPath": "/d"]],
        ]
        container[object: "securityContext"] = words.collector
        let sidecar = SidecarTemplate(
            container: container,
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
