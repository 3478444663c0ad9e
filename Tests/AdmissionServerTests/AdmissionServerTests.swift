import AsyncHTTPClient
import NIOCore
import ServiceLifecycle
import ServiceLifecycleTestKit
import Synchronization
import Testing

@testable import AdmissionServer

@Suite struct AdmissionServerTests {
    @Test func requestsOverOneConnection() async throws {
        try await TestServer.with { test in
            try await withClient(trust: test.bundle.trustPEM) { client in
                for host in ["localhost", "127.0.0.1"] {
                    for size in [0, 1, 1_700, 70_000, 3 << 20] {
                        var body = [UInt8](repeating: UInt8(ascii: "a"), count: size)
                        if size > 0 { body[size / 2] = UInt8(ascii: "b") }
                        let url = "https://\(host):\(test.port)/echo?timeout=10s"
                        let (status, answer) = try await client.post(url, body)
                        #expect(status == 200)
                        #expect(answer == String(decoding: body, as: UTF8.self))
                    }
                }
            }
            #expect(test.value("controller_runtime_webhook_requests_total{code=\"200\",webhook=\"/echo\"}") == "10")
            #expect(test.value("controller_runtime_webhook_latency_seconds_count{webhook=\"/echo\"}") == "10")
            #expect(test.value("controller_runtime_webhook_requests_in_flight{webhook=\"/echo\"}") == "0")
        }
    }

    @Test func keepAliveIsOneConnection() async throws {
        try await TestServer.with { test in
            let client = try await test.connect()
            for round in 1...20 {
                try await client.send(post("/echo", "{\"n\":\(round)}END"))
                _ = await client.receive(count: round, of: "END")
            }
            #expect(client.received.occurrences(of: "HTTP/1.1 200 OK\r\n") == 20)
            #expect(test.value("swiftlet_http_connections{server=\"webhook\"}") == "1")
            await client.close()
        }
    }

    @Test func manyClientsAtOnce() async throws {
        try await TestServer.with { test in
            try await withClient(trust: test.bundle.trustPEM) { client in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for task in 0..<16 {
                        group.addTask {
                            for round in 0..<10 {
                                let text = "{\"task\":\(task),\"round\":\(round)}"
                                let path = round.isMultiple(of: 3) ? "slow" : "echo"
                                let url = "https://localhost:\(test.port)/\(path)"
                                let answer = try await client.post(url, Array(text.utf8))
                                #expect(answer == (200, text))
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test(arguments: [
        ("POST /nowhere HTTP/1.1\r\ncontent-length: 2", 404, "no webhook is served at this path"),
        ("GET /echo HTTP/1.1", 405, "webhooks are called with POST only"),
        ("POST /echo HTTP/1.1\r\ncontent-type: text/xml\r\ncontent-length: 2", 415, "application/json"),
        ("POST /echo HTTP/1.1\r\ncontent-length: 2", 415, "application/json"),
        (
            "POST /review HTTP/1.1\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: 2", 400,
            "AdmissionReview"
        ),
    ])
    func refusals(head: String, status: Int, sentence: String) async throws {
        try await TestServer.with { test in
            let client = try await test.connect()
            let body = head.contains("content-length") ? "hi" : ""
            // The connection goes on after each.
            for round in 1...2 {
                try await client.send(head + "\r\nhost: localhost\r\n\r\n" + body)
                let answer = await client.receive(count: round, of: "\"code\":\(status)}")
                #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
                #expect(answer.contains(sentence))
                #expect(answer.contains("\"kind\":\"Status\""))
                #expect(!answer.contains("connection: close"))
            }
            await client.close()
        }
    }

    @Test func tenMegabytes() async throws {
        try await TestServer.with { test in
            try await withClient(trust: test.bundle.trustPEM) { client in
                let url = "https://localhost:\(test.port)/size"
                let answer = try await client.post(url, Array(repeating: 0x20, count: 10_000_000))
                #expect(answer.0 == 413)
                #expect(answer.1.contains("\"the request body is larger than the limit of 8388608 bytes\""))
                #expect(try await client.post(url, Array(repeating: 0x20, count: 8 << 20)) == (200, "8388608 bytes"))
            }
            // The same without a length announced.
            let raw = try await test.connect()
            try await raw.send(
                "POST /size HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
            )
            let chunk = "100000\r\n" + String(repeating: " ", count: 1 << 20) + "\r\n"
            for _ in 0..<10 { try await raw.send(chunk) }
            try await raw.send("0\r\n\r\n")
            let answer = await raw.receive()
            #expect(answer.hasPrefix("HTTP/1.1 413 Payload Too Large\r\n"))
            #expect(answer.contains("connection: close"))
            #expect(test.value("controller_runtime_webhook_requests_total{code=\"413\",webhook=\"/size\"}") == "2")
        }
    }

    @Test func largeBodiesShareABudget() async throws {
        try await TestServer.with(configure: { $0.listener.maximumBufferedBodies = 3 << 20 }) { test in
            // Holds two mebibytes and never ends.
            let hog = try await test.connect()
            let head = post("/size", "", headers: []).replacingLength(with: 4 << 20)
            try await hog.send(head + String(repeating: " ", count: 2 << 20))
            try await withClient(trust: test.bundle.trustPEM) { client in
                let url = "https://localhost:\(test.port)/size"
                let bodies = test.server.listener.shared.bodies
                #expect(try await test.eventually { bodies.available == 1 << 20 })
                var answer = try await client.post(url, Array(repeating: 0x20, count: 2 << 20))
                #expect(answer.0 == 503)
                #expect(answer.1.contains("too many large requests"))
                // Ordinary reviews are not touched by that.
                #expect(try await client.post(url, Array(repeating: 0x20, count: 200_000)) == (200, "200000 bytes"))
                await hog.close()
                #expect(try await test.eventually { bodies.available == 3 << 20 })
                answer = try await client.post(url, Array(repeating: 0x20, count: 2 << 20))
                #expect(answer.0 == 200)
                #expect(bodies.available == 3 << 20)
            }
        }
    }

    @Test func pipelining() async throws {
        try await TestServer.with { test in
            let client = try await test.connect()
            var bytes = ""
            for number in 0..<50 {
                bytes += post(number.isMultiple(of: 25) ? "/slow" : "/echo", "{\"n\":\(number)}END")
            }
            try await client.send(bytes)
            let answer = await client.receive(count: 50, of: "END")
            let numbers = answer.split(separator: "{\"n\":").dropFirst().compactMap { Int($0.prefix { $0 != "}" }) }
            #expect(numbers == Array(0..<50))
            await client.close()
        }
    }

    @Test func bodyInManyPieces() async throws {
        try await TestServer.with { test in
            let client = try await test.connect()
            for byte in post("/echo", "{\"a\":[1,2,3]}END").utf8 { try await client.send([byte]) }
            #expect(await client.receive(count: 1, of: "END").hasSuffix("{\"a\":[1,2,3]}END"))
            await client.close()
        }
    }

    @Test func expectContinue() async throws {
        try await TestServer.with { test in
            let client = try await test.connect()
            let request = post("/echo", "{}END", headers: ["expect: 100-continue"])
            try await client.send(String(request.dropLast(5)))
            _ = await client.receive { $0.contains("100 Continue\r\n\r\n") }
            try await client.send("{}END")
            #expect(await client.receive(count: 1, of: "END").contains("HTTP/1.1 200 OK"))
            await client.close()
        }
    }

    @Test func closesWhenAskedTo() async throws {
        try await TestServer.with { test in
            for request in [
                post("/echo", "{}", headers: ["connection: close"]),
                post("/echo", "{}").replacingOccurrence(of: "HTTP/1.1", with: "HTTP/1.0"),
            ] {
                let client = try await test.connect()
                try await client.send(request)
                let answer = await client.receive()
                #expect(answer.hasPrefix("HTTP/1.1 200 OK"))
                #expect(answer.contains("\r\nconnection: close\r\n"))
                #expect(client.isClosed)
            }
        }
    }

    @Test func handlerIsCancelledWhenTheClientLeaves() async throws {
        let outcome = Mutex<Bool?>(nil)
        let began = Mutex(false)
        let handler: AdmissionServer.Handler = { _ in
            began.withLock { $0 = true }
            try? await Task.sleep(for: .seconds(60))
            outcome.withLock { $0 = Task.isCancelled }
            return .json([])
        }
        try await TestServer.with(handlers: ["/wait": handler]) { test in
            let client = try await test.connect()
            try await client.send(post("/wait", "{}"))
            #expect(try await test.eventually { began.withLock { $0 } })
            await client.close()
            #expect(try await test.eventually { outcome.withLock { $0 } == true })
            #expect(test.value("controller_runtime_webhook_requests_in_flight{webhook=\"/wait\"}") == "0")
        }
    }

    @Test func connectionsAreBounded() async throws {
        try await TestServer.with(configure: { $0.listener.maximumConnections = 2 }) { test in
            let clients = [try await test.connect(), try await test.connect()]
            for client in clients {
                try await client.send(post("/echo", "{}END"))
                _ = await client.receive(count: 1, of: "END")
            }
            // The kernel accepts it, the server does not, until a place is free.
            let third = try await test.connect()
            // Not awaited: it is written when the handshake is done, which takes the server.
            async let sent: Void = third.send(post("/echo", "{}END"))
            try await Task.sleep(for: .milliseconds(200))
            #expect(third.received.isEmpty)
            await clients[0].close()
            #expect(await third.receive(count: 1, of: "END").contains("200 OK"))
            try await sent
            await third.close()
            await clients[1].close()
        }
    }
}

extension String {
    func replacingOccurrence(of part: String, with other: String) -> String {
        guard let range = self.firstRange(of: part) else { return self }
        return String(self[..<range.lowerBound] + other + self[range.upperBound...])
    }

    func replacingLength(with length: Int) -> String {
        self.replacingOccurrence(of: "content-length: 0", with: "content-length: \(length)")
    }
}
