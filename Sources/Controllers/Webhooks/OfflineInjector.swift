import JSONTree
package import KubeModel
package import PodInjection
import Rendering
package import TelemetryAPI

/// The kinds that make pods, and where in them the pod is.
package enum WorkloadKind: Sendable, Hashable {
    case pod
    /// The path of the pod template.
    case template([String])

    package init?(_ object: KubeObject) {
        switch (object.groupVersionKind.group, object.kind) {
        case ("", "Pod"): self = .pod
        case ("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "DaemonSet"), ("apps", "ReplicaSet"),
            ("batch", "Job"):
            self = .template(["spec", "template"])
        case ("batch", "CronJob"): self = .template(["spec", "jobTemplate", "spec", "template"])
        default: return nil
        }
    }
}

/// Injection without a cluster: from a list of objects that stands for it.
package struct OfflineInjector: Sendable {
    private let catalog: InjectionCatalog
    private let settings: InjectionSettings
    private let namespace: String

    /// - Parameters:
    ///   - objects: what the pods refer to. Instrumentations and collectors are defaulted as the webhooks would have.
    ///   - namespace: of objects that name none.
    package init(
        _ objects: [KubeObject],
        namespace: String,
        facts: ClusterFacts,
        settings: OperatorSettings = OperatorSettings(),
        images: [Language: String] = [:],
        languages: Set<Language> = Set(Language.allCases)
    ) {
        self.namespace = namespace
        self.settings = InjectionSettings(enabledLanguages: languages, usesNativeSidecars: facts.nativeSidecars)
        let defaulted = objects.map { object -> KubeObject in
            guard object.groupVersionKind.group == "opentelemetry.io", object.kind == "Instrumentation" else {
                return object
            }
            var instrumentation = Instrumentation(object.json)
            InstrumentationDefaulting(images: images).apply(to: &instrumentation)
            return KubeObject(instrumentation.json)
        }
        self.catalog = InjectionCatalog(defaulted, defaultNamespace: namespace) { collector in
            let known = (try? defaultCollector(collector, settings: settings).collector) ?? collector
            return SidecarCollector(known, settings: settings, facts: facts)
        }
    }

    /// The object as its pods would come out of the webhook, and what was decided.
    ///
    /// - Throws: ``JSONError`` when the pod is not of a pod's shape.
    package func inject(
        _ object: KubeObject,
        _ kind: WorkloadKind
    ) throws -> (object: KubeObject, outcome: InjectionOutcome) {
        let namespace = object.namespace.isEmpty ? self.namespace : object.namespace
        switch kind {
        case .pod:
            let (pod, outcome) = try self.inject(pod: object.json, namespace)
            return (KubeObject(pod), outcome)
        case .template(let path):
            guard let template = Self.value(object.json, path[...]) else {
                throw JSONError(.unexpectedKind, "it has no \(path.joined(separator: "."))", offset: 0)
            }
            // A pod as the controller would make it: from the template, owned by the workload.
            var pod = template
            pod.mutateObject("metadata") { metadata in
                metadata["ownerReferences"] = [.object(OwnerReference(controller: Self.owner(object)).json)]
            }
            var (changed, outcome) = try self.inject(pod: pod, namespace)
            changed.mutateObject("metadata") { metadata in
                metadata.remove("ownerReferences")
                metadata["ownerReferences"] = template[object: "metadata"]?["ownerReferences"]
            }
            if template[object: "metadata"] == nil, changed[object: "metadata"]?.isEmpty == true {
                changed.remove("metadata")
            }
            return (KubeObject(Self.replacing(object.json, path[...], changed)), outcome)
        }
    }

    private func inject(pod: JSONObject, _ namespace: String) throws -> (JSONObject, InjectionOutcome) {
        var inputs = InjectionInputs(
            pod: try PodDocument(pod),
            namespace: .found(self.catalog.namespace(namespace)),
            settings: self.settings
        )
        if inputs.asksForNothing { return (pod, InjectionOutcome()) }
        while true {
            let missing = inputs.missingLookups()
            if missing.isEmpty { break }
            for lookup in missing { inputs.answer(lookup, with: self.catalog.answer(to: lookup)) }
        }
        let outcome = PodInjection.inject(inputs)
        return (try outcome.applied(to: pod), outcome)
    }

    private static func owner(_ object: KubeObject) -> KubeObject {
        var owner = object
        if owner.metadata.uid == nil { owner.metadata.uid = "" }
        return owner
    }

    private static func value(_ object: JSONObject, _ path: ArraySlice<String>) -> JSONObject? {
        guard let key = path.first else { return object }
        return object[object: key].flatMap { self.value($0, path.dropFirst()) }
    }

    private static func replacing(_ object: JSONObject, _ path: ArraySlice<String>, _ value: JSONObject) -> JSONObject {
        guard let key = path.first else { return value }
        var copy = object
        copy[object: key] = self.replacing(object[object: key] ?? [:], path.dropFirst(), value)
        return copy
    }
}
