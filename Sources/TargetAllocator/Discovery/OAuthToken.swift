import JSONTree
import KubeClient
import KubeModel
import PrometheusConfig
import TargetAllocation

/// A token by the client credentials grant, kept until it is about to expire.
struct OAuthToken: Sendable {
    private let settings: HTTPClientSettings.OAuth2
    private let time = TimeSource(ContinuousClock())
    private var token: (header: String, end: Duration?)?
    /// A token is not used in its last seconds.
    private static let margin: Duration = .seconds(10)

    init(_ settings: HTTPClientSettings.OAuth2) { self.settings = settings }

    /// The value of the `Authorization` header.
    mutating func header(timeout: Duration) async throws -> String {
        if let token = self.token, token.end.map({ self.time.now < $0 - Self.margin }) ?? true { return token.header }
        let secret = try await SecretText.text(self.settings.clientSecret, file: self.settings.clientSecretFile)
        var form: [(String, String)] = [("grant_type", "client_credentials")]
        if !self.settings.scopes.isEmpty { form.append(("scope", self.settings.scopes.joined(separator: " "))) }
        form += self.settings.endpointParams.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        // Servers differ in where they want the secret; Go's client tries these two in this order.
        let login = "\(self.settings.clientID.queryEscaped):\(secret.queryEscaped)"
        var answer = try await self.ask(form, "Basic \(Base64.encode(Array(login.utf8)))", timeout)
        if answer.status != 200 {
            form += [("client_id", self.settings.clientID), ("client_secret", secret)]
            answer = try await self.ask(form, nil, timeout)
        }
        // The answer may hold a secret, so no error shows it.
        guard answer.status == 200 else {
            throw HTTPExchangeError("the token endpoint answered with status \(answer.status)")
        }
        guard let json = try? JSONValue(parsing: answer.body).object, let text = json[string: "access_token"],
            !text.isEmpty
        else { throw HTTPExchangeError("the token endpoint's answer has no access_token") }
        let type = json[string: "token_type"] ?? ""
        let seconds = json["expires_in"].flatMap { $0.int ?? $0.string.flatMap(Int.init) }
        let header = "\(type.isEmpty || type.lowercased() == "bearer" ? "Bearer" : type) \(text)"
        self.token = (header, seconds.map { self.time.now + .seconds(max(0, min($0, 1 << 30))) })
        return header
    }

    mutating func forget() { self.token = nil }

    private func ask(
        _ form: [(String, String)],
        _ authorization: String?,
        _ timeout: Duration
    ) async throws -> HTTPExchange.Answer {
        var headers = [(name: "Content-Type", value: "application/x-www-form-urlencoded")]
        if let authorization { headers.append((name: "Authorization", value: authorization)) }
        let exchange = HTTPExchange(
            url: self.settings.tokenURL,
            tls: self.settings.tls,
            proxy: self.settings.proxy.choose(for: self.settings.tokenURL),
            followsRedirects: false,
            usesHTTP2: true,
            timeout: timeout,
            headers: headers
        )
        let text = form.map { "\($0.0.queryEscaped)=\($0.1.queryEscaped)" }.joined(separator: "&")
        return try await exchange.send(body: text)
    }
}
