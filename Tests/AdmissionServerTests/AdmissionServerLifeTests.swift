import FoundationEssentials
import NIOCore
import NIOSSL
import ServiceLifecycle
import ServiceLifecycleTestKit
import Testing

@testable import AdmissionServer

/// Certificates that change and servers that end, while clients are connected.
@Suite(.serialized) struct AdmissionServerLifeTests {
    private func der(_ certificate: IssuedCertificate) throws -> [UInt8] {
        try #require(try NIOSSLCertificate.fromPEMBytes(Array(certificate.pem.utf8)).first).toDERBytes()
    }

    @Test func reloadKeepsConnections() async throws {
        try await TestServer.with { test in
            let second = try TestCertificates.second.get()
            let old = try await test.connect()
            try await old.send(post("/echo", "{\"n\":1}END"))
            _ = await old.receive(count: 1, of: "END")
            #expect(try await old.peerCertificate() == self.der(test.bundle.serving))

            try test.server.reload(second.identity)
            try await old.send(post("/echo", "{\"n\":2}END"))
            #expect(await old.receive(count: 2, of: "END").hasSuffix("{\"n\":2}END"))
            #expect(!old.isClosed)

            let new = try await test.connect(trust: second.trustPEM)
            try await new.send(post("/echo", "{}END"))
            _ = await new.receive(count: 1, of: "END")
            #expect(try await new.peerCertificate() == self.der(second.serving))

            // Who trusts only the old authority is not served by the new certificate.
            let stale = try await test.connect()
            try? await stale.send(post("/echo", "{}END"))
            #expect(await stale.receive() == "")

            // What cannot be used changes nothing.
            var broken = second.identity
            broken.keyPEM = test.bundle.servingKeyPEM
            #expect(throws: CertificateError.self) { try test.server.reload(broken) }
            let again = try await test.connect(trust: second.trustPEM)
            try await again.send(post("/echo", "{}END"))
            #expect(await again.receive(count: 1, of: "END").contains("200 OK"))
            for client in [old, new, again] { await client.close() }
        }
    }

    @Test func hostnamesAreVerified() async throws {
        try await TestServer.with { test in
            // Without an address among its names: NIOSSL takes a certificate that names the address it connected to.
            let names = ServerNames(["webhook.ns.svc"])
            let serving = try test.bundle.authority.issueServing(for: names, now: Date())
            try test.server.reload(
                ServingIdentity(certificateChainPEM: serving.certificate.pem, keyPEM: serving.keyPEM)
            )
            for (name, isGood) in [("webhook.ns.svc", true), ("webhook.other.svc", false)] {
                let client = try await test.connect(name: name)
                try? await client.send(post("/echo", "{}END"))
                #expect(
                    await client.receive(count: 1, of: "END").contains("200 OK") == isGood,
                    "\(name): \(client.received)"
                )
                await client.close()
            }
        }
    }

    /// A whole change of authority: clients connect anew all the time, and neither those that know the latest trust
    /// bundle nor those that are a step behind ever see a failure.
    @Test func rotationUnderLoad() async throws {
        // The plan's clock runs ahead of the real one, so certificates are valid from long before they are made.
        let policy = RotationPolicy(
            authorityLifetime: 4_000,
            authorityRenewBefore: 2_000,
            servingLifetime: 1_600,
            servingRenewBefore: 800,
            spread: 300,
            backdate: 7_000
        )
        var now = Date()
        func plan(_ stored: StoredBundle) -> RotationPlan {
            RotationPlan(stored: stored, names: TestCertificates.names, now: now, policy: policy)
        }
        var bundle = try plan(.absent).carryOut()
        var actions: [RotationPlan.Action] = []
        try await TestServer.with { test in
            func ask(trust: String) async throws {
                let client = try await test.connect(trust: trust)
                try await client.send(post("/echo", "{}END"))
                #expect(await client.receive(count: 1, of: "END").contains("200 OK"), "\(actions)")
                await client.close()
            }
            try test.server.reload(bundle.identity)
            while actions.last != .dropPreviousAuthorities, actions.count < 20 {
                let step = plan(.intact(bundle))
                now = max(now, step.nextCheck)
                guard step.action != .keep else { continue }
                actions.append(step.action)
                let next = try step.carryOut()
                // First the trust bundle is published, then the certificate changes.
                try await ask(trust: bundle.trustPEM)
                try await ask(trust: next.trustPEM)
                try test.server.reload(next.identity)
                try await ask(trust: bundle.trustPEM)
                try await ask(trust: next.trustPEM)
                bundle = next
            }
        }
        let replaced = RotationPlan.Action.reissueServing(reason: "it ends within the renewal time")
        let introduced = RotationPlan.Action.introduceAuthority(reason: "the authority ends within the renewal time")
        #expect(Array(actions.prefix(4)) == [replaced, replaced, introduced, .promoteAuthority], "\(actions)")
        #expect(actions.last == .dropPreviousAuthorities)
    }

    @Test func gracefulShutdownFinishesRequests() async throws {
        let (released, release) = AsyncStream<Void>.makeStream()
        let handlers: [String: AdmissionServer.Handler] = [
            "/held": { body in
                for await _ in released {}
                return ServerResponse(body: .buffer(body))
            },
            "/echo": { body in ServerResponse(body: .buffer(body)) },
        ]
        try await testGracefulShutdown { trigger in
            try await TestServer.with(handlers: handlers, configure: { $0.listener.drainTimeout = .minutes(5) }) {
                test in
                let busy = try await test.connect()
                let idle = try await test.connect()
                try await idle.send(post("/echo", "{}END"))
                _ = await idle.receive(count: 1, of: "END")
                try await busy.send(post("/held", "{\"n\":1}"))
                #expect(
                    try await test.eventually {
                        test.value("controller_runtime_webhook_requests_in_flight{webhook=\"/held\"}") == "1"
                    }
                )
                trigger.triggerGracefulShutdown()
                _ = await idle.receive()
                #expect(idle.isClosed)
                #expect(busy.received.isEmpty)
                #expect(try await test.eventually { test.server.port == nil })
                await #expect(throws: (any Error).self) { _ = try await test.connect() }
                release.finish()
                let answer = await busy.receive()
                #expect(answer.hasSuffix("{\"n\":1}"))
                #expect(answer.contains("connection: close"))
            }
        }
    }

    /// A client that comes before there is anything to answer with waits; a closed port would refuse it.
    @Test func earlyClientsWait() async throws {
        try await TestServer.with(configure: { $0.awaitsAdmission = true }) { test in
            let client = Task {
                // The handshake begins when the connection is accepted.
                let client = try await test.connect()
                try await client.send(post("/echo", "{\"early\":1}END"))
                return await client.receive(count: 1, of: "END")
            }
            try await Task.sleep(for: .milliseconds(300))
            #expect(test.value("swiftlet_http_connections{server=\"webhook\"}") ?? "0" == "0")
            test.server.admit()
            #expect(try await client.value.hasSuffix("{\"early\":1}END"))
        }
    }

    @Test func leavingCanBeginBeforeTheStop() async throws {
        try await TestServer.with { test in
            let client = try await test.connect()
            test.server.leave()
            try await client.send(post("/echo", "{}END"))
            #expect(await client.receive().contains("connection: close"))
            #expect(test.server.port != nil)
        }
    }

    @Test func leavingSendsClientsAwayFirst() async throws {
        try await testGracefulShutdown { trigger in
            // The end of this test cancels the server, which cuts the delay short.
            try await TestServer.with(configure: { $0.listener.leaveDelay = .seconds(600) }) { test in
                let client = try await test.connect()
                try await client.send(post("/echo", "{}END"))
                _ = await client.receive(count: 1, of: "END")
                trigger.triggerGracefulShutdown()
                #expect(try await test.eventually { test.server.listener.shared.isLeaving })
                // New connections are still welcome, but asked not to stay.
                for client in [client, try await test.connect()] {
                    try await client.send(post("/echo", "{\"late\":1}END"))
                    let answer = await client.receive()
                    #expect(answer.hasSuffix("{\"late\":1}END"))
                    #expect(answer.contains("connection: close"))
                }
            }
        }
    }

    @Test func requestsThatDoNotEndAreCutOff() async throws {
        let begin = ContinuousClock.now
        let handler: AdmissionServer.Handler = { _ in
            try? await Task.sleep(for: .seconds(60))
            return .json([])
        }
        try await testGracefulShutdown { trigger in
            try await TestServer.with(
                handlers: ["/wait": handler],
                configure: { $0.listener.drainTimeout = .milliseconds(200) }
            ) { test in
                let client = try await test.connect()
                try await client.send(post("/wait", "{}"))
                #expect(
                    try await test.eventually {
                        test.value("controller_runtime_webhook_requests_in_flight{webhook=\"/wait\"}") == "1"
                    }
                )
                trigger.triggerGracefulShutdown()
                #expect(await client.receive() == "")
                #expect(client.isClosed)
            }
        }
        #expect(ContinuousClock.now - begin < .seconds(30))
    }

    @Test func allAddresses() async throws {
        try await TestServer.with(configure: { $0.listener.address = ListenAddress(port: 0) }) { test in
            // Bound to all addresses, IPv4 included.
            let client = try await test.connect()
            try await client.send(post("/echo", "{}END"))
            #expect(await client.receive(count: 1, of: "END").contains("200 OK"))
            await client.close()
        }
    }
}
