import JSONTree
package import KubeModel
package import PodInjection
import Rendering
package import TelemetryAPI

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
        languages: Set<Language> = Set(Language.allCases),
        allowsMultipleLanguages: Bool = true
    ) {
        self.namespace = namespace
        self.settings = InjectionSettings(
            enabledLanguages: languages,
            allowsMultipleLanguages: allowsMultipleLanguages,
            usesNativeSidecars: facts.nativeSidecars
        )
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
        let pod = try kind.pod(of: object)
        let (changed, outcome) = try self.inject(pod: pod, namespace)
        return (kind.replacing(podOf: object, by: changed), outcome)
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
}
