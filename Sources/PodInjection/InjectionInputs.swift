import JSONTree
import KubeModel
import TelemetryAPI

/// The namespace that a pod is created in.
package struct InjectionNamespace: Sendable {
    package var name: String
    package var annotations: InjectionAnnotations

    package init(name: String, annotations: InjectionAnnotations) {
        self.name = name
        self.annotations = annotations
    }
}

/// Everything that a decision about one pod looks at.
package struct InjectionInputs: Sendable {
    package enum NamespaceAnswer: Sendable {
        case found(InjectionNamespace)
        /// It could not be read: why, as the API server says it.
        case failed(String)
    }

    let document: PodDocument
    let namespace: NamespaceAnswer
    let settings: InjectionSettings
    /// What is asked for, as pod and namespace have it.
    private(set) var wishes: InjectionWishes
    /// The pod's parts; `nil` until something needs them.
    private(set) var draft: Result<PodDraft, JSONError>?
    private var answers: [(lookup: InjectionLookup, answer: InjectionAnswer)] = []

    package init(pod: PodDocument, namespace: NamespaceAnswer, settings: InjectionSettings) {
        self.document = pod
        self.namespace = namespace
        self.settings = settings
        if case .found(let found) = namespace {
            self.wishes = InjectionWishes(pod: pod.annotations, namespace: found.annotations)
        } else {
            self.wishes = InjectionWishes()
        }
    }

    /// Whether neither the pod nor its namespace asks for anything, so that the answer is "allowed" without further ado.
    package var asksForNothing: Bool {
        if case .failed = self.namespace { return false }
        return self.wishes.isEmpty
    }

    /// What has to be looked up before ``inject(_:)``; empty when all is known. Ask again after answering: what is found
    /// may need more.
    package mutating func missingLookups() -> [InjectionLookup] {
        if self.wishes.isEmpty { return [] }
        guard case .success(let draft) = self.readDraft(), case .found(let namespace) = self.namespace,
            !self.wishes.isEmpty
        else { return [] }
        var missing: [InjectionLookup] = []
        func need(_ lookup: InjectionLookup) {
            if self.answer(to: lookup) == nil, !missing.contains(lookup) { missing.append(lookup) }
        }
        let injects = !self.wishes.languages.isEmpty && !draft.isAlreadyInstrumented
        let sidecarLookup = self.wishes.sidecarLookup(draft, namespace.name, self.settings)
        if let sidecarLookup { need(sidecarLookup) }
        if injects {
            for wish in self.wishes.languages {
                if let lookup = wish.lookup(namespace: namespace.name, self.settings) { need(lookup) }
            }
        }
        if injects || sidecarLookup != nil {
            for lookup in OwnerChain.lookups(draft.owners, namespace: namespace.name, { self.answer(to: $0) }) {
                need(lookup)
            }
        }
        if injects {
            for wish in self.wishes.languages {
                // What cannot be resolved ends in an error, which needs no certificates.
                guard case .success(let instrumentation) = self.resolve(wish, namespace: namespace.name) else {
                    continue
                }
                for lookup in instrumentation.spec.exporter.materialLookups(namespace: namespace.name) { need(lookup) }
            }
        }
        return missing
    }

    /// Takes the answer to a lookup; the last one counts.
    package mutating func answer(_ lookup: InjectionLookup, with answer: InjectionAnswer) {
        self.answers.removeAll { $0.lookup == lookup }
        self.answers.append((lookup, answer))
    }

    func answer(to lookup: InjectionLookup) -> InjectionAnswer? {
        for entry in self.answers where entry.lookup == lookup { return entry.answer }
        return nil
    }

    mutating func readDraft() -> Result<PodDraft, JSONError> {
        if let draft { return draft }
        let read: Result<PodDraft, JSONError>
        do throws(JSONError) {
            let draft = try PodDraft(self.document)
            if draft.isOwnOperand {
                self.wishes = InjectionWishes(pod: self.document.annotations, namespace: InjectionAnnotations())
            }
            read = .success(draft)
        } catch {
            read = .failure(error)
        }
        self.draft = read
        return read
    }
}
