import ArgumentParser
import CollectorConfig
import Controllers

/// How long the webhooks' certificates live; what is not given lives as long as `RotationPolicy.standard` says.
struct CertificateFlags: ParsableArguments {
    @Option(help: "How long the webhooks' serving certificates live. Default: 2160h; renewed after two thirds.")
    var webhookCertificateValidity: String?
    @Option(help: "How long the authority that signs them lives. Default: 87600h.")
    var webhookAuthorityValidity: String?

    func apply(to options: inout OperatorOptions, _ sources: SettingSources) throws {
        options.servingCertificateSeconds = try self.seconds(
            self.webhookCertificateValidity,
            "webhook-certificate-validity",
            "WEBHOOK_CERTIFICATE_VALIDITY",
            sources
        )
        options.authoritySeconds = try self.seconds(
            self.webhookAuthorityValidity,
            "webhook-authority-validity",
            "WEBHOOK_AUTHORITY_VALIDITY",
            sources
        )
        if let serving = options.servingCertificateSeconds, let authority = options.authoritySeconds,
            serving > authority
        {
            throw ValidationError(
                "--webhook-certificate-validity must not be longer than --webhook-authority-validity: a certificate ends with the authority that signed it"
            )
        }
    }

    private func seconds(
        _ flag: String?,
        _ name: String,
        _ variable: String,
        _ sources: SettingSources
    ) throws -> Double? {
        guard let text = try sources.text(flag, variable, name), !text.isEmpty else { return nil }
        // Ten seconds are for tests: less could not be renewed in time.
        guard let nanoseconds = GoTime.nanoseconds(text), nanoseconds >= 10_000_000_000 else {
            throw ValidationError("--\(name) (\(variable)) \(text): must be a duration of at least 10s, such as 2160h")
        }
        return Double(nanoseconds) / 1e9
    }
}
