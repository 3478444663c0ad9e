import JSONTree
import KubeTesting
import Testing

@testable import KubeClient

struct KubeconfigTests {
    private static let whole = """
        apiVersion: v1
        kind: Config
        current-context: dev
        preferences: {}
        clusters:
        - name: one
          cluster:
            server: https://one.example:6443/
            certificate-authority-data: Q0E=
            tls-server-name: kubernetes
            proxy-url: http://proxy:3128
        - name: two
          cluster:
            server: https://two.example
            insecure-skip-tls-verify: true
        users:
        - name: tokened
          user: {token: secret}
        - name: certified
          user: {client-certificate-data: Q0VSVA==, client-key-data: S0VZ}
        - name: basic
          user: {username: me, password: pass}
        - name: acting
          user:
            token: t
            as: other
            as-uid: "7"
            as-groups: [a, b]
            as-user-extra: {k: [v]}
        contexts:
        - name: dev
          context: {cluster: one, user: tokened, namespace: team}
        - name: prod
          context: {cluster: two, user: certified}
        - name: login
          context: {cluster: two, user: basic}
        - name: acting
          context: {cluster: two, user: acting}
        - name: nobody
          context: {cluster: two}
        """

    private func read(_ text: String, context: String? = nil, file: String = "/etc/k/config") async throws
        -> ClientConfiguration
    {
        try await Kubeconfig(texts: [(file, text)]).configuration(context: context)
    }

    @Test func currentContext() async throws {
        let configuration = try await self.read(Self.whole)
        #expect(configuration.serverURL == "https://one.example:6443")
        #expect(configuration.namespace == "team")
        #expect(configuration.certificateAuthorities == Array("CA".utf8))
        #expect(configuration.tlsServerName == "kubernetes")
        #expect(configuration.proxyURL == "http://proxy:3128")
        #expect(configuration.authentication == .token("secret"))
        #expect(!configuration.skipsServerVerification)
    }

    @Test func otherContexts() async throws {
        let prod = try await self.read(Self.whole, context: "prod")
        #expect(prod.serverURL == "https://two.example" && prod.namespace == "default")
        #expect(prod.skipsServerVerification && prod.certificateAuthorities == nil)
        #expect(prod.authentication == .none)
        #expect(prod.clientCertificate == .init(certificate: .data(Array("CERT".utf8)), key: .data(Array("KEY".utf8))))
        let login = try await self.read(Self.whole, context: "login")
        #expect(login.authentication == .basic(username: "me", password: "pass"))
        let acting = try await self.read(Self.whole, context: "acting")
        #expect(acting.impersonation == .init(user: "other", uid: "7", groups: ["a", "b"], extra: ["k": ["v"]]))
        #expect(try await self.read(Self.whole, context: "nobody").authentication == .none)
    }

    @Test func jsonIsFineToo() async throws {
        let text = """
            {"kind":"Config","current-context":"c","clusters":[{"name":"k","cluster":{"server":"http://h:1"}}],
             "contexts":[{"name":"c","context":{"cluster":"k","user":"u"}}],"users":[{"name":"u","user":{"token":"t"}}]}
            """
        #expect(try await self.read(text).authentication == .token("t"))
    }

    @Test func neverShowsSecrets() async throws {
        var configuration = try await self.read(Self.whole)
        configuration.clientCertificate = .init(certificate: .data([1]), key: .data(Array("hush".utf8)))
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), dumped] {
            #expect(!text.contains("secret") && !text.contains("104") && text.contains("one.example"), "\(text)")
        }
    }

    // MARK: Plugins

    @Test func execPlugin() async throws {
        let text = """
            current-context: c
            clusters:
            - name: k
              cluster:
                server: https://h
                extensions:
                - name: other
                  extension: {x: 1}
                - name: client.authentication.k8s.io/exec
                  extension: {audience: me}
            contexts: [{name: c, context: {cluster: k, user: u}}]
            users:
            - name: u
              user:
                exec:
                  apiVersion: client.authentication.k8s.io/v1
                  command: ./bin/login
                  args: [get-token, --cluster, x]
                  env: [{name: A, value: b}]
                  installHint: get it from there
                  provideClusterInfo: true
                  interactiveMode: IfAvailable
            """
        guard case .exec(let plugin) = try await self.read(text).authentication else {
            Issue.record("not a plugin")
            return
        }
        #expect(plugin.command == "/etc/k/./bin/login")
        #expect(plugin.arguments == ["get-token", "--cluster", "x"])
        #expect(plugin.environment == [.init(name: "A", value: "b")])
        #expect(plugin.installHint == "get it from there")
        #expect(plugin.providesClusterInfo)
        #expect(plugin.clusterConfiguration == ["audience": "me"])
        // A bare name is looked for in PATH.
        let bare = text.replacing("./bin/login", with: "login")
        guard case .exec(let other) = try await self.read(bare).authentication else { return }
        #expect(other.command == "login")
    }

    // MARK: Several files

    @Test func theFirstFileWins() async throws {
        let first = """
            clusters: [{name: shared, cluster: {server: https://first}}]
            contexts: [{name: a, context: {cluster: shared, user: u}}]
            """
        let second = """
            current-context: a
            clusters: [{name: shared, cluster: {server: https://second, tls-server-name: x}}]
            users: [{name: u, user: {token: t}}]
            contexts: [{name: a, context: {cluster: shared, user: u, namespace: n}}]
            """
        let third = "current-context: never"
        let merged = try Kubeconfig(texts: [("/a/1", first), ("/b/2", second), ("/c/3", third)])
        let configuration = try await merged.configuration(context: nil)
        #expect(configuration.serverURL == "https://first")
        // Entries are taken whole: nothing of the second file's entry of that name.
        #expect(configuration.tlsServerName == nil && configuration.namespace == "default")
        #expect(configuration.authentication == .token("t"))
    }

    @Test func pathsAreRelativeToTheirFile() async throws {
        try await withFolder { folder in
            try TestFile.write(Array("ca".utf8), to: "\(folder)/a/pki/ca.crt")
            try TestFile.write(Array("token".utf8), to: "\(folder)/b/token")
            try TestFile.write(
                Array("clusters: [{name: k, cluster: {server: https://h, certificate-authority: pki/ca.crt}}]".utf8),
                to: "\(folder)/a/config"
            )
            try TestFile.write(
                Array(
                    """
                    current-context: c
                    contexts: [{name: c, context: {cluster: k, user: u}}]
                    users: [{name: u, user: {tokenFile: token}}]
                    """.utf8
                ),
                to: "\(folder)/b/config"
            )
            let loader = ConfigurationLoader(environment: { name in
                name == "KUBECONFIG" ? "\(folder)/a/config::\(folder)/missing:\(folder)/b/config" : nil
            })
            let configuration = try await loader.load(kubeconfig: nil, context: nil)
            #expect(configuration.certificateAuthorities == Array("ca".utf8))
            #expect(configuration.authentication == .tokenFile("\(folder)/b/token"))
        }
    }

    // MARK: Errors

    /// A change to a good file, and what the message must say.
    @Test(arguments: [
        (
            "server: https://one.example:6443/", "server: one.example",
            "clusters[0].cluster.server (one) is 'one.example'"
        ),
        ("server: https://one.example:6443/", "x: y", "clusters[0].cluster.server (one) is missing"),
        (
            "current-context: dev", "current-context: nope",
            "no context 'nope'; it has: acting, dev, login, nobody, prod"
        ),
        ("current-context: dev", "", "no current-context; choose one of: acting, dev, login, nobody, prod"),
        ("cluster: one, user", "cluster: zero, user", "is 'zero', which is not among the clusters (one, two)"),
        (
            "user: tokened", "user: ghost",
            "is 'ghost', which is not among the users (acting, basic, certified, tokened)"
        ),
        ("certificate-authority-data: Q0E=", "certificate-authority-data: /a/ca.crt", "is not base64"),
        ("certificate-authority-data: Q0E=", "certificate-authority: /no/ca.crt", "/no/ca.crt: there is no such file"),
        (
            "{token: secret}", "{token: 12345}",
            "users[0].user.token must be a string, not number (does it need quotes?)"
        ),
        ("{token: secret}", "{token: t, username: u}", "is set together with a token"),
        ("{token: secret}", "{tokenFile: /no/token}", "/no/token: there is no such file"),
        ("{token: secret}", "{client-key-data: S0VZ}", "client-certificate (tokened) is missing"),
        ("{token: secret}", "{client-certificate-data: S0VZ}", "client-key (tokened) is missing"),
        ("{token: secret}", "{auth-provider: {name: gcp}}", "was removed from Kubernetes 1.26"),
        ("{token: secret}", "{exec: {command: x}}", "exec.apiVersion (tokened) is missing"),
        (
            "{token: secret}", "{exec: {command: x, apiVersion: client.authentication.k8s.io/v1alpha1}}",
            "client.authentication.k8s.io/v1 and client.authentication.k8s.io/v1beta1 are supported"
        ),
        (
            "{token: secret}", "{exec: {apiVersion: client.authentication.k8s.io/v1}}",
            "exec.command (tokened) is missing"
        ),
        (
            "{token: secret}",
            "{exec: {command: x, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always}}",
            "there is no terminal here"
        ),
        ("{token: secret}", "[]", "users[0].user must be an object, not array"),
        ("{token: secret}", "{token: t, as-uid: u}", "as-uid (tokened) is set without 'as'"),
        ("- name: two\n", "- name: one\n", "clusters[1] has the name 'one' a second time"),
        ("proxy-url: http://proxy:3128", "proxy-url: socks5://proxy:3128", "must be http://host:port"),
        ("tls-server-name: kubernetes", "insecure-skip-tls-verify: true", "remove one of the two"),
        ("tls-server-name: kubernetes", "insecure-skip-tls-verify: 1", "must be true or false, not number"),
        ("kind: Config", "kind: Pod", "kind is 'Pod', a kubeconfig has kind Config"),
        ("users:\n", "users: 3\nold:\n", "users must be a list, not number"),
        ("apiVersion: v1", "a: [", "/etc/k/config is not readable: invalid YAML"),
    ])
    func saysWhatIsWrong(old: String, new: String, message: String) async throws {
        let text = Self.whole.replacing(old, with: new, maxReplacements: 1)
        try #require(text != Self.whole)
        let error = await clientFailure { try await self.read(text) }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains(message) == true, "\(error.map { "\($0)" } ?? "no error")")
        #expect(error?.message.contains("/etc/k/config") == true || message.contains("/no/"), "\(error?.message ?? "")")
        #expect(error?.message.contains("secret") == false)
    }

    @Test func nothingInIt() async throws {
        let error = await clientFailure { try await self.read("") }
        #expect(error?.message == "the kubeconfig /etc/k/config has no contexts")
    }
}
