import NIOSSL
import Testing

@testable import AdmissionServer

@Suite struct TLSPolicyTests {
    @Test func words() throws {
        #expect(try TLSPolicy(minimumVersion: "") == .standard)
        #expect(try TLSPolicy(minimumVersion: "VersionTLS13").minimumVersion == .tls13)
        #expect(throws: TLSPolicy.Unknown.self) { try TLSPolicy(minimumVersion: "VersionTLS11") }
        do {
            _ = try TLSPolicy(minimumVersion: "", cipherSuites: ["TLS_NULL"])
            Issue.record("an unknown suite was taken")
        } catch {
            #expect(error.description.hasPrefix("unknown TLS cipher suite \"TLS_NULL\"; known are TLS_AES_128"))
        }
    }

    /// Go has it, BoringSSL has not.
    @Test(arguments: ["TLS_RSA_WITH_RC4_128_SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"])
    func suitesThatAreGone(_ name: String) {
        let error = #expect(throws: TLSPolicy.Unknown.self) {
            try TLSPolicy(minimumVersion: "", cipherSuites: [name])
        }
        #expect(
            error?.description.hasPrefix("TLS cipher suite \"\(name)\" is too weak to be served here; known are")
                == true
        )
    }

    @Test func onlySuitesOf13() throws {
        let policy = try TLSPolicy(minimumVersion: "VersionTLS12", cipherSuites: ["TLS_AES_128_GCM_SHA256"])
        #expect(policy == TLSPolicy(minimumVersion: .tls13))
        let mixed = try TLSPolicy(
            minimumVersion: "",
            cipherSuites: ["TLS_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256"]
        )
        #expect(mixed.minimumVersion == .tls12 && mixed.cipherSuites == [.TLS_RSA_WITH_AES_128_GCM_SHA256])
    }

    /// OpenSSL's client says which versions and suites it gets through with.
    @Test(arguments: [
        ("VersionTLS12", [] as [String], ["-tls1_2"], true),
        ("VersionTLS12", [], ["-tls1_3"], true),
        ("VersionTLS12", [], ["-tls1_1"], false),
        ("VersionTLS13", [], ["-tls1_2"], false),
        ("VersionTLS13", [], ["-tls1_3"], true),
        ("VersionTLS12", ["TLS_AES_128_GCM_SHA256"], ["-tls1_2"], false),
        ("VersionTLS12", ["TLS_AES_128_GCM_SHA256"], ["-tls1_3"], true),
        (
            "VersionTLS12", ["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"],
            ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0"], true
        ),
        (
            "VersionTLS12", ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"],
            ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"], true
        ),
        (
            "VersionTLS12", ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"],
            ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], false
        ),
    ])
    func versionsAndSuites(minimum: String, suites: [String], options: [String], isGood: Bool) async throws {
        let policy = try TLSPolicy(minimumVersion: minimum, cipherSuites: suites)
        try await TestServer.with(configure: { $0.tls = policy }) { test in
            try TemporaryFiles.with(["ca": test.bundle.trustPEM]) { path in
                let answer = try openssl(
                    [
                        "s_client", "-connect", "127.0.0.1:\(test.port)", "-servername", "webhook.ns.svc", "-CAfile",
                        path("ca"),
                    ]
                        + ["-verify_return_error", "-verify_hostname", "webhook.ns.svc", "-alpn", "h2,http/1.1"]
                        + options
                )
                #expect((answer.status == 0) == isGood, "\(answer.output)")
                if isGood {
                    #expect(answer.output.contains("Verify return code: 0 (ok)"))
                    #expect(answer.output.contains("ALPN protocol: http/1.1"))
                }
            }
        }
    }
}
