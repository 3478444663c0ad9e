package import KubeModel

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The real API server that tests run against, when there is one.
///
///     @Suite(.enabled(if: TestCluster.isAvailable, "\(TestCluster.skipReason)"))
///     struct ClusterTests {
///         let configuration = try await ClientConfiguration.load(kubeconfig: TestCluster.kubeconfig)
///
/// This module knows no client (the client's own tests use it), so what is needed of one comes as closures.
package enum TestCluster {
    /// The kubeconfig that `SWIFTLET_TEST_KUBECONFIG` names.
    package static var kubeconfig: String? {
        getenv("SWIFTLET_TEST_KUBECONFIG").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    package static var isAvailable: Bool { Self.kubeconfig != nil }
    package static let skipReason = "SWIFTLET_TEST_KUBECONFIG is not set: there is no API server to test against"

    package static let namespaces = APIResource(
        group: "",
        version: "v1",
        plural: "namespaces",
        kind: "Namespace",
        isNamespaced: false
    )

    /// A name that no other test run uses.
    package static func uniqueName(_ prefix: String) -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        let suffix = String((0..<8).compactMap { _ in alphabet.randomElement() })
        return "\(prefix)-\(suffix)"
    }

    /// Runs `body` with a namespace of its own, deleted afterwards whatever happens.
    ///
    /// - Parameters:
    ///   - create: creates the given Namespace object.
    ///   - delete: deletes the namespace of that name; need not wait for it to be gone.
    package static func withNamespace<Value>(
        _ prefix: String = "test",
        create: (KubeObject) async throws -> Void,
        delete: (String) async throws -> Void,
        _ body: (String) async throws -> Value
    ) async throws -> Value {
        let name = Self.uniqueName(prefix)
        var object = KubeObject(Self.namespaces.groupVersionKind, name: name)
        object.metadata.labels = ["swiftlet.test": "true"]
        try await create(object)
        do {
            let value = try await body(name)
            try await delete(name)
            return value
        } catch {
            // The first error says what went wrong.
            try? await delete(name)
            throw error
        }
    }

    /// Calls `condition` every 20 ms until it holds.
    ///
    /// - Returns: whether it held within the time.
    package static func eventually(
        within limit: Duration = .seconds(20),
        _ condition: () async throws -> Bool
    ) async throws -> Bool {
        let deadline = ContinuousClock.now + limit
        while try await !condition() {
            if ContinuousClock.now >= deadline { return false }
            try await Task.sleep(for: .milliseconds(20))
        }
        return true
    }
}
