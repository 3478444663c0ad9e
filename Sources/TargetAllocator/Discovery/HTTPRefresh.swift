import KubeClient
import KubeModel
import Logging
import Metrics
import PrometheusConfig
import PrometheusModel
import TargetDiscovery

/// Targets from an HTTP endpoint.
struct HTTPRefresh: GroupRefresh {
    let discovery: HTTPDiscovery
    let channel: GroupChannel
    private var oauth: OAuthToken?
    private var failure: String?
    private var known: GroupList?

    init(discovery: HTTPDiscovery, channel: GroupChannel) {
        self.discovery = discovery
        self.channel = channel
        self.oauth = discovery.http.oauth2.map { OAuthToken($0) }
    }

    static func finder(_ discovery: HTTPDiscovery, _ channel: GroupChannel) -> RefreshingFinder<HTTPRefresh> {
        RefreshingFinder(
            refresh: HTTPRefresh(discovery: discovery, channel: channel),
            interval: discovery.refreshInterval.interval
        )
    }

    mutating func refresh() async throws -> [GroupList]? {
        do {
            let groups = try await self.fetch()
            self.failure = nil
            if let known = self.known, known.holds(groups) { return [known] }
            let list = GroupList(place: self.discovery.url, groups: groups)
            self.known = list
            return [list]
        } catch {
            try Task.checkCancellation()
            DiscoveryMetrics.httpFailures.increment()
            let text = "\(error)"
            if text != self.failure {
                Logger.current.warning(
                    "targets can't be had from an HTTP endpoint: they stay as they were",
                    metadata: [
                        "job": "\(self.channel.jobs.first ?? "")",
                        "url": "\(URLLogin.hidden(in: self.discovery.url))",
                        "error": "\(text)",
                    ]
                )
            }
            self.failure = text
            return nil
        }
    }

    private mutating func fetch() async throws -> [TargetGroup] {
        let settings = self.discovery.http
        // As Prometheus does: what takes longer than until the next time is of no use.
        let timeout = self.discovery.refreshInterval.interval
        var headers: [(name: String, value: String)] = [
            ("Accept", "application/json"),
            ("User-Agent", "swiftlet-target-allocator"),
            ("X-Prometheus-Refresh-Interval-Seconds", timeout.secondsText),
        ]
        if let authorization = try await self.authorization(settings, timeout) {
            headers.append(("Authorization", authorization))
        }
        for header in settings.headers {
            for value in header.values + header.secrets { headers.append((header.name, value)) }
            for file in header.files { headers.append((header.name, try await SecretText.text(nil, file: file))) }
        }
        let exchange = HTTPExchange(
            url: self.discovery.url,
            tls: settings.tls,
            proxy: settings.proxy.choose(for: self.discovery.url),
            followsRedirects: settings.followRedirects,
            usesHTTP2: settings.enableHTTP2,
            timeout: timeout,
            headers: headers
        )
        let answer = try await exchange.send()
        if answer.status == 401 { self.oauth?.forget() }
        guard answer.status == 200 else {
            throw HTTPExchangeError("the endpoint answered with status \(answer.status) instead of 200")
        }
        guard Self.isJSON(answer.contentType) else {
            throw HTTPExchangeError("the answer's Content-Type is '\(answer.contentType)', not application/json")
        }
        return try TargetList.groups(answer: answer.body, url: self.discovery.url)
    }

    private mutating func authorization(_ settings: HTTPClientSettings, _ timeout: Duration) async throws -> String? {
        if let basic = settings.basicAuth {
            let username = try await SecretText.text(basic.username, file: basic.usernameFile)
            let password = try await SecretText.text(basic.password, file: basic.passwordFile)
            return "Basic \(Base64.encode(Array("\(username):\(password)".utf8)))"
        }
        if let authorization = settings.authorization {
            let text = try await SecretText.text(authorization.credentials, file: authorization.credentialsFile)
            return "\(authorization.type) \(text)"
        }
        if let header = try await self.oauth?.header(timeout: timeout) { return header }
        return URLLogin(self.discovery.url).map {
            "Basic \(Base64.encode(Array("\($0.username):\($0.password)".utf8)))"
        }
    }

    /// `application/json`, with no other character set than UTF-8.
    static func isJSON(_ contentType: String) -> Bool {
        let text = contentType.lowercased()
        guard text.hasPrefix("application/json") else { return false }
        let rest = text.dropFirst(16)
        if rest.isEmpty { return true }
        guard rest.first == ";" else { return false }
        let parameter = rest.dropFirst().drop { $0 == " " || $0 == "\t" }
        return parameter == "charset=utf-8" || parameter == "charset=\"utf-8\""
    }
}

extension Duration {
    /// Seconds without trailing zeros.
    var secondsText: String {
        let (seconds, attoseconds) = self.components
        let milliseconds = attoseconds / 1_000_000_000_000_000
        if milliseconds == 0 { return "\(seconds)" }
        var fraction = "\(milliseconds)"
        while fraction.count < 3 { fraction = "0" + fraction }
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return "\(seconds).\(fraction)"
    }
}
