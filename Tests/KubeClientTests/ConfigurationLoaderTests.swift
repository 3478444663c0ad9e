import KubeTesting
import Testing

@testable import KubeClient

struct ConfigurationLoaderTests {
    private func kubeconfig(_ server: String) -> [UInt8] {
        Array(
            """
            current-context: c
            clusters: [{name: k, cluster: {server: '\(server)'}}]
            contexts: [{name: c, context: {cluster: k}}]
            """.utf8
        )
    }

    private func loader(_ environment: [String: String], account: String = "/nowhere") -> ConfigurationLoader {
        var loader = ConfigurationLoader(environment: { environment[$0] })
        loader.serviceAccountFolder = account
        return loader
    }

    @Test func orderOfSources() async throws {
        try await withFolder { folder in
            try TestFile.write(self.kubeconfig("https://explicit"), to: "\(folder)/explicit")
            try TestFile.write(self.kubeconfig("https://listed"), to: "\(folder)/listed")
            try TestFile.write(self.kubeconfig("https://home"), to: "\(folder)/.kube/config")
            try TestFile.write(Array("ca".utf8), to: "\(folder)/account/ca.crt")
            try TestFile.write(Array("token\n".utf8), to: "\(folder)/account/token")
            try TestFile.write(Array("pod-namespace\n".utf8), to: "\(folder)/account/namespace")
            let pod = ["KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"]
            let home = ["HOME": folder]
            let listed = ["KUBECONFIG": "\(folder)/listed"]
            func server(_ parts: [String: String]..., path: String? = nil, context: String? = nil) async throws
                -> String
            {
                let environment = parts.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
                return try await self.loader(environment, account: "\(folder)/account")
                    .load(kubeconfig: path, context: context).serverURL
            }
            #expect(try await server(pod, home, listed, path: "\(folder)/explicit") == "https://explicit")
            #expect(try await server(pod, home, listed) == "https://listed")
            #expect(try await server(pod, home, ["KUBECONFIG": ""]) == "https://10.96.0.1:443")
            #expect(try await server(home) == "https://home")
            // A context is asked for by name, which a pod has none of.
            #expect(try await server(pod, home, context: "c") == "https://home")

            let inside = try await self.loader(pod, account: "\(folder)/account").inCluster()
            #expect(inside.namespace == "pod-namespace")
            #expect(inside.certificateAuthorities == Array("ca".utf8))
            #expect(inside.authentication == .tokenFile("\(folder)/account/token"))
            let v6 = ["KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"]
            #expect(try await server(v6) == "https://[fd00::1]:443")
        }
    }

    @Test func saysWhereItLooked() async throws {
        func message(_ environment: [String: String], path: String? = nil) async -> String {
            let error = await clientFailure { try await self.loader(environment).load(kubeconfig: path, context: nil) }
            return error?.message ?? "no error"
        }
        #expect(await message([:]).contains("HOME is not set"))
        #expect(await message(["HOME": "/nowhere"]).contains("/nowhere/.kube/config does not exist"))
        let pod = ["HOME": "/nowhere", "KUBERNETES_SERVICE_HOST": "h", "KUBERNETES_SERVICE_PORT": "1"]
        #expect(await message(pod).contains("no service account token in /nowhere (automountServiceAccountToken?)"))
        #expect(await message(["KUBECONFIG": "/no/a"]).contains("/no/a that KUBECONFIG names does not exist"))
        #expect(await message(["KUBECONFIG": "/no/a:/no/b"]).contains("/no/a, /no/b"))
        #expect(await message([:], path: "/no/file").contains("/no/file: there is no such file"))
        #expect(await message([:], path: "/").contains("cannot read the kubeconfig from /"))

        let outside = await clientFailure { try await self.loader([:]).inCluster() }
        #expect(outside?.message.contains("this is not a pod") == true)
        let port = await clientFailure {
            try await self.loader(["KUBERNETES_SERVICE_HOST": "h", "KUBERNETES_SERVICE_PORT": "tcp://x"]).inCluster()
        }
        #expect(port?.message.contains("'tcp://x', which is not a port") == true)
    }
}
