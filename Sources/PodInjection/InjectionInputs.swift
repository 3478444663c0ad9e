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
    private var parsed: Result<ParsedPod, JSONError>?
    private var answers = LookupAnswers()
    /// What the answers so far say of the pod's owners.
    private var chain: OwnerChain?

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
        guard case .success(let pod) = self.parsePod(), case .found(let namespace) = self.namespace,
            !self.wishes.isEmpty
        else { return [] }
        var missing: [InjectionLookup] = []
        let answers = self.answers
        func need(_ lookup: InjectionLookup) {
            if answers[lookup] == nil, !missing.contains(lookup) { missing.append(lookup) }
        }
        let injects = !self.wishes.languages.isEmpty && !pod.isAlreadyInstrumented
        let sidecarLookup = self.wishes.sidecarLookup(pod, namespace.name, self.settings)
        if let sidecarLookup { need(sidecarLookup) }
        if injects {
            for wish in self.wishes.languages {
                if let lookup = wish.lookup(namespace: namespace.name, self.settings) { need(lookup) }
            }
        }
        if injects || sidecarLookup != nil {
            self.chain = OwnerChain(pod.owners, namespace: namespace.name, answers, need: need)
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
        self.chain = nil
        self.answers[lookup] = answer
    }

    func answer(to lookup: InjectionLookup) -> InjectionAnswer? { self.answers[lookup] }

    /// The workload that the pod belongs to, as far as it is known.
    func ownerChain(_ pod: ParsedPod, namespace: String) -> OwnerChain {
        self.chain ?? OwnerChain(pod.owners, namespace: namespace, self.answers)
    }

    mutating func parsePod() -> Result<ParsedPod, JSONError> {
        if let parsed { return parsed }
        let read: Result<ParsedPod, JSONError>
        do throws(JSONError) {
            let pod = try ParsedPod(self.document)
            if pod.isOwnOperand {
                self.wishes = InjectionWishes(pod: self.document.annotations, namespace: InjectionAnnotations())
            }
            read = .success(pod)
        } catch {
            read = .failure(error)
        }
        self.parsed = read
        return read
    }
}

/// Answers to lookups: a handful, so they are searched in order.
struct LookupAnswers: Sendable {
    private var entries: [(lookup: InjectionLookup, answer: InjectionAnswer)] = []

    subscript(lookup: InjectionLookup) -> InjectionAnswer? {
        get {
            self.entries.firstIndex { $0.lookup == lookup }.map { self.entries[$0].answer }
        }
        set {
            let place = self.entries.firstIndex { $0.lookup == lookup }
            switch (place, newValue) {
            case (let place?, let answer?): self.entries[place].answer = answer
            case (let place?, nil): self.entries.remove(at: place)
            case (nil, let answer?): self.entries.append((lookup, answer))
            case (nil, nil): break
            }
        }
    }
}
