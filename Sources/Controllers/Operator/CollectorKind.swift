import JSONTree
import KubeClient
import KubeModel
import Logging
import NIOCore
import NIOHTTP1

/// Whether the cluster knows OpenTelemetryCollector, without which the operator has little to do.
struct CollectorKind {
    let client: KubeClient
    let options: OperatorOptions
    let logger: Logger

    /// Waits for it for some seconds, as definitions that are applied together with the operator take a moment.
    ///
    /// - Throws: ``OperatorError`` when it stays away, unless that was allowed.
    func require(patience: Duration = .seconds(10)) async throws {
        if self.options.ignoresMissingCollectors || self.options.servesWebhooksOnly { return }
        let end = ContinuousClock.now + patience
        var isTold = false
        while try await !self.isServed() {
            guard .now < end else {
                throw OperatorError(
                    "the cluster does not know OpenTelemetryCollector (opentelemetry.io/v1beta1): install the CRDs with `swiftlet crds --server-version cluster | kubectl apply --server-side -f -`, or start with --ignore-missing-collector-crds"
                )
            }
            if !isTold { self.logger.info("waiting for the CustomResourceDefinition of OpenTelemetryCollector") }
            isTold = true
            try await Task.sleep(for: .seconds(1))
        }
    }

    /// Asked of the server itself: discovery that is remembered would not see it come.
    private func isServed() async throws -> Bool {
        let resource = ResourceCatalog.collectors
        let answer = try await self.client.request(.GET, path: "/apis/\(resource.apiVersion)")
        // Whatever else is wrong shows where it matters.
        guard answer.status == 200 else { return answer.status != 404 }
        guard let list = try? JSONValue(parsing: Array(answer.body.readableBytesView)) else { return true }
        return list["resources"]?.array?.contains { $0["name"]?.string == resource.plural } ?? false
    }
}
