package import JSONTree

/// One question of the API server about a new pod, from the bytes of its AdmissionReview to those of the answer: a state
/// machine that says what it has to be told, so that the same code answers in the webhook, in tests and under fuzzing.
///
///     var review = try PodReview(scanning: body, settings: settings)
///     while true {
///         switch review.next() {
///         case .answer(let bytes): return bytes
///         case .namespace(let name): review.answer(namespace: …)
///         case .lookups(let lookups): for lookup in lookups { review.answer(lookup, with: …) }
///         }
///     }
package struct PodReview: Sendable {
    package enum Step: Sendable {
        /// The bytes of an AdmissionReview; the end.
        case answer([UInt8])
        /// Tell ``answer(namespace:)`` of this namespace.
        case namespace(String)
        /// Tell ``answer(_:with:)`` of each.
        case lookups([InjectionLookup])
    }

    package let request: AdmissionRequest
    /// What was decided; `nil` as long as nothing was, and for a pod that asks for nothing.
    package private(set) var outcome: InjectionOutcome?

    private let settings: InjectionSettings
    private var inputs: InjectionInputs?

    /// - Throws: ``JSONError`` when the body is no AdmissionReview: an HTTP 400, as there is nothing to answer to.
    package init(scanning body: [UInt8], settings: InjectionSettings) throws(JSONError) {
        self.request = try AdmissionRequest(scanning: body)
        self.settings = settings
    }

    package mutating func next() -> Step {
        // Only new pods are ours, whatever a webhook configuration of somebody else's sends.
        guard self.request.operation == "CREATE", self.request.subresource.isEmpty, self.request.isAboutPod else {
            return .answer(AdmissionAnswer.allowed(self.request.uid))
        }
        guard self.request.pod != nil else {
            return .answer(AdmissionAnswer.denied(self.request.uid, code: 400, message: self.request.problem))
        }
        guard let asksForNothing = self.inputs?.asksForNothing else { return .namespace(self.request.namespace) }
        if asksForNothing { return .answer(AdmissionAnswer.allowed(self.request.uid)) }
        if let missing = self.inputs?.missingLookups(), !missing.isEmpty { return .lookups(missing) }
        guard let inputs = self.inputs.take() else { return .answer(AdmissionAnswer.allowed(self.request.uid)) }
        let outcome = inject(inputs)
        self.outcome = outcome
        return .answer(AdmissionAnswer.answer(self.request.uid, outcome))
    }

    /// The namespace of the request, or why it could not be read.
    package mutating func answer(namespace: InjectionInputs.NamespaceAnswer) {
        guard let pod = self.request.pod else { return }
        self.inputs = InjectionInputs(pod: pod, namespace: namespace, settings: self.settings)
    }

    package mutating func answer(_ lookup: InjectionLookup, with answer: InjectionAnswer) {
        self.inputs?.answer(lookup, with: answer)
    }
}
