import KubeModel
import TelemetryAPI

/// What pod and namespace ask for together: the effective values of the annotations that request something.
struct InjectionWishes: Sendable {
    /// One language, and the Instrumentation that is asked for: `true`, `name` or `namespace/name`.
    struct LanguageWish: Sendable {
        var language: Language
        var reference: String
    }

    /// In the order in which references are resolved.
    private(set) var languages: [LanguageWish] = []
    /// The effective value for the sidecar; empty when nothing is said.
    private(set) var sidecar = ""

    init() {}

    init(pod: InjectionAnnotations, namespace: InjectionAnnotations) {
        if !pod.holdsRequests, !namespace.holdsRequests { return }
        self.sidecar = InjectionAnnotations.effective(.sidecar, pod: pod, namespace: namespace)
        for language in Language.allCases {
            let value = InjectionAnnotations.effective(.inject(language), pod: pod, namespace: namespace)
            if value.isEmpty || value.isFalse { continue }
            self.languages.append(LanguageWish(language: language, reference: value))
        }
    }

    var isEmpty: Bool { self.languages.isEmpty && self.sidecar.isEmpty }

    /// What has to be known about collectors, `nil` when the sidecar needs none.
    func sidecarLookup(_ pod: ParsedPod, _ namespace: String, _ settings: InjectionSettings) -> InjectionLookup? {
        if self.sidecar.isEmpty || self.sidecar.isFalse || pod.hasSidecar(native: settings.usesNativeSidecars) {
            return nil
        }
        if self.sidecar.isTrue { return .collectors(namespace: namespace) }
        return .collector(ObjectKey(reference: self.sidecar, namespace: namespace))
    }
}

extension InjectionAnnotations {
    /// Whether pod and namespace together ask for something to be added to the pod.
    package static func isInjectionAsked(pod: InjectionAnnotations, namespace: InjectionAnnotations) -> Bool {
        let wishes = InjectionWishes(pod: pod, namespace: namespace)
        return !wishes.languages.isEmpty || !wishes.sidecar.isEmpty && !wishes.sidecar.isFalse
    }
}

extension InjectionWishes.LanguageWish {
    /// What has to be known to resolve it, `nil` for the Instrumentation of the configuration file.
    func lookup(namespace: String, _ settings: InjectionSettings) -> InjectionLookup? {
        guard self.reference.isTrue else {
            return .instrumentation(ObjectKey(reference: self.reference, namespace: namespace))
        }
        return settings.staticInstrumentation == nil ? .instrumentations(namespace: namespace) : nil
    }
}

extension ObjectKey {
    /// `name`, or `namespace/name` split at the first slash.
    init(reference: String, namespace: String) {
        if let slash = reference.utf8.firstIndex(of: UInt8(ascii: "/")) {
            self.init(
                namespace: String(reference[..<slash]),
                name: String(reference[reference.utf8.index(after: slash)...])
            )
        } else {
            self.init(namespace: namespace, name: reference)
        }
    }
}
