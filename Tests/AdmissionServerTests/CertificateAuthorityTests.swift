import FoundationEssentials
import Testing

@testable import AdmissionServer

@Suite struct CertificateAuthorityTests {
    let now = Date()
    let names = ServerNames.service("webhook", namespace: "observability", also: ["127.0.0.1", "::1", "localhost"])

    /// OpenSSL is the judge: chain, purpose, name and time.
    @Test(arguments: [
        (["-verify_hostname", "webhook.observability.svc"], true),
        (["-verify_hostname", "localhost"], true),
        (["-verify_ip", "127.0.0.1"], true),
        (["-verify_ip", "::1"], true),
        (["-verify_hostname", "webhook.other.svc"], false),
        (["-verify_ip", "127.0.0.2"], false),
        (["-attime", "86400"], false),
    ])
    func opensslVerifies(options: [String], isGood: Bool) throws {
        let authority = try CertificateAuthority.make(now: self.now)
        let serving = try authority.issueServing(for: self.names, now: self.now)
        try TemporaryFiles.with(["ca": authority.certificate.pem, "leaf": serving.certificate.pem]) { path in
            let answer = try openssl(
                ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", path("ca")] + options + [path("leaf")]
            )
            #expect((answer.status == 0) == isGood, "\(answer.output)")
        }
    }

    @Test func anotherAuthorityDoesNotVerify() throws {
        let authority = try CertificateAuthority.make(now: self.now)
        let other = try CertificateAuthority.make(now: self.now)
        let serving = try authority.issueServing(for: self.names, now: self.now)
        #expect(serving.certificate.isSigned(by: authority.certificate))
        #expect(!serving.certificate.isSigned(by: other.certificate))
        try TemporaryFiles.with(["other": other.certificate.pem, "leaf": serving.certificate.pem]) { path in
            let answer = try openssl(["verify", "-CAfile", path("other"), path("leaf")])
            #expect(answer.status != 0)
        }
        // With both in the bundle, in either order, the right one is found.
        let both = other.certificate.pem + authority.certificate.pem
        try TemporaryFiles.with(["both": both, "leaf": serving.certificate.pem]) { path in
            let answer = try openssl(["verify", "-x509_strict", "-CAfile", path("both"), path("leaf")])
            #expect(answer.status == 0, "\(answer.output)")
        }
    }

    @Test func certificatesSayWhatTheyAreFor() throws {
        let authority = try CertificateAuthority.make(now: self.now)
        let serving = try authority.issueServing(for: self.names, now: self.now)
        try TemporaryFiles.with(["ca": authority.certificate.pem, "leaf": serving.certificate.pem]) { path in
            let ca = try openssl(["x509", "-in", path("ca"), "-noout", "-text"]).output
            #expect(ca.contains("CA:TRUE, pathlen:0"))
            #expect(ca.contains("Certificate Sign, CRL Sign"))
            let leaf = try openssl(["x509", "-in", path("leaf"), "-noout", "-text"]).output
            #expect(leaf.contains("CA:FALSE"))
            #expect(leaf.contains("TLS Web Server Authentication"))
            #expect(leaf.contains("DNS:webhook.observability.svc, DNS:webhook.observability.svc.cluster.local"))
            #expect(
                leaf.contains("Subject: CN = webhook.observability.svc\n")
                    || leaf.contains("CN=webhook.observability.svc\n")
            )
        }
    }

    @Test func lifetimes() throws {
        let authority = try CertificateAuthority.make(now: self.now)
        #expect(authority.certificate.isAuthority)
        #expect(abs(authority.certificate.notAfter.timeIntervalSince(self.now) - 3_650 * 86_400) < 2)
        #expect(authority.certificate.notBefore < self.now)
        let serving = try authority.issueServing(for: self.names, now: self.now).certificate
        #expect(!serving.isAuthority)
        #expect(abs(serving.notAfter.timeIntervalSince(self.now) - 90 * 86_400) < 2)
        #expect(serving.isValid(at: self.now))
        #expect(serving.isValid(at: self.now - 1_800), "clocks half an hour behind")
        // Never longer than the authority.
        let late = authority.certificate.notAfter.addingTimeInterval(-3_600)
        #expect(
            try authority.issueServing(for: self.names, now: late).certificate.notAfter
                == authority.certificate.notAfter
        )
        #expect(throws: CertificateError.self) {
            try authority.issueServing(for: self.names, now: authority.certificate.notAfter)
        }
        #expect(throws: CertificateError.self) { try authority.issueServing(for: ServerNames([]), now: self.now) }
    }

    @Test func pemGoesBothWays() throws {
        let authority = try CertificateAuthority.make(now: self.now)
        let parsed = try IssuedCertificate.parse(pem: "a comment\n" + authority.certificate.pem)
        #expect(parsed == [authority.certificate])
        let again = try CertificateAuthority(certificate: parsed[0], keyPEM: authority.keyPEM)
        // The key read back signs what the certificate verifies.
        #expect(try again.issueServing(for: self.names, now: self.now).certificate.isSigned(by: authority.certificate))

        let other = try CertificateAuthority.make(now: self.now)
        #expect(throws: CertificateError(.mismatch, "the authority's key is not the key of its certificate")) {
            try CertificateAuthority(certificate: authority.certificate, keyPEM: other.keyPEM)
        }
        let leaf = try authority.issueServing(for: self.names, now: self.now)
        #expect(throws: CertificateError.self) {
            try CertificateAuthority(certificate: leaf.certificate, keyPEM: leaf.keyPEM)
        }
        #expect(throws: CertificateError.self) { try IssuedCertificate.parse(pem: "") }
        #expect(throws: CertificateError.self) { try IssuedCertificate.parse(pem: authority.keyPEM) }
    }

    @Test func secretsStayOutOfErrors() throws {
        let authority = try CertificateAuthority.make(now: self.now)
        let broken = String(authority.keyPEM.map { $0 == "M" ? "N" : $0 })
        do {
            _ = try CertificateAuthority(certificate: authority.certificate, keyPEM: broken)
            Issue.record("a broken key was taken")
        } catch {
            for line in broken.split(separator: "\n") { #expect(!"\(error)".contains(line)) }
        }
    }

    @Test func names64AndLonger() throws {
        let long = String(repeating: "a", count: 60) + ".namespace.svc"
        let authority = try CertificateAuthority.make(now: self.now)
        let serving = try authority.issueServing(for: ServerNames([long]), now: self.now).certificate
        #expect(serving.subject == "CN=swiftlet")
        #expect(serving.names == ServerNames([long]))
    }

    @Test func serverNames() {
        let names = ServerNames(["A.B", "a.b.", "", "x y", "[::1]", "::1", "10.0.0.1", "ü.de", "*.x"])
        #expect(names.dns == ["a.b", "*.x"])
        #expect(names.addresses == [Array(repeating: 0, count: 15) + [1], [10, 0, 0, 1]])
        #expect(names.covers(ServerNames(["10.0.0.1", "A.b"])))
        #expect(!names.covers(ServerNames(["10.0.0.2"])))
        #expect(ServerNames.service("s", namespace: "n").dns == ["s.n.svc", "s.n.svc.cluster.local", "s.n"])
    }
}
