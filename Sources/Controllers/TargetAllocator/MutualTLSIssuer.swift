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

    /// - Returns: in what time to look again.
    /// - Throws: `APIError`; `ReconcileError` where a Secret of that name is somebody else's.
    func keep(for resource: TargetAllocatorResource) async throws -> Duration {
        let names = MutualTLSSecrets.names(of: resource.name)
        let live = (
            authority: try await self.read(names.authority, of: resource),
            server: try await self.read(names.server, of: resource),
            client: try await self.read(names.client, of: resource)
        )
        let now = Date()
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
        // The authority first: what the others hold can be made again from it.
        try await self.write(names.authority, bundle.secrets.authority, over: live.authority, of: resource)
        try await self.write(names.server, bundle.secrets.server, over: live.server, of: resource)
        try await self.write(names.client, bundle.secrets.client, over: live.client, of: resource)
        if !bundle.actions.isEmpty {
            Logger.current.info(
                "certificates of a target allocator renewed",
                metadata: ["actions": "\(bundle.actions.joined(separator: "; "))"]
            )
        }
        // The Secrets are not watched, which would take the right to list all: one that was deleted is missed until then.
        return .seconds(max(1, min(300, bundle.nextCheck.timeIntervalSince(now))))
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

    private func write(
        _ name: String,
        _ data: JSONObject,
        over live: KubeObject?,
        of resource: TargetAllocatorResource
    ) async throws {
        if let live, live.json[object: "data"] == data { return }
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
    }
}
