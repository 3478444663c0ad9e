import JSONTree
import KubeModel
package import NIOCore
package import NIOHTTP1

extension KubeClient {
    /// Sends any request and returns whatever the server answers, also errors.
    ///
    /// - Parameters:
    ///   - path: below the server's URL, percent-encoded, such as `/readyz`.
    ///   - query: plain names and values; they are encoded here.
    /// - Throws: ``KubeClientError`` when there was no answer.
    package func request(
        _ method: HTTPMethod,
        path: String,
        query: [(String, String)] = [],
        body: [UInt8]? = nil,
        contentType: String? = nil,
        accept: String? = nil,
        timeout: Duration? = nil
    ) async throws -> (status: Int, body: ByteBuffer) {
        let response = try await self.transport.send(
            APIRequest(
                method: method,
                path: path.hasPrefix("/") ? path : "/\(path)",
                query: query,
                body: body,
                contentType: contentType,
                accept: accept ?? Accept.plain,
                timeout: timeout,
                verb: method.rawValue.lowercased(),
                isIdempotent: [.GET, .HEAD, .OPTIONS, .PUT, .DELETE].contains(method)
            )
        )
        return (response.status, response.body)
    }

    /// The server's version, from `/version`.
    package func version() async throws -> ServerVersion {
        let request = APIRequest(path: "/version", verb: "get", resource: "version", isIdempotent: true)
        let response = try await self.transport.sendExpectingSuccess(request)
        let json = try Self.object(in: response, to: request).json
        func number(_ key: String) -> Int {
            Int((json[string: key] ?? "").prefix { ("0"..."9").contains($0) }) ?? 0
        }
        return ServerVersion(
            gitVersion: json[string: "gitVersion"] ?? "",
            major: number("major"),
            minor: number("minor")
        )
    }
}

/// What `/version` says. Features are found by discovery, not by comparing versions; this is for logs and people.
package struct ServerVersion: Sendable, Hashable, CustomStringConvertible {
    /// Such as `v1.31.2+k3s1`.
    package var gitVersion: String
    package var major: Int
    /// Of `27+`, as some providers write it, the number.
    package var minor: Int

    package init(gitVersion: String, major: Int, minor: Int) {
        self.gitVersion = gitVersion
        self.major = major
        self.minor = minor
    }

    package var description: String { self.gitVersion }
}
