import AdmissionServer
import FoundationEssentials
import JSONTree
import KubeClient
import KubeModel
import KubeRuntime
import Logging
import Rendering
import TelemetryAPI

/// Keeps the three Secrets of an allocator's mutual TLS where there is no cert-manager: those that its objects would have led
/// to, mounted alike.
struct MutualTLSIssuer: Sendable {
    let client: KubeClient
    let settings: OperatorSettings

    /// What became of the Secrets.
    struct Outcome: Sendable, Hashable {
        /// In what time to look again.
        var next: Duration
        /// What was issued or renewed, as it was due.
        var issued: [String] = []
        /// What had to be made anew or put back since somebody else had changed it.
        var repaired: [String] = []
    }

    /// - Throws: `APIError`; `ReconcileError` where a Secret of that name is somebody else's.
    func keep(for resource: TargetAllocatorResource, now: Date = Date()) async throws -> Outcome {
        let names = MutualTLSSecrets.names(of: resource.name)
        let live = (
            authority: try await self.read(names.authority, of: resource),
            server: try await self.read(names.server, of: resource),
            client: try await self.read(names.client, of: resource)
        )
        let stored = MutualTLSBundle.Secrets(
            authority: live.authority?.json[object: "data"] ?? [:],
            server: live.server?.json[object: "data"] ?? [:],
            client: live.client?.json[object: "data"] ?? [:]
        )
        let bundle = try MutualTLSBundle(
            stored: stored,
            names: ServerNames(MutualTLSSecrets.serverNames(allocator: resource.name, namespace: resource.namespace)),
            now: now
        )
        // The Secrets are not watched, which would take the right to list all: one that was deleted is missed until then.
        var outcome = Outcome(next: .seconds(max(1, min(300, bundle.nextCheck.timeIntervalSince(now)))))
        // The authority first: what the others hold can be made again from it.
        for (name, data, live) in [
            (names.authority, bundle.secrets.authority, live.authority),
            (names.server, bundle.secrets.server, live.server), (names.client, bundle.secrets.client, live.client),
        ] {
            guard try await self.write(name, data, over: live, of: resource), bundle.actions.isEmpty else { continue }
            outcome.repaired.append(live == nil ? "the Secret \(name) was gone" : "the Secret \(name) was changed")
        }
        if case .corrupt(let error) = StoredBundle(secretData: stored.authority) {
            outcome.repaired.append("the Secret \(names.authority) can't be used: \(error.message)")
        } else {
            outcome.issued = bundle.actions
        }
        if !bundle.actions.isEmpty {
            Logger.current.info(
                "certificates of a target allocator renewed",
                metadata: ["actions": "\(bundle.actions.joined(separator: "; "))"]
            )
        }
        return outcome
    }

    private func read(_ name: String, of resource: TargetAllocatorResource) async throws -> KubeObject? {
        let live: KubeObject
        do {
            live = try await self.client.get(ResourceCatalog.secrets, namespace: resource.namespace, name: name)
        } catch let error as APIError where error.isNotFound {
            return nil
        }
        guard live.metadata.controller?.uid == resource.metadata.uid else {
            throw ReconcileError.terminal(
                "the Secret \(name) is not the operator's, so no certificate can be put there: delete or rename it, or set spec.mtls.useCertManager to false and name the Secrets to use in spec.mtls.tls"
            )
        }
        return live
    }

    /// - Returns: whether there was something to write.
    private func write(
        _ name: String,
        _ data: JSONObject,
        over live: KubeObject?,
        of resource: TargetAllocatorResource
    ) async throws -> Bool {
        if let live, live.json[object: "data"] == data { return false }
        var object = MutualTLSSecrets.secret(name, of: resource, self.settings)
        object.json["type"] = .string(CertificateBundle.secretType)
        object.json["data"] = .object(data)
        if let live {
            // Whoever was quicker is heard first: a conflict has the reconcile tried again.
            try await self.client.patch(
                ResourceCatalog.secrets,
                namespace: resource.namespace,
                name: name,
                .merge([
                    "metadata": ["resourceVersion": .string(live.metadata.resourceVersion ?? "")],
                    "data": .object(JSONMergePatch.diff(from: live.json[object: "data"] ?? [:], to: data)),
                ])
            )
        } else {
            try await self.client.create(object, ResourceCatalog.secrets)
        }
        APIWrites.count(ResourceCatalog.secrets.kind, .certificates)
        return true
    }
}
