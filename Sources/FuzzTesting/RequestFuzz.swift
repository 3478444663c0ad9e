/// Hostile HTTP requests for the target allocator's server. Each follows from the seed and its number.
package struct RequestFuzz: Sendable {
    /// Stands in paths, queries and headers; no page may have it as it is.
    package static let probe = "<script>x</script>"

    package struct Request: Sendable, Hashable {
        package var method: String
        package var uri: String
        package var headers: [Header]

        package struct Header: Sendable, Hashable {
            package var name: String
            package var value: String
        }

        /// As it goes over a connection.
        package var bytes: [UInt8] {
            var text = "\(self.method) \(self.uri) HTTP/1.1\r\n"
            for header in self.headers { text += "\(header.name): \(header.value)\r\n" }
            return Array((text + "\r\n").utf8)
        }
    }

    private let jobs: [String]
    private let collectors: [String]
    private let hashes: [UInt64]

    /// - Parameters: what there is to be asked for.
    package init(jobs: [String], collectors: [String], hashes: [UInt64]) {
        self.jobs = jobs
        self.collectors = collectors
        self.hashes = hashes
    }

    private static let paths = [
        "", "/", "//", "/livez", "/readyz", "/metrics", "/scrape_configs", "/jobs", "/jobs/", "/jobs/x/targets",
        "/replicas/assignment", "/debug/collector", "/debug/job", "/debug/target", "/debug/targets", "/debug/jobs",
        "/debug/scrape_configs", "/debug/dropped", "/debug/unassigned", "/debug/style.css", "/debug/pprof/heap",
        "/debug",
        "/favicon.ico", "*", "http://h/jobs", "/..", "/jobs/../metrics", "/jobs//targets",
    ]
    private static let parameters = ["collector_id", "job_id", "target_hash", "page", "x", "", "collector_id[]", "é"]
    private static let odd = [
        "", "0", "1", "2", "-1", "100000", "100001", "9223372036854775807", "9223372036854775808",
        "18446744073709551615", "1e9", "%",
        "%2", "%zz", "%00", "%2F", "%2f..%2f", "+", "%C3%A9", "%FF%FE", ";", "&", "=", "a=b", "%3Cscript%3E",
        probe, "'\"><img src=x onerror=1>", "%0D%0ASet-Cookie:a", "$(SHARD)", "é", "\u{202E}",
    ]
    private static let accepts = ["text/html", "*/*", "application/json", "text/html;q=0", probe, ""]
    private static let encodings = [
        "gzip", "gzip;q=0", "gzip;q=0.000", "*", "identity", "br, gzip", "gzip;q=", ";", ",,,", "GZIP", "x-gzip;q=1",
        "deflate;;;gzip",
    ]
    private static let tags = ["*", "\"a\"", "W/\"a\"", "\"", "\"a\", \"b\"", "", ",", "\"\(probe)\"", "W/"]

    package func request(seed: UInt64, number: UInt64) -> Request {
        var random = SeededRandom(seed, number)
        var request = Request(method: random.oneIn(6) ? "HEAD" : "GET", uri: self.path(&random), headers: [])
        if !random.oneIn(3) {
            let pairs = (0...random.below(3)).map { _ in self.pair(&random) }
            request.uri += "?" + pairs.joined(separator: random.pick(["&", "&", "&&", ";", "?"]))
        }
        if random.oneIn(40) {
            request.uri += String(repeating: random.pick(["a", "%41", "/", "&a=b"]), count: random.below(3000))
        }
        if random.oneIn(2) { request.headers.append(.init(name: "accept", value: random.pick(Self.accepts))) }
        if random.oneIn(2) {
            request.headers.append(.init(name: "accept-encoding", value: random.pick(Self.encodings)))
        }
        if random.oneIn(4) { request.headers.append(.init(name: "if-none-match", value: random.pick(Self.tags))) }
        if random.oneIn(20) {
            request.headers.append(.init(name: "x-\(random.below(9))", value: random.pick(Self.odd)))
        }
        return request
    }

    private func path(_ random: inout SeededRandom) -> String {
        if random.oneIn(3) {
            let job = random.oneIn(3) ? random.pick(Self.odd) : Self.encoded(random.pick(self.jobs), &random)
            return "/jobs/\(job)/" + (random.oneIn(10) ? random.pick(Self.odd) : "targets")
        }
        let path = random.pick(Self.paths)
        return random.oneIn(10) ? path + "/" + random.pick(Self.odd) : path
    }

    private func pair(_ random: inout SeededRandom) -> String {
        let name = random.oneIn(20) ? random.pick(Self.odd) : random.pick(Self.parameters)
        let value =
            switch random.below(6) {
            case 0: Self.encoded(random.pick(self.jobs), &random)
            case 1: Self.encoded(random.pick(self.collectors), &random)
            case 2: "\(random.pick(self.hashes))"
            case 3: "\(random.below(20))"
            default: random.pick(Self.odd)
            }
        return random.oneIn(20) ? name : "\(name)=\(value)"
    }

    /// More or less as it should be.
    private static func encoded(_ text: String, _ random: inout SeededRandom) -> String {
        if random.oneIn(5) { return text }
        var result = ""
        for byte in text.utf8 {
            let isPlain = byte >= 0x30 && byte < 0x3A || byte | 0x20 >= 0x61 && byte | 0x20 < 0x7B
            if isPlain && !random.oneIn(20) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                result += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: random.oneIn(2))
            }
        }
        return result
    }

    /// What comes over a connection and need not be a request at all.
    package func bytes(seed: UInt64, number: UInt64) -> [UInt8] {
        var random = SeededRandom(seed, number ^ 0x5555)
        var bytes = self.request(seed: seed, number: number).bytes
        for _ in 0..<random.below(4) where !bytes.isEmpty {
            let place = random.below(bytes.count)
            switch random.below(6) {
            case 0: bytes.removeSubrange(place...)
            case 1: bytes[place] = UInt8(random.below(256))
            case 2: bytes.insert(contentsOf: Array("\r\n".utf8), at: place)
            case 3:
                bytes.insert(
                    contentsOf: Array("\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n".utf8),
                    at: place
                )
            case 4: bytes += bytes[place...]
            default:
                bytes.insert(
                    contentsOf: repeatElement(UInt8(random.below(256)), count: random.below(70_000)),
                    at: place
                )
            }
        }
        return bytes
    }
}
