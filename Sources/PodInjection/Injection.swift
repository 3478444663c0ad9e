import JSONTree
import KubeModel
import TelemetryAPI

/// Decides on a pod and changes it: the sidecar first, then the languages (specification sections 3.2 and 3.3).
///
/// Every lookup that ``InjectionInputs/missingLookups()`` names should be answered before; one that isn't counts as not
/// found.
package func inject(_ inputs: consuming InjectionInputs) -> InjectionOutcome {
    let namespace: InjectionNamespace
    switch inputs.namespace {
    case .found(let found): namespace = found
    case .failed(let message):
        var outcome = InjectionOutcome()
        outcome.error = message
        return outcome
    }
    if inputs.asksForNothing { return InjectionOutcome() }
    switch inputs.parsePod() {
    case .failure(let error):
        var outcome = InjectionOutcome()
        outcome.rejection = error.description
        return outcome
    case .success(let pod):
        var injection = Injection(pod, inputs, namespace)
        return injection.run()
    }
}

/// One pod's injection under way.
struct Injection: Sendable {
    let inputs: InjectionInputs
    let namespace: InjectionNamespace
    let owners: OwnerChain
    var draft: PodDraft
    var decisions: [Decision] = []
    var events: [InjectionEvent] = []
    /// About how much memory the variables that were added take, in bytes.
    var addedBytes = 0

    /// One language that is to be injected, with all that was found out about it.
    struct Request: Sendable {
        var language: Language
        var settings: InstrumentationSettings
        /// Names of containers; empty for the first one.
        var containers: [String]
    }

    init(_ pod: ParsedPod, _ inputs: InjectionInputs, _ namespace: InjectionNamespace) {
        self.inputs = inputs
        self.namespace = namespace
        self.draft = PodDraft(pod)
        self.owners = inputs.ownerChain(pod, namespace: namespace.name)
    }

    var annotations: InjectionAnnotations { self.inputs.document.annotations }

    /// The effective value of an annotation.
    func annotation(_ key: InjectionAnnotations.Key) -> String {
        // What the namespace says is not meant for the operator's own pods, which have containers of other names.
        let namespace = self.draft.pod.isOwnOperand ? InjectionAnnotations() : self.namespace.annotations
        return InjectionAnnotations.effective(key, pod: self.annotations, namespace: namespace)
    }

    mutating func run() -> InjectionOutcome {
        var outcome = InjectionOutcome()
        do throws(InjectionFailure) {
            try self.injectSidecar()
            try self.injectLanguages()
            outcome.patch = self.draft.patch()
        } catch {
            outcome.error = error.text
            self.discard(error)
        }
        outcome.decisions = self.decisions
        outcome.events = self.events
        outcome.warnings = self.decisions.compactMap(\.warning)
        return outcome
    }

    /// After a failure nothing that was done so far holds.
    private mutating func discard(_ failure: InjectionFailure) {
        for place in self.decisions.indices
        where self.decisions[place].code == .injected || self.decisions[place].code == .removed {
            self.decisions[place].code = .discarded
            self.decisions[place].message = "not done because another part of the request failed: \(failure.text)"
        }
        let message = failure.mend.isEmpty ? failure.text : "\(failure.text): \(failure.mend)"
        let subject = failure.language.map(Decision.Subject.language) ?? .sidecar
        self.decisions.append(Decision(subject, failure.code, message))
    }

    // MARK: Languages

    private mutating func injectLanguages() throws(InjectionFailure) {
        let wishes = self.inputs.wishes.languages
        if wishes.isEmpty { return }
        if self.draft.pod.isAlreadyInstrumented {
            for wish in wishes { self.decisions.append(Decision(.language(wish.language), .alreadyInstrumented)) }
            return
        }
        var requests = try self.resolveRequests(wishes)
        if requests.isEmpty { return }
        let common = try self.containerNames(.containerNames, for: requests[0].language)
        for place in requests.indices { requests[place].containers = common }
        try self.checkMaterial(requests)
        if self.inputs.settings.allowsMultipleLanguages {
            for place in requests.indices {
                let language = requests[place].language
                requests[place].containers += try self.containerNames(.containerNames(language), for: language)
            }
            let lists = requests.map { (language: $0.language, names: $0.containers) }
            if let problem = ContainerSelection.problem(lists) {
                let mend =
                    problem.code == .missingContainerNames
                    ? "name the containers of each language, such as "
                        + requests.map(\.language.containerNamesAnnotation).joined(separator: ", ")
                    : "name each container once per language, counting container-names as well"
                for request in requests {
                    self.decisions.append(
                        Decision(
                            .language(request.language),
                            problem.code,
                            "\(problem.text): \(mend)",
                            source: request.settings.key
                        )
                    )
                }
                return
            }
        }
        for request in requests {
            try self.checkSize(request)
            self.inject(request)
            try self.checkSize(request)
        }
    }

    private mutating func inject(_ request: Request) {
        if self.draft.containers.containers.isEmpty {
            return self.refuse(request, .noContainer, "the pod has no container")
        }
        // What has an image of its own must name it: a container without one makes the pod invalid.
        if request.language != .sdk, request.settings.language.image.isEmpty {
            return self.refuse(
                request,
                .imageNotSet,
                "Instrumentation \(request.settings.key) has no image for \(request.language.displayName): set spec."
                    + "\(request.language.specKey).image"
            )
        }
        switch request.language {
        case .java: self.injectJava(request)
        case .nodejs: self.injectNodeJS(request)
        case .python: self.injectPython(request)
        case .dotnet: self.injectDotNet(request)
        case .go: self.injectGo(request)
        case .apacheHttpd: self.injectApache(request)
        case .nginx: self.injectNginx(request)
        case .sdk: self.injectSDK(request)
        }
    }

    /// The Instrumentations of what is asked for, without the languages that are switched off (section 3.3.2).
    private mutating func resolveRequests(_ wishes: [InjectionWishes.LanguageWish]) throws(InjectionFailure)
        -> [Request]
    {
        var requests: [Request] = []
        for wish in wishes {
            let instrumentation = try self.inputs.resolve(wish, namespace: self.namespace.name).get()
            guard self.inputs.settings.isEnabled(wish.language) else {
                let note = "support for \(wish.language.displayName) auto instrumentation is not enabled"
                self.events.append(
                    InjectionEvent(
                        type: "Warning",
                        reason: "InstrumentationRequestRejected",
                        action: "InstrumentationRequestRejected",
                        note: note
                    )
                )
                self.decisions.append(
                    Decision(
                        .language(wish.language),
                        .languageDisabled,
                        "\(note): start the operator with --enable-\(wish.language.id)-instrumentation=true",
                        source: instrumentation.key
                    )
                )
                continue
            }
            requests.append(
                Request(
                    language: wish.language,
                    settings: InstrumentationSettings(instrumentation, wish.language),
                    containers: []
                )
            )
        }
        return requests
    }

    private func containerNames(
        _ key: InjectionAnnotations.Key,
        for language: Language
    ) throws(InjectionFailure) -> [String] {
        let value = self.annotation(key)
        if value.isEmpty { return [] }
        guard let names = ContainerSelection.names(in: value) else {
            throw InjectionFailure(
                text: "not valid characters included in the instrumentation container annotation \(value)",
                code: .invalidContainerNames,
                mend: "use names and commas only, without blanks",
                language: language
            )
        }
        return names
    }

    /// Certificates that are named must be there (section 3.3.5): mounting what isn't keeps a pod from starting.
    private func checkMaterial(_ requests: [Request]) throws(InjectionFailure) {
        var messages: [String] = []
        var first: Language?
        for language in Language.materialOrder {
            guard let request = requests.first(where: { $0.language == language }), let tls = request.settings.tls
            else { continue }
            func check(_ lookup: InjectionLookup, _ kind: String, _ name: String, _ what: String) {
                guard !name.isEmpty, case .notFound? = self.inputs.answer(to: lookup) else { return }
                let message =
                    "\(kind) \(self.namespace.name)/\(name) with \(what) does not exists: \(kind)s \"\(name)\" not found"
                if first == nil { first = language }
                if !messages.contains(message) { messages.append(message) }
            }
            let namespace = self.namespace.name
            check(
                .secret(ObjectKey(namespace: namespace, name: tls.secretName)),
                "secret",
                tls.secretName,
                "certificates"
            )
            check(
                .configMap(ObjectKey(namespace: namespace, name: tls.configMapName)),
                "configmap",
                tls.configMapName,
                "CA certificate"
            )
        }
        guard messages.isEmpty else {
            throw InjectionFailure(
                text: messages.joined(separator: "\n"),
                code: .certificatesNotFound,
                mend: "create them in the pod's namespace",
                language: first
            )
        }
    }

    // MARK: Recording

    mutating func refuse(_ request: Request, _ code: ReasonCode, _ message: String, container: String? = nil) {
        self.decisions.append(
            Decision(
                .language(request.language),
                code,
                message,
                containers: container.map { [$0] } ?? [],
                source: request.settings.key
            )
        )
    }

    mutating func record(_ request: Request, injected containers: [String]) {
        self.decisions.append(
            Decision(.language(request.language), .injected, containers: containers, source: request.settings.key)
        )
    }
}

extension Decision {
    /// What the one who creates the pod should read; `nil` when all is as asked for.
    fileprivate var warning: String? {
        switch self.code {
        case .injected, .removed, .noAnnotation, .alreadyInstrumented: nil
        default:
            // Warnings travel in HTTP headers.
            "\(self.subject.id) not injected (\(self.code)): \(self.message)".replacingNewlines()
        }
    }
}

extension String {
    fileprivate func replacingNewlines() -> String {
        String(self.map { $0.isNewline ? " " : $0 })
    }
}
