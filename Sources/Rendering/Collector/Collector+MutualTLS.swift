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
        return mutualTLS.volumes(of: "clientCertificate", named: ObjectName.clientCertificate(allocator.name))
    }
}

extension TargetAllocatorMutualTLS {
    /// What the pods of one side mount below `/tls`.
    ///
    /// - Parameters:
    ///   - certificate: `serverCertificate` or `clientCertificate`.
    ///   - name: of the Secret with the issued certificate, and of the volumes.
    func volumes(of certificate: String, named name: String) -> (volumes: [JSONValue], mounts: [JSONValue]) {
        guard !self.usesCertManager else {
            return (
                [["name": .string(name), "secret": ["secretName": .string(name)]]],
                [["name": .string(name), "mountPath": "/tls"]]
            )
        }
        var volumes: [JSONValue] = []
        var mounts: [JSONValue] = []
        var names: [JSONObject: String] = [:]
        for file in self.files(of: certificate) {
            let volume: String
            if let known = names[file.source] {
                volume = known
            } else {
                volume = ObjectName.certificateVolume(name, names.count)
                names[file.source] = volume
                volumes.append(
                    .object(JSONObject([("name", .string(volume))] + file.source.map { ($0.key, $0.value) }))
                )
            }
            mounts.append([
                "name": .string(volume), "mountPath": .string("/tls/\(file.name)"), "subPath": .string(file.key),
                "readOnly": true,
            ])
        }
        return (volumes, mounts)
    }

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
