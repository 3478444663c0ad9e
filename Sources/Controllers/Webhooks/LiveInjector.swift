package import JSONTree
package import KubeClient
import KubeModel
package import PodInjection
import Rendering
package import TelemetryAPI

/// Injection as the webhook of a cluster would decide it now, without stores: for a command that looks at one pod.
package struct LiveInjector: Sendable {
    private static let patience = Duration.seconds(10)

    private let fetcher: InjectionFetcher
    private let settings: InjectionSettings

    /// - Throws: `APIError` when the server can't be asked what it offers.
    package init(
        client: KubeClient,
        settings: OperatorSettings = OperatorSettings(),
        languages: Set<Language>,
        allowsMultipleLanguages: Bool
    ) async throws {
        let facts = try await ClusterProbe(client: client).facts()
        self.settings = InjectionSettings(
            enabledLanguages: languages,
            allowsMultipleLanguages: allowsMultipleLanguages,
            usesNativeSidecars: facts.nativeSidecars
        )
        self.fetcher = InjectionFetcher(client: client) { SidecarCollector($0, settings: settings, facts: facts) }
    }

    /// - Throws: ``JSONError`` when the pod is not of a pod's shape.
    package func inject(_ pod: JSONObject, namespace: String) async throws -> InjectionOutcome {
        var inputs = InjectionInputs(
            pod: try PodDocument(pod),
            namespace: await self.fetcher.namespace(namespace, within: Self.patience),
            settings: self.settings
        )
        if inputs.asksForNothing { return InjectionOutcome() }
        while case let missing = inputs.missingLookups(), !missing.isEmpty {
            for (lookup, answer) in await self.fetcher.answers(to: missing, within: Self.patience) {
                inputs.answer(lookup, with: answer)
            }
        }
        return PodInjection.inject(inputs)
    }
}
