import AsyncHTTPClient
import KubeClient
import NIOCore
import NIOHTTP1
import NIOSSL
import PrometheusConfig

/// One request and its answer, over a connection of its own: what is asked once a minute needs no pool, and so
/// certificates and keys are those that are in the files now.
struct HTTPExchange: Sendable {
    struct Answer: Sendable {
        var status: Int
        var contentType: String
        var body: [UInt8]
    }

    static let largestBody = 64 << 20

    var url: String
    var tls: HTTPClientSettings.TLS
    var proxy: String?
    var followsRedirects: Bool
    var usesHTTP2: Bool
    var timeout: Duration
    var headers: [(name: String, value: String)]

    /// - Throws: whatever kept it from an answer, ``HTTPExchangeError`` for configurations that can't be used.
    func send(body: String? = nil) async throws -> Answer {
        guard let parts = URLParts(self.url) else { throw HTTPExchangeError("the URL is not one of http or https") }
        var configuration = HTTPClient.Configuration(tlsConfiguration: try await self.tlsConfiguration())
        configuration.redirectConfiguration =
            self.followsRedirects ? .follow(max: 10, allowCycles: false) : .disallow
        configuration.httpVersion = self.usesHTTP2 ? .automatic : .http1Only
        configuration.timeout = .init(connect: .seconds(10))
        configuration.connectionPool.retryConnectionEstablishment = false
        if let proxy = self.proxy { configuration.proxy = try Self.proxy(proxy) }

        var headers = HTTPHeaders(self.headers.map { ($0.name, $0.value) })
        var address = "\(parts.isSecure ? "https" : "http")://\(Self.authority(parts.name, parts.port))\(parts.rest)"
        if let name = self.tls.serverName, !name.isEmpty, parts.isSecure {
            // The HTTP client takes the expected name from the URL, and the address from this table.
            configuration.dnsOverride = [name: parts.name]
            headers.replaceOrAdd(name: "Host", value: Self.authority(parts.name, parts.port))
            address = "https://\(Self.authority(name, parts.port))\(parts.rest)"
        }
        var request = HTTPClientRequest(url: address)
        request.method = body == nil ? .GET : .POST
        request.headers = headers
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let client = HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration)
        do {
            let answer = try await self.perform(request, client)
            try await client.shutdown()
            return answer
        } catch {
            try? await client.shutdown()
            if let error = error as? HTTPClientError, error == .invalidProxyResponse {
                throw HTTPExchangeError(
                    "the proxy refused CONNECT to \(Self.authority(parts.name, parts.port)); http URLs are asked so, too"
                )
            }
            throw error
        }
    }

    private func perform(_ request: HTTPClientRequest, _ client: HTTPClient) async throws -> Answer {
        let time = TimeSource(ContinuousClock())
        // The HTTP client's own deadline ends with the head of an answer.
        let answer = try await time.withDeadline(time.now + self.timeout) {
            let response = try await client.execute(request, deadline: .distantFuture)
            let bytes = try await response.body.collect(upTo: Self.largestBody)
            return Answer(
                status: Int(response.status.code),
                contentType: response.headers.first(name: "Content-Type") ?? "",
                body: Array(bytes.readableBytesView)
            )
        }
        guard let answer else {
            throw HTTPExchangeError("there was no complete answer within \(self.timeout.secondsText) s")
        }
        return answer
    }

    private static func authority(_ name: String, _ port: Int?) -> String {
        (name.contains(":") ? "[\(name)]" : name) + (port.map { ":\($0)" } ?? "")
    }

    private static func proxy(_ url: String) throws -> HTTPClient.Configuration.Proxy {
        let isSOCKS = url.hasPrefix("socks5://")
        guard let parts = URLParts(isSOCKS ? "http://" + url.dropFirst(9) : url), !parts.isSecure else {
            throw HTTPExchangeError("proxy_url must begin with http:// or socks5://")
        }
        if isSOCKS { return .socksServer(host: parts.name, port: parts.port ?? 1080) }
        return .server(
            host: parts.name,
            port: parts.port ?? 80,
            authorization: URLLogin(url).map { .basic(username: $0.username, password: $0.password) }
        )
    }

    private func tlsConfiguration() async throws -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = try Self.version(self.tls.minVersion) ?? .tlsv12
        configuration.maximumTLSVersion = try Self.version(self.tls.maxVersion)
        if self.tls.insecureSkipVerify { configuration.certificateVerification = .none }
        if let pem = try await SecretText.bytes(self.tls.ca, file: self.tls.caFile) {
            guard let roots = try? NIOSSLCertificate.fromPEMBytes(pem), !roots.isEmpty else {
                throw HTTPExchangeError("tls_config.ca (or ca_file) is not PEM with certificates")
            }
            configuration.trustRoots = .certificates(roots)
        }
        let certificate = try await SecretText.bytes(self.tls.cert, file: self.tls.certFile)
        let key = try await SecretText.bytes(self.tls.key, file: self.tls.keyFile)
        if let certificate, let key {
            guard let chain = try? NIOSSLCertificate.fromPEMBytes(certificate), !chain.isEmpty else {
                throw HTTPExchangeError("tls_config.cert (or cert_file) is not PEM with a certificate")
            }
            guard let secret = try? NIOSSLPrivateKey(bytes: key, format: .pem) else {
                throw HTTPExchangeError("tls_config.key (or key_file) is not a private key in PEM")
            }
            configuration.certificateChain = chain.map { .certificate($0) }
            configuration.privateKey = .privateKey(secret)
        }
        return configuration
    }

    private static func version(_ text: String?) throws -> TLSVersion? {
        switch text {
        case nil, "": nil
        case "TLS10": .tlsv1
        case "TLS11": .tlsv11
        case "TLS12": .tlsv12
        case "TLS13": .tlsv13
        case .some(let other):
            throw HTTPExchangeError("the TLS version '\(other)' is none of TLS10, TLS11, TLS12 and TLS13")
        }
    }
}

struct HTTPExchangeError: Error, CustomStringConvertible {
    var message: String
    init(_ message: String) { self.message = message }
    var description: String { self.message }
}

/// `user:password@` in a URL.
struct URLLogin: Sendable, Equatable {
    var username: String
    var password: String

    init?(_ url: String) {
        guard let start = url.range(of: "://")?.upperBound else { return nil }
        let text = url[start...]
        let end = text.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? text.endIndex
        guard let at = text[..<end].lastIndex(of: "@") else { return nil }
        let login = text[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        self.username = Self.decode(login[0])
        self.password = login.count == 2 ? Self.decode(login[1]) : ""
    }

    private static func decode(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A URL as logs may have it.
    static func hidden(in url: String) -> String {
        guard let start = url.range(of: "://")?.upperBound else { return url }
        let end = url[start...].firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? url.endIndex
        guard let at = url[start..<end].lastIndex(of: "@") else { return url }
        return String(url[..<start]) + url[url.index(after: at)...]
    }
}

extension String {
    fileprivate func range(of text: String) -> Range<Index>? {
        var place = self.startIndex
        while place < self.endIndex {
            if self[place...].hasPrefix(text) { return place..<self.index(place, offsetBy: text.count) }
            place = self.index(after: place)
        }
        return nil
    }
}
