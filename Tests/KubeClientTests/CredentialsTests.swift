import JSONTree
import KubeModel
import KubeTesting
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

@testable import KubeClient

struct CredentialsTests {
    private static let object = ScriptedAnswer.json(#"{"metadata":{"name":"a"}}"#)

    private func get(_ client: KubeClient) async throws {
        _ = try await client.get(Resources.configMaps, namespace: "n", name: "a")
    }

    /// Accepts the token that is in force now.
    private final class Door: Sendable {
        private let token: Mutex<String>
        init(_ token: String) { self.token = Mutex(token) }
        func change(to token: String) { self.token.withLock { $0 = token } }
        func answer(_ request: RecordedRequest) -> ScriptedAnswer {
            let given = request.headers.first(name: "Authorization")
            return given == "Bearer \(self.token.withLock { $0 })"
                ? CredentialsTests.object : .failure(401, reason: "Unauthorized")
        }
    }

    private func tokens(_ server: ScriptedServer) -> [String] {
        server.requests.map { $0.headers.first(name: "Authorization") ?? "none" }
    }

    // MARK: Token file

    @Test func aTokenFileIsReadAgainEachMinute() async throws {
        let clock = ManualClock()
        try await withFolder { folder in
            try TestFile.write(Array("one\n".utf8), to: "\(folder)/token")
            try await ScriptedServer.run([Self.object]) { server in
                try await withClient(
                    server.url,
                    time: TimeSource(clock),
                    configure: { $0.authentication = .tokenFile("\(folder)/token") }
                ) { client in
                    try await self.get(client)
                    try TestFile.write(Array(" two ".utf8), to: "\(folder)/token")
                    clock.advance(by: .seconds(59))
                    try await self.get(client)
                    clock.advance(by: .seconds(1))
                    try await self.get(client)
                    // While it is being replaced, what is known goes on being used.
                    TestFile.remove("\(folder)/token")
                    clock.advance(by: .seconds(60))
                    try await self.get(client)
                }
                #expect(self.tokens(server) == ["Bearer one", "Bearer one", "Bearer two", "Bearer two"])
            }
        }
    }

    @Test func aRefusedTokenIsReadAgainAtOnce() async throws {
        let door = Door("one")
        try await withFolder { folder in
            try TestFile.write(Array("one".utf8), to: "\(folder)/token")
            try await ScriptedServer.run(script: { request, _ in door.answer(request) }) { server in
                try await withClient(server.url, configure: { $0.authentication = .tokenFile("\(folder)/token") }) {
                    client in
                    try await self.get(client)
                    door.change(to: "two")
                    try TestFile.write(Array("two".utf8), to: "\(folder)/token")
                    try await self.get(client)
                    // The file still says the same: another try is no use.
                    door.change(to: "three")
                    #expect(await apiFailure { try await self.get(client) }?.isUnauthorized == true)
                }
                #expect(self.tokens(server) == ["Bearer one", "Bearer one", "Bearer two", "Bearer two"])
            }
        }
    }

    @Test func tokenFilesThatAreNone() async throws {
        try await withFolder { folder in
            try TestFile.write(Array(" \n".utf8), to: "\(folder)/empty")
            try await ScriptedServer.run([Self.object]) { server in
                for (name, message) in [("missing", "there is no such file"), ("empty", "is empty")] {
                    try await withClient(server.url, configure: { $0.authentication = .tokenFile("\(folder)/\(name)") })
                    {
                        client in
                        let error = await clientFailure { try await self.get(client) }
                        #expect(error?.code == .credentials)
                        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
                    }
                }
                #expect(server.requests.isEmpty)
            }
        }
    }

    @Test func aFixedTokenThatIsRefusedIsNotRetried() async throws {
        try await ScriptedServer.run([.failure(401, reason: "Unauthorized")]) { server in
            try await withClient(server.url, configure: { $0.authentication = .token("t") }) { client in
                #expect(await apiFailure { try await self.get(client) }?.isUnauthorized == true)
            }
            #expect(server.requests.count == 1)
        }
    }

    // MARK: Plugin

    private func plugin(
        _ script: String,
        in folder: String,
        apiVersion: String = "client.authentication.k8s.io/v1",
        arguments: [String] = [],
        environment: [ClientConfiguration.ExecPlugin.EnvironmentVariable] = []
    ) throws -> ClientConfiguration.ExecPlugin {
        try TestFile.write(Array("#!/bin/sh\n\(script)\n".utf8), to: "\(folder)/plugin", mode: 0o755)
        return .init(
            apiVersion: apiVersion,
            command: "\(folder)/plugin",
            arguments: arguments,
            environment: environment
        )
    }

    /// A script that prints a token with the number of its run, and an expiry.
    private func counting(_ folder: String, expires: String = "") -> String {
        """
        n=$(($(cat \(folder)/runs 2>/dev/null || echo 0) + 1)); echo $n > \(folder)/runs
        echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t'$n'"\(expires)}}'
        """
    }

    @Test func aPluginRunsOnceForAllAndAgainWhenRefused() async throws {
        let door = Door("t1")
        try await withFolder { folder in
            let plugin = try self.plugin(self.counting(folder), in: folder)
            try await ScriptedServer.run(script: { request, _ in door.answer(request) }) { server in
                try await withClient(server.url, configure: { $0.authentication = .exec(plugin) }) { client in
                    try await withThrowingTaskGroup { group in
                        for _ in 0..<10 { group.addTask { try await self.get(client) } }
                        try await group.waitForAll()
                    }
                    #expect(Set(self.tokens(server)) == ["Bearer t1"])
                    door.change(to: "t2")
                    try await self.get(client)
                    #expect(self.tokens(server).suffix(2) == ["Bearer t1", "Bearer t2"])
                    // Refused again with what the plugin has just given.
                    door.change(to: "never")
                    #expect(await apiFailure { try await self.get(client) }?.isUnauthorized == true)
                    #expect(self.tokens(server).suffix(2) == ["Bearer t2", "Bearer t3"])
                }
            }
            #expect(try TestFile.read("\(folder)/runs") == Array("3\n".utf8))
        }
    }

    @Test func aPluginRunsAgainBeforeItsCredentialExpires() async throws {
        let expires = #","expirationTimestamp":"2024-05-01T00:10:00Z""#
        let now = Mutex(try #require(Timestamp("2024-05-01T00:00:00Z")))
        try await withFolder { folder in
            var configuration = ClientConfiguration(serverURL: "http://h")
            configuration.authentication = .exec(try self.plugin(self.counting(folder, expires: expires), in: folder))
            let credentials = try Credentials(
                configuration: configuration,
                settings: TLSSettings(configuration),
                logger: LogLines().logger,
                time: .continuous,
                now: { now.withLock { $0 } }
            )
            #expect(try await credentials.current().authorization == "Bearer t1")
            now.withLock { $0 = $0 + .seconds(580) }
            #expect(try await credentials.current().authorization == "Bearer t1")
            now.withLock { $0 = $0 + .seconds(10) }
            #expect(try await credentials.current().authorization == "Bearer t2")
        }
    }

    @Test func whatAPluginIsTold() async throws {
        try await withFolder { folder in
            let script = """
                printf '%s' "$KUBERNETES_EXEC_INFO" > \(folder)/info
                printf '%s' "$1/$2/$EXTRA/$HOME" > \(folder)/rest
                cat > /dev/null
                echo '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"t"}}'
                """
            var plugin = try self.plugin(
                script,
                in: folder,
                apiVersion: "client.authentication.k8s.io/v1beta1",
                arguments: ["a b", "$c"],
                environment: [.init(name: "EXTRA", value: "x y"), .init(name: "HOME", value: "/mine")]
            )
            plugin.providesClusterInfo = true
            plugin.clusterConfiguration = ["audience": "me"]
            var configuration = ClientConfiguration(serverURL: "https://h:1")
            configuration.certificateAuthorities = Array("CA".utf8)
            configuration.tlsServerName = "name"
            let credential = try await ExecCredentials(plugin, configuration: configuration).run()
            #expect(credential == .init(token: "t"))
            #expect(
                String(decoding: try TestFile.read("\(folder)/info"), as: UTF8.self)
                    == """
                    {"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","spec":{"cluster":\
                    {"server":"https://h:1","tls-server-name":"name","certificate-authority-data":"Q0E=",\
                    "config":{"audience":"me"}},"interactive":false}}
                    """
            )
            #expect(String(decoding: try TestFile.read("\(folder)/rest"), as: UTF8.self) == "a b/$c/x y//mine")
        }
    }

    private static let head = #"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential""#

    @Test(arguments: [
        ("echo 'login expired' >&2; exit 3", "ended with code 3: login expired"),
        ("kill -9 $$", "was ended by signal 9"),
        ("echo SECRET", "did not print a JSON object"),
        ("echo '[\"SECRET\"]'", "did not print a JSON object"),
        ("echo '{\"kind\":\"Pod\"}'", "did not print an ExecCredential but kind 'Pod'"),
        (
            #"echo '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{}}'"#,
            "printed apiVersion 'client.authentication.k8s.io/v1beta1' where the kubeconfig says"
        ),
        ("echo '\(head)}'", "printed no status"),
        (#"echo '\#(head),"status":{}}'"#, "printed neither a token nor a client certificate"),
        (#"echo '\#(head),"status":{"clientKeyData":"SECRET"}}'"#, "printed only one of"),
        (
            #"echo '\#(head),"status":{"token":"SECRET","expirationTimestamp":"soon"}}'"#,
            "printed the expirationTimestamp 'soon', which is not RFC 3339"
        ),
        ("head -c 3000000 /dev/zero", "could not be run"),
    ])
    func pluginsThatFail(script: String, message: String) async throws {
        try await withFolder { folder in
            let plugin = try self.plugin(script, in: folder)
            let exec = ExecCredentials(plugin, configuration: ClientConfiguration(serverURL: "http://h"))
            let error = await clientFailure { try await exec.run() }
            #expect(error?.code == .credentials)
            #expect(
                error?.message.contains("the credential plugin '\(folder)/plugin' \(message)") == true,
                "\(error?.message ?? "")"
            )
            #expect(error?.message.contains("SECRET") == false)
        }
    }

    @Test func aPluginThatIsNotThere() async throws {
        for command in ["no-such-plugin-anywhere", "/no/such/plugin"] {
            var plugin = ClientConfiguration.ExecPlugin(
                apiVersion: "client.authentication.k8s.io/v1",
                command: command
            )
            plugin.installHint = "Install it from x."
            let exec = ExecCredentials(plugin, configuration: ClientConfiguration(serverURL: "http://h"))
            let error = await clientFailure { try await exec.run() }
            #expect(error?.message.contains("was not found") == true, "\(error?.message ?? "")")
            #expect(error?.message.contains("Install it from x.") == true)
        }
    }

    @Test(.timeLimit(.minutes(1))) func aPluginThatHangs() async throws {
        try await withFolder { folder in
            let plugin = try self.plugin("exec sleep 30", in: folder)
            var exec = ExecCredentials(plugin, configuration: ClientConfiguration(serverURL: "http://h"))
            exec.timeout = .milliseconds(300)
            let start = ContinuousClock.now
            let error = await clientFailure { try await exec.run() }
            #expect(error?.message.contains("did not end within 0.3 seconds") == true, "\(error?.message ?? "")")
            #expect(ContinuousClock.now - start < .seconds(10))
        }
    }

    // MARK: Single flight

    @Test func oneFlightForAll() async throws {
        let flight = SingleFlight<Int>()
        let gate = Gate()
        let runs = Mutex(0)
        let operation: @Sendable () async throws -> Int = {
            runs.withLock { $0 += 1 }
            await gate.wait()
            return runs.withLock { $0 }
        }
        let tasks = (0..<5).map { _ in Task { try await flight.run(operation) } }
        let begun = try await TestCluster.eventually { runs.withLock { $0 } == 1 }
        #expect(begun)
        // One who leaves does not disturb the others.
        tasks[0].cancel()
        #expect(await failure { try await tasks[0].value } is CancellationError)
        gate.open()
        for task in tasks.dropFirst() { #expect(try await task.value == 1) }
        #expect(try await flight.run(operation) == 2)
    }

    @Test func aFlightNobodyWaitsForIsCancelled() async throws {
        let flight = SingleFlight<Int>()
        let (started, cancelled) = (Gate(), Gate())
        let task = Task {
            try await flight.run {
                started.open()
                do { try await Task.sleep(for: .seconds(60)) } catch {
                    cancelled.open()
                    throw error
                }
                return 0
            }
        }
        await started.wait()
        task.cancel()
        #expect(await failure { try await task.value } is CancellationError)
        await cancelled.wait()
        #expect(try await flight.run { 7 } == 7)
    }

    @Test func aFailedFlightFailsForAll() async throws {
        let flight = SingleFlight<Int>()
        let error = await clientFailure { try await flight.run { throw KubeClientError(.credentials, "no") } }
        #expect(error?.code == .credentials)
    }
}
