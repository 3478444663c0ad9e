import _NIOFileSystem

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

extension ClientConfiguration {
    /// Finds the configuration: `path`, else the files of `KUBECONFIG`, else the pod's own service account, else
    /// `~/.kube/config`.
    ///
    /// - Parameters:
    ///   - path: an explicit kubeconfig file.
    ///   - context: the context to take from it; `nil` is its current one.
    /// - Throws: ``KubeClientError`` with code `configuration`: which file, which field, how to mend it.
    package static func load(
        kubeconfig path: String? = nil,
        context: String? = nil
    ) async throws -> ClientConfiguration {
        try await ConfigurationLoader().load(kubeconfig: path, context: context)
    }

    /// The configuration of a pod: its service account's token, which is read anew as it rotates.
    package static func inCluster() async throws -> ClientConfiguration {
        try await ConfigurationLoader().inCluster()
    }
}

/// Where configurations are looked for; tests have their own environment and folders.
struct ConfigurationLoader {
    var environment: @Sendable (String) -> String? = { name in getenv(name).map { String(cString: $0) } }
    var serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

    func load(kubeconfig path: String?, context: String?) async throws -> ClientConfiguration {
        if let path, !path.isEmpty {
            return try await Kubeconfig(files: [path], missingIsError: true).configuration(context: context)
        }
        let listed = (self.environment("KUBECONFIG") ?? "").split(separator: ":").map(String.init)
        if !listed.isEmpty {
            return try await Kubeconfig(files: listed, missingIsError: false).configuration(context: context)
        }
        // An explicit context can only mean a kubeconfig.
        let isInPod = self.environment("KUBERNETES_SERVICE_HOST")?.isEmpty == false
        if context == nil, isInPod, await FileReading.exists("\(self.serviceAccountFolder)/token") {
            return try await self.inCluster()
        }
        if let home = self.environment("HOME"), !home.isEmpty {
            let usual = "\(home)/.kube/config"
            if await FileReading.exists(usual) {
                return try await Kubeconfig(files: [usual], missingIsError: true).configuration(context: context)
            }
            throw KubeClientError(
                .configuration,
                isInPod
                    ? """
                    no way to the API server: this pod has no service account token in \(self.serviceAccountFolder) \
                    (automountServiceAccountToken?), KUBECONFIG is not set and \(usual) does not exist
                    """
                    : """
                    no way to the API server: KUBECONFIG is not set, this is not a pod \
                    (KUBERNETES_SERVICE_HOST is not set) and \(usual) does not exist
                    """
            )
        }
        throw KubeClientError(
            .configuration,
            "no way to the API server: KUBECONFIG is not set, this is not a pod and HOME is not set"
        )
    }

    func inCluster() async throws -> ClientConfiguration {
        guard let host = self.environment("KUBERNETES_SERVICE_HOST"), !host.isEmpty,
            let port = self.environment("KUBERNETES_SERVICE_PORT"), !port.isEmpty
        else {
            throw KubeClientError(
                .configuration,
                "this is not a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set"
            )
        }
        guard let number = Int(port), (1...65_535).contains(number) else {
            throw KubeClientError(.configuration, "KUBERNETES_SERVICE_PORT is '\(port)', which is not a port")
        }
        let folder = self.serviceAccountFolder
        var configuration = ClientConfiguration(
            serverURL: host.contains(":") ? "https://[\(host)]:\(number)" : "https://\(host):\(number)"
        )
        configuration.certificateAuthorities = try await FileReading.bytes(
            of: "\(folder)/ca.crt",
            what: "the cluster's CA certificate"
        )
        // Read here for a clear error at the start; the client reads it again as it rotates.
        _ = try await FileReading.bytes(of: "\(folder)/token", what: "the service account's token")
        configuration.authentication = .tokenFile("\(folder)/token")
        if await FileReading.exists("\(folder)/namespace") {
            let bytes = try await FileReading.bytes(of: "\(folder)/namespace", what: "the pod's namespace")
            let name = String(decoding: bytes, as: UTF8.self).trimmingBlanks()
            if !name.isEmpty { configuration.namespace = name }
        }
        return configuration
    }
}

extension String {
    /// Without white space at both ends.
    func trimmingBlanks() -> String {
        let bytes = self.utf8
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        guard let first = bytes.firstIndex(where: { !isBlank($0) }), let last = bytes.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(self[first...last])
    }
}
