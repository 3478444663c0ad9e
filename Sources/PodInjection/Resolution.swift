import KubeModel
import TelemetryAPI

/// Why a pod is left as it came, everything included: the text of the answer (that of the Go operator, which scripts may
/// look for) and the reason with its mend.
struct InjectionFailure: Error, Sendable {
    var text: String
    var code: ReasonCode
    var mend: String
    var language: Language?
}

extension InjectionInputs {
    /// The Instrumentation that a wish means (specification section 4.2).
    func resolve(
        _ wish: InjectionWishes.LanguageWish,
        namespace: String
    ) -> Result<Instrumentation, InjectionFailure> {
        func failure(_ text: String, _ code: ReasonCode, _ mend: String) -> Result<Instrumentation, InjectionFailure> {
            .failure(InjectionFailure(text: text, code: code, mend: mend, language: wish.language))
        }
        guard let lookup = wish.lookup(namespace: namespace, self.settings) else {
            // Only `true` needs no lookup, and only when there is one.
            return self.settings.staticInstrumentation.map { .success($0) }
                ?? failure("no OpenTelemetry Instrumentation instances available", .instrumentationNotFound, "")
        }
        let answer = self.answer(to: lookup)
        if case .instrumentations(namespace: _) = lookup {
            switch answer {
            case .instrumentations(let found)?:
                if found.count == 1 { return .success(found[0]) }
                if found.isEmpty {
                    return failure(
                        "no OpenTelemetry Instrumentation instances available",
                        .instrumentationNotFound,
                        "create an Instrumentation in namespace \(namespace), or name one of another namespace in annotation "
                            + wish.language.injectAnnotation
                    )
                }
                let names = found.map(\.key.name).sorted().joined(separator: ", ")
                return failure(
                    "multiple OpenTelemetry Instrumentation instances available, cannot determine which one to select",
                    .ambiguousInstrumentation,
                    "set annotation \(wish.language.injectAnnotation) to the name of one of: \(names)"
                )
            case .failed(let message)?:
                return failure(
                    message,
                    .lookupFailed,
                    "the Instrumentations of namespace \(namespace) could not be read"
                )
            default:
                return failure(
                    "no OpenTelemetry Instrumentation instances available",
                    .instrumentationNotFound,
                    "create an Instrumentation in namespace \(namespace)"
                )
            }
        }
        switch answer {
        case .instrumentations(let found)?:
            if let first = found.first { return .success(first) }
        case .failed(let message)?:
            return failure(message, .lookupFailed, "Instrumentation \(wish.reference) could not be read")
        default: break
        }
        let key = ObjectKey(reference: wish.reference, namespace: namespace)
        return failure(
            "\(Instrumentation.resource.plural).\(Instrumentation.resource.group) \"\(key.name)\" not found",
            .instrumentationNotFound,
            "create Instrumentation \(key.name) in namespace \(key.namespace), or change annotation "
                + wish.language.injectAnnotation
        )
    }
}

extension InstrumentationExporter {
    /// The objects that its certificates come from, in the pod's namespace.
    func materialLookups(namespace: String) -> [InjectionLookup] {
        guard let tls = self.tls else { return [] }
        var lookups: [InjectionLookup] = []
        if !tls.secretName.isEmpty { lookups.append(.secret(ObjectKey(namespace: namespace, name: tls.secretName))) }
        if !tls.configMapName.isEmpty {
            lookups.append(.configMap(ObjectKey(namespace: namespace, name: tls.configMapName)))
        }
        return lookups
    }
}
