import JSONTree
import KubeModel
import Rendering
import TelemetryAPI

/// Decides on a pod and changes it: the sidecar first, then the languages (specification sections 3.2 and 3.3).
///
/// Every lookup that ``InjectionInputs/missingLookups()`` names should be answered before; one that isn't counts as not
/// found.
package func inject(_ inputs: consuming InjectionInputs) -> InjectionOutcome {
    let namespace: InjectionNamespace
    switch inputs.namespace {
    case .found(let found): namespace = found
    case .failed(let message): return inputs.withoutNamespace(message)
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
        } catch {
            outcome.error = error.text
            self.discard(error)
        }
        self.tellUnreadOwners()
        self.draft.stamp(self.decisions)
        outcome.patch = self.draft.patch()
        outcome.decisions = self.decisions
        outcome.owners = self.owners
        // When all is as asked for, there is nothing to tell.
        guard self.decisions.contains(where: \.isRefusal) else { return outcome }
        let workload = self.owners.workload
        outcome.events = Array(self.decisions.lazy.compactMap { $0.event(workload) }.prefix(eventLimit))
        outcome.warnings = self.decisions.warnings
        return outcome
    }

    /// Names and attributes come from the owners; where one could not be read, they are not what they would be.
    private mutating func tellUnreadOwners() {
        guard let first = self.owners.unread.first else { return }
        for place in self.decisions.indices
        where self.decisions[place].code == .injected && self.decisions[place].message.isEmpty {
            self.decisions[place].message =
                "\(first) could not be read, so attributes and service name say nothing of its owners"
        }
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
        // What was not come to is not done either, and nothing that was asked for goes without an answer.
        for wish in self.inputs.wishes.languages {
            let subject = Decision.Subject.language(wish.language)
            if self.decisions.contains(where: { $0.subject == subject }) { continue }
            self.decisions.append(
                Decision(
                    subject,
                    .discarded,
                    "not done because another part of the request failed: \(failure.text)"
                )
            )
        }
        self.draft = PodDraft(self.draft.pod)
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
            let subject = Decision.Subject.language(request.language)
            if !self.decisions.contains(where: { $0.subject == subject }) {
                self.refuse(
                    request,
                    .containerNotFound,
                    "the list of containers names none: name one in \(request.language.containerNamesAnnotation) or "
                        + "instrumentation.opentelemetry.io/container-names"
                )
            }
        }
    }

    private mutating func inject(_ request: Request) {
        if self.draft.containers.containers.isEmpty {
            return self.refuse(request, .noContainer, "the pod has no container")
        }
        if request.language != .sdk, self.draft.pod.isWindows {
            return self.refuse(
                request,
                .unsupportedPlatform,
                "the pod is for Windows (spec.os.name), where the agent for \(request.language.displayName) does not run: "
                    + "build the SDK into the program and ask for inject-sdk instead"
            )
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
            // The one of the configuration file has to name its images itself (section 1.7).
            let isStored = wish.lookup(namespace: self.namespace.name, self.inputs.settings) != nil
            requests.append(
                Request(
                    language: wish.language,
                    settings: self.inputs.settings.memory.settings(
                        of: instrumentation,
                        wish.language,
                        defaultImage: isStored ? self.inputs.settings.defaultImages[wish.language] : nil
                    ),
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
                text: "not valid characters included in the instrumentation container annotation \(value.prefix(256))",
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

extension InjectionInputs {
    /// The pod comes in as it is when its namespace cannot be read; what it asks for itself is answered nevertheless.
    fileprivate consuming func withoutNamespace(_ message: String) -> InjectionOutcome {
        var outcome = InjectionOutcome()
        outcome.error = message
        let wishes = InjectionWishes(pod: self.document.annotations, namespace: InjectionAnnotations())
        guard !wishes.isEmpty, case .success(let pod) = self.parsePod() else { return outcome }
        var subjects = wishes.languages.map { Decision.Subject.language($0.language) }
        if !wishes.sidecar.isEmpty, !wishes.sidecar.isFalse { subjects.insert(.sidecar, at: 0) }
        outcome.decisions = subjects.map {
            Decision($0, .namespaceNotFound, "the pod's namespace could not be read: \(message)")
        }
        outcome.warnings = outcome.decisions.warnings
        var draft = PodDraft(pod)
        draft.stamp(outcome.decisions)
        outcome.patch = draft.patch()
        return outcome
    }
}

extension Decision {
    /// Whether something that was asked for did not happen.
    package var isRefusal: Bool { self.code.isRefusal }

    /// What the one who creates the pod should read; `nil` when all is as asked for.
    fileprivate var warning: String? {
        guard self.isRefusal else { return nil }
        return "\(self.subject.id) not injected (\(self.code)): \(self.message)"
    }

    /// What the owner of the workload should read; `nil` when all is as asked for. Its text names nothing of one pod, so
    /// that a thousand pods of a workload are one Event.
    fileprivate func event(_ workload: ObjectReference?) -> InjectionEvent? {
        guard self.isRefusal else { return nil }
        // A language that is switched off has the Go operator's reason, which alerts may look for.
        if self.code == .languageDisabled, case .language(let language) = self.subject {
            return InjectionEvent(
                type: "Warning",
                reason: "InstrumentationRequestRejected",
                action: "InstrumentationRequestRejected",
                note: "support for \(language.displayName) auto instrumentation is not enabled",
                regarding: workload
            )
        }
        return InjectionEvent(
            type: "Warning",
            reason: self.code.rawValue,
            action: "Inject-\(self.subject.id)",
            note: "\(self.subject.id) was not injected: \(self.message)",
            regarding: workload
        )
    }
}

/// One pod makes so many Events at most, however many containers it names that aren't there.
private let eventLimit = 8

extension [Decision] {
    fileprivate var warnings: [String] {
        AdmissionWarnings.bounded(self.compactMap(\.warning), more: "swiftlet explain")
    }
}
