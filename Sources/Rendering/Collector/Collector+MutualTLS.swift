import JSONTree
import TelemetryAPI

extension CollectorContext {
    /// What the collector's pods mount to show a target allocator who they are (specification section 3.14); nothing
    /// unless that allocator wants it.
    var mutualTLSVolumes: (volumes: [JSONValue], mounts: [JSONValue]) {
        guard let allocator = self.targetAllocator, let mutualTLS = allocator.mutualTLS, mutualTLS.isEnabled else {
            return ([], [])
        }
        // Named after the allocator, which has the certificate issued; the Go operator uses the collector's name, which
        // only works when the two are the same.
        let certificate = ObjectName.clientCertificate(allocator.name)
        guard !mutualTLS.usesCertManager else {
            return (
                [["name": .string(certificate), "secret": ["secretName": .string(certificate)]]],
                [["name": .string(certificate), "mountPath": "/tls"]]
            )
        }
        var volumes: [JSONValue] = []
        var mounts: [JSONValue] = []
        var names: [JSONObject: String] = [:]
        for file in mutualTLS.files(of: "clientCertificate") {
            let name: String
            if let known = names[file.source] {
                name = known
            } else {
                name = ObjectName.certificateVolume(certificate, names.count)
                names[file.source] = name
                volumes.append(.object(JSONObject([("name", .string(name))] + file.source.map { ($0.key, $0.value) })))
            }
            mounts.append([
                "name": .string(name), "mountPath": .string("/tls/\(file.name)"), "subPath": .string(file.key),
                "readOnly": true,
            ])
        }
        return (volumes, mounts)
    }
}

extension TargetAllocatorMutualTLS {
    /// One file of the user's own certificates: its name, the volume source it is in, and the key within.
    struct File {
        var name: String
        var source: JSONObject
        var key: String
    }

    /// CA, certificate and key, as far as they are given, in this order.
    func files(of certificate: String) -> [File] {
        var files: [File] = []
        let authority = self.tls[object: "certificateAuthorityCertificate"] ?? [:]
        if let secret = authority[object: "secret"] {
            files.append(Self.file("ca.crt", secret, "secret", "secretName"))
        } else if let configMap = authority[object: "configMap"] {
            files.append(Self.file("ca.crt", configMap, "configMap", "name"))
        }
        let pair = self.tls[object: certificate] ?? [:]
        if let secret = pair[object: "certificateSecret"] {
            files.append(Self.file("tls.crt", secret, "secret", "secretName"))
        }
        if let secret = pair[object: "keySecret"] { files.append(Self.file("tls.key", secret, "secret", "secretName")) }
        return files
    }

    private static func file(_ name: String, _ reference: JSONObject, _ kind: String, _ member: String) -> File {
        let key = reference[string: "key"] ?? ""
        return File(
            name: name,
            source: [kind: [member: .string(reference[string: "name"] ?? "")]],
            key: key.isEmpty ? name : key
        )
    }
}
