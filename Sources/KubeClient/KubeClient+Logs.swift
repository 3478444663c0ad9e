import KubeModel
import NIOCore

extension KubeClient {
    /// The log of a container as the kubelet keeps it.
    ///
    /// - Parameters:
    ///   - previous: of the container before its last restart.
    ///   - tailLines: how many of its last lines.
    ///   - limit: so many bytes at most.
    package func log(
        namespace: String,
        pod: String,
        container: String,
        previous: Bool = false,
        tailLines: Int,
        limit: Int
    ) async throws -> [UInt8] {
        let pods = APIResource(group: "", version: "v1", plural: "pods", kind: "Pod")
        let request = APIRequest(
            path: try Self.path(pods, namespace: namespace, name: pod, subresource: "log"),
            query: [
                ("container", container), ("previous", previous ? "true" : "false"), ("timestamps", "true"),
                ("tailLines", String(tailLines)), ("limitBytes", String(limit)),
            ],
            accept: "*/*",
            verb: "get",
            resource: "pods/log",
            isIdempotent: true
        )
        return Array(try await self.transport.sendExpectingSuccess(request).body.readableBytesView)
    }
}
