package import AdmissionServer
import CollectorVersions
import JSONTree
package import KubeClient
import KubeModel
import KubeRuntime
import Logging
import NIOCore
import PodInjection
import Rendering
package import TelemetryAPI
import Tracing

/// All webhooks by path, as the server wants them.
package struct Webhooks: Sendable {
    private let client: KubeClient
    private let pods: PodWebhook
    private let settings: OperatorSettings
    private let facts: @Sendable () -> ClusterFacts
    private let stores: ClusterStores
    private let instrumentationDefaults: InstrumentationDefaulting
    private let recorder: DecisionRecorder

    package init(
        stores: ClusterStores,
        client: KubeClient,
        options: OperatorOptions,
        facts: @escaping @Sendable () -> ClusterFacts,
        recorder: DecisionRecorder
    ) {
        self.client = client
        self.settings = options.settings
        self.facts = facts
        self.stores = stores
        self.recorder = recorder
        self.instrumentationDefaults = InstrumentationDefaulting(images: options.images)
        self.pods = PodWebhook(
            stores: stores,
            sidecars: SidecarCache(stores: stores, settings: options.settings, facts: facts),
            client: client,
            settings: InjectionSettings(options, facts()),
            recorder: recorder
        )
    }

    package var handlers: [String: AdmissionServer.Handler] {
        let pods = self.pods
        return [
            WebhookPath.mutatePod: { body in
                do throws(JSONError) {
                    return .json(try await pods.answer(Array(buffer: body)))
                } catch {
                    return Self.refused(error)
                }
            },
            WebhookPath.convert: { body in
                do throws(JSONError) {
                    return .json(try ConversionReview(parsing: Array(buffer: body)).answer)
                } catch {
                    return Self.refused(error, kind: "ConversionReview")
                }
            },
            WebhookPath.mutateCollector: self.handler(WebhookPath.mutateCollector, "OpenTelemetryCollector") {
                self.defaulted(collector: $0)
            },
            WebhookPath.validateCollector: self.handler(WebhookPath.validateCollector, "OpenTelemetryCollector") {
                await self.validated(collector: $0)
            },
            WebhookPath.validateTargetAllocator: self.handler(WebhookPath.validateTargetAllocator, "TargetAllocator") {
                await self.validated(targetAllocator: $0)
            },
            WebhookPath.mutateInstrumentation: self.handler(WebhookPath.mutateInstrumentation, "Instrumentation") {
                self.defaulted(instrumentation: $0)
            },
            WebhookPath.validateInstrumentation: self.handler(WebhookPath.validateInstrumentation, "Instrumentation") {
                self.validated(instrumentation: $0)
            },
        ]
    }

    /// - Parameters:
    ///   - path: for log lines.
    ///   - kind: likewise.
    private func handler(
        _ path: String,
        _ kind: String,
        _ answer: @escaping @Sendable (Review) async -> ReviewAnswer
    ) -> AdmissionServer.Handler {
        let recorder = self.recorder
        return { body in
            let review: Review
            do throws(JSONError) {
                review = try Review(parsing: Array(buffer: body))
            } catch {
                return Self.refused(error)
            }
            // Whatever is logged on the way says which request it was for.
            let metadata: Logger.Metadata = [
                "webhook": "\(path)", "uid": "\(review.uid)", "kind": "\(kind)", "namespace": "\(review.namespace)",
                "name": "\(review.name)",
            ]
            return await withLogger(mergingMetadata: metadata) { logger in
                let answer = await answer(review)
                recorder.describe { attributes in
                    attributes["swiftlet.admission.uid"] = review.uid
                    attributes["swiftlet.admission.operation"] = review.operation.rawValue
                    attributes["swiftlet.admission.dry_run"] = review.isDryRun
                    attributes["swiftlet.admission.allowed"] = answer.isAllowed
                    attributes["swiftlet.kind"] = kind
                    attributes["k8s.namespace.name"] = review.namespace
                    attributes["swiftlet.name"] = review.name
                }
                if !answer.isAllowed {
                    // Without the reason: it may quote what the user wrote, who is told it.
                    logger.info(
                        "request denied",
                        metadata: ["operation": "\(review.operation.rawValue)", "code": "\(answer.code)"]
                    )
                }
                return .json(answer.bytes)
            }
        }
    }

    /// A body that is no review has no request that could be answered.
    private static func refused(_ error: JSONError, kind: String = "AdmissionReview") -> ServerResponse {
        let text = "\(error)"
        let what = kind == "AdmissionReview" ? "an \(kind)" : "a \(kind)"
        let isSaid = text.contains("is not \(what)")
        return .failure(
            400,
            reason: "BadRequest",
            isSaid ? text : "the request body is not \(what): \(text)"
        )
    }

    // MARK: Collectors

    func defaulted(collector review: Review) -> ReviewAnswer {
        guard let object = review.object else { return .denied(review, "the request has no object") }
        do {
            let defaulted = try defaultCollector(Collector(object.json), settings: self.settings)
            if defaulted.addedTelemetry, !review.isDryRun { self.recorder.recordDefaultTelemetry(of: object) }
            let patch = JSONPatch.diff(from: object.json, to: defaulted.collector.json)
            return .allowed(review, patch: patch.json.array ?? [], warnings: defaulted.warnings)
        } catch {
            return .denied(review, "\(error)")
        }
    }

    func validated(collector review: Review) async -> ReviewAnswer {
        // Nobody is kept from deleting what is invalid.
        guard review.operation != .delete else { return .allowed(review) }
        guard let object = review.object else { return .denied(review, "the request has no object") }
        // What is being deleted only loses its finalizers.
        if object.metadata.isDeleting { return .allowed(review) }
        let collector = Collector(object.json)
        let facts = self.facts()
        let allocator = collector.targetAllocatorName.flatMap { name in
            self.stores.targetAllocators[ObjectKey(namespace: collector.namespace, name: name)]?.facts
        }
        var validation = validateCollector(
            collector,
            old: review.operation == .update ? review.oldObject.map { Collector($0.json) } : nil,
            settings: self.settings,
            facts: facts,
            targetAllocator: allocator
        )
        if !validation.errors.isEmpty, review.operation == .update, self.specIsUnchanged(review) {
            // It was accepted once, or stored without us. Labels, finalizers and the like can still be changed.
            validation.turnErrorsIntoWarnings()
        }
        if !validation.errors.isEmpty {
            let causes = validation.errors.map {
                ReviewAnswer.Cause(field: $0.path, reason: $0.reason.rawValue, message: $0.message)
            }
            // kubectl shows the message and not the causes: whoever mends one thing should not meet the next one then.
            let message = validation.errors.prefix(10).map(\.message).joined(separator: "; ")
            return .denied(review, message, causes: causes, warnings: validation.warnings)
        }
        let privileges = PrivilegeCheck(client: self.client)
        do {
            if let refusal = try await privileges.refusal(collector, facts: facts, user: review.user) {
                return .denied(review, refusal, warnings: validation.warnings)
            }
        } catch {
            Logger.current.warning("cannot find out what a user may do", metadata: ["error": "\(error)"])
            return .failed(
                review,
                "cannot find out what the user may do: \((error as? APIError)?.message ?? "\(error)")"
            )
        }
        let missing = await privileges.warnings(collector, facts: facts)
        return .allowed(review, warnings: validation.warnings(besides: missing))
    }

    /// Whether an update leaves the spec as it is, but for defaults.
    private func specIsUnchanged(_ review: Review) -> Bool {
        guard let new = review.object?.json["spec"], let old = review.oldObject else { return false }
        if old.json["spec"] == new { return true }
        let defaulted = try? defaultCollector(Collector(old.json), settings: self.settings)
        return defaulted?.collector.json["spec"] == new
    }

    // MARK: Target allocators

    func validated(targetAllocator review: Review) async -> ReviewAnswer {
        guard review.operation != .delete else { return .allowed(review) }
        guard let object = review.object else { return .denied(review, "the request has no object") }
        if object.metadata.isDeleting { return .allowed(review) }
        let resource = TargetAllocatorResource(object.json)
        let validation = validateTargetAllocator(resource)
        // What was accepted once, or stored without us, can still get other labels.
        let isUnchanged = review.operation == .update && review.oldObject?.json["spec"] == object.json["spec"]
        guard validation.errors.isEmpty || isUnchanged else {
            let causes = validation.errors.map {
                ReviewAnswer.Cause(field: $0.path, reason: $0.reason.rawValue, message: $0.message)
            }
            let message = validation.errors.prefix(10).map(\.message).joined(separator: "; ")
            return .denied(review, message, causes: causes)
        }
        let needs = AccountNeeds.of(resource)
        let missing = await PrivilegeCheck(client: self.client).warnings(needs)
        return .allowed(review, warnings: validation.errors.map(\.message) + missing)
    }

    // MARK: Instrumentations

    func defaulted(instrumentation review: Review) -> ReviewAnswer {
        guard let object = review.object else { return .denied(review, "the request has no object") }
        var instrumentation = Instrumentation(object.json)
        self.instrumentationDefaults.apply(to: &instrumentation)
        let patch = JSONPatch.diff(from: object.json, to: instrumentation.json)
        return .allowed(review, patch: patch.json.array ?? [])
    }

    func validated(instrumentation review: Review) -> ReviewAnswer {
        guard review.operation != .delete else { return .allowed(review) }
        guard let object = review.object else { return .denied(review, "the request has no object") }
        if object.metadata.isDeleting { return .allowed(review) }
        let validation = InstrumentationValidation(Instrumentation(object.json), defaults: self.instrumentationDefaults)
        if let error = validation.error { return .denied(review, error, warnings: validation.warnings) }
        return .allowed(review, warnings: validation.warnings)
    }
}

extension InjectionSettings {
    package init(_ options: OperatorOptions, _ facts: ClusterFacts) {
        let defaults = InstrumentationDefaulting(images: options.images)
        self.init(
            enabledLanguages: options.languages,
            allowsMultipleLanguages: options.allowsMultipleLanguages,
            usesNativeSidecars: facts.nativeSidecars,
            staticInstrumentation: options.staticInstrumentation,
            defaultImages: Dictionary(
                uniqueKeysWithValues: Language.withAgent.map { ($0, defaults.defaultImage($0)) }
            )
        )
    }
}
