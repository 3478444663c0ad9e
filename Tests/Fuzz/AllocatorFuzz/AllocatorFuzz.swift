// What `hack/fuzz --target http` runs, one process a job.

import AdmissionServer
import ArgumentParser
import FuzzTesting
import Glibc
import JSONTree
import Logging
import NIOCore
import NIOHTTP1
import PrometheusConfig
import PrometheusMetrics
import PrometheusModel
import Synchronization
import TargetAllocation
import TargetAllocator

/// Hostile requests to the target allocator's server: most of them to its routes, some as bytes over a connection.
@main
struct AllocatorFuzz: AsyncParsableCommand {
    @Option(help: "Not used: requests are made of what the server has.") var tests = "Tests"
    @Option(help: "http.") var target = "http"
    @Option(help: "What the inputs follow from.") var seed: UInt64 = 1
    @Option(help: "The number of the first input.") var first: UInt64 = 0
    @Option(help: "How many inputs.") var count: UInt64 = 100_000
    @Option(help: "Ends after so many seconds; 0 is never.") var seconds = 0
    @Option(help: "The file that holds the input at hand.") var current: String?
    @Option(help: "The folder for inputs with a wrong answer.") var failures = "."

    private static let jobs = [
        "plain", "a b", "serviceMonitor/ns/app/0", "é/日本", "per%cent", "<script>x</script>", "q?x=1&y=2", "\"quoted\"",
        "+",
    ]
    private static let collectors = ["collector-0", "collector-1", "collector-2"]
    private static let largest = 4 << 20
    private static let slowest = 5.0
    private static let failureLimit = 20
    /// Every so many inputs one goes over a connection.
    private static let overConnection: UInt64 = 20

    func run() async throws {
        let logger = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
        let metrics = PrometheusMetrics()
        var settings = try AllocatorSettings.load(file: Self.configuration())
        settings.collectorNamespace = "ns"
        let core = AllocatorCore(settings: settings, metrics: metrics, logger: logger)
        let runner = DiscoveryRunner(client: nil) { core.receive($0) }
        core.use(runner)
        let server = AllocatorServer(core: core, showsSecrets: false) { metrics.exposition() }
        let port = Mutex(0)
        let listener = AllocatorServer.listener(
            address: ListenAddress(host: "127.0.0.1", port: 0),
            name: "http",
            server: server,
            metrics: metrics,
            logger: logger,
            onListening: { number in port.withLock { $0 = number } }
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await core.run() }
            group.addTask { try await runner.run() }
            group.addTask { try await listener.run() }
            core.setCollectors(Self.collectors.map { CollectorPod(name: $0, nodeName: "node") })
            while !core.isReady || port.withLock({ $0 }) == 0 { try await Task.sleep(for: .milliseconds(10)) }
            defer { group.cancelAll() }
            try await self.fuzz(server, core, port.withLock { $0 })
        }
    }

    private static func configuration() -> String {
        let jobs = Self.jobs.enumerated().map { index, name in
            let targets = (0..<(index * 40)).map { "10.0.\(index).\($0):80" } + ["<script>x</script>"]
            let job: JSONObject = [
                "job_name": .string(name),
                "basic_auth": ["username": "u", "password": "S3cr3t-9f2c"],
                "static_configs": [["targets": .strings(targets), "labels": ["l": "<script>x</script>"]]],
                "relabel_configs": [["action": "drop", "source_labels": ["__address__"], "regex": ".*7:80"]],
            ]
            return JSONValue.object(job)
        }
        let document: JSONObject = [
            "collector_namespace": "ns", "collector_selector": [:], "filter_strategy": "relabel-config",
            "config": ["scrape_configs": .array(jobs)],
        ]
        return String(decoding: document.bytes(), as: UTF8.self)
    }

    private func fuzz(_ server: AllocatorServer, _ core: AllocatorCore, _ port: Int) async throws {
        let hashes = core.lists.read { $0.targets(limit: 50) }.map(\.hash)
        let fuzz = RequestFuzz(jobs: Self.jobs, collectors: Self.collectors, hashes: hashes)
        let holder = try self.current.map { path in
            let file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o644)
            guard file >= 0 else { throw ValidationError("cannot write \(path)") }
            return file
        }
        let started = Self.now()
        var (inputs, failed, connections, answered) = (0, 0, 0, 0)
        var statuses: [Int: Int] = [:]
        var longest = 0.0
        for number in self.first..<self.first + self.count {
            if self.seconds > 0, Self.now() - started > Double(self.seconds) { break }
            let isOver = number.isMultiple(of: Self.overConnection)
            let request = fuzz.request(seed: self.seed, number: number)
            let bytes = isOver ? fuzz.bytes(seed: self.seed, number: number) : request.bytes
            if let holder {
                ftruncate(holder, bytes.count)
                pwrite(holder, bytes, bytes.count, 0)
            }
            inputs += 1
            var wrong: String?
            let before = Self.now()
            if isOver {
                connections += 1
                let answer = Self.exchange(bytes, port)
                if answer.isEmpty { wrong = nil } else { answered += 1 }
                if let fault = Self.fault(ofWire: answer) { wrong = fault }
                if connections.isMultiple(of: 50),
                    !Self.exchange(Array(Self.good.utf8), port).starts(with: Array("HTTP/1.1 200".utf8))
                {
                    wrong = "after it a good request is not answered"
                }
            } else {
                let response = await server.answer(Self.request(request))
                statuses[response.status, default: 0] += 1
                wrong = Self.fault(of: response)
            }
            let time = Self.now() - before
            longest = max(longest, isOver ? 0 : time)
            if wrong == nil, !isOver, time > Self.slowest { wrong = "it took \(time) s" }
            guard let wrong else { continue }
            failed += 1
            let path = "\(self.failures)/http-\(self.seed)-\(number)"
            guard let file = fopen(path, "w") else { throw ValidationError("cannot write \(path)") }
            fwrite(bytes, 1, bytes.count, file)
            fclose(file)
            print("FAILED \(path): \(wrong.prefix(500))")
            if failed >= Self.failureLimit { break }
        }
        let time = Self.now() - started
        let counts = statuses.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        print(
            "\(inputs) requests, \(failed) failed; \(Int(Double(inputs) / max(time, 0.001))) a second: \(counts); "
                + "\(connections) over connections, \(answered) of them answered; slowest \(Int(longest * 1000)) ms"
        )
        if failed > 0 || inputs == 0 { throw ExitCode.failure }
    }

    private static let good = "GET /livez HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"

    private static func request(_ request: RequestFuzz.Request) -> ServerRequest {
        var headers = HTTPHeaders()
        for header in request.headers { headers.add(name: header.name, value: header.value) }
        return ServerRequest(
            method: HTTPMethod(rawValue: request.method),
            uri: request.uri,
            headers: headers,
            body: ByteBuffer()
        )
    }

    /// What is wrong with an answer.
    private static func fault(of response: ServerResponse) -> String? {
        let body: [UInt8] =
            switch response.body {
            case .bytes(let bytes): bytes
            case .buffer(let buffer): Array(buffer.readableBytesView)
            }
        guard [200, 304, 400, 404, 500].contains(response.status) else { return "status \(response.status)" }
        if body.count > Self.largest { return "\(body.count) bytes" }
        for header in response.headers + [("content-type", response.contentType)]
        where header.1.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
            return "a control character in \(header.0)"
        }
        if response.headers.contains(where: { $0.0 == "content-encoding" }) {
            return body.starts(with: [0x1F, 0x8B]) ? nil : "it says gzip and is none"
        }
        let text = String(decoding: body, as: UTF8.self)
        if text.contains("S3cr3t-9f2c") { return "a secret" }
        if response.contentType.hasPrefix("text/html"), text.contains("<script") || text.contains("<img") {
            return "a page with what was asked as it is"
        }
        if response.contentType == "application/json", response.status != 304 {
            do {
                _ = try JSONValue(parsing: body)
            } catch {
                return "no JSON: \(error)"
            }
        }
        return nil
    }

    private static func fault(ofWire answer: [UInt8]) -> String? {
        if answer.isEmpty { return nil }
        if !answer.starts(with: Array("HTTP/1.1 ".utf8)) { return "an answer that is no HTTP" }
        if answer.count > 2 * Self.largest { return "\(answer.count) bytes" }
        return nil
    }

    /// Sends bytes, ends its side, and reads until the server ends the other one, or for a second.
    private static func exchange(_ bytes: [UInt8], _ port: Int) -> [UInt8] {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { return [] }
        defer { close(socket) }
        var time = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { return [] }
        send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        shutdown(socket, Int32(SHUT_WR))
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while answer.count < 3 * Self.largest {
            let count = recv(socket, &chunk, chunk.count, 0)
            guard count > 0 else { break }
            answer += chunk[..<count]
        }
        return answer
    }

    private static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
