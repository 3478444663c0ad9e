import FoundationEssentials
import JSONTree
import Testing

@testable import AdmissionServer

@Suite struct CertificateBundleTests {
    static let now = Date(timeIntervalSince1970: 1_800_000_000)
    static let names = ServerNames(["webhook.ns.svc"])

    /// A bundle in the middle of two rotations: every key of the Secret is in use.
    static func fullBundle() throws -> CertificateBundle {
        let authority = try CertificateAuthority.make(now: self.now)
        let serving = try authority.issueServing(for: self.names, now: self.now)
        return try CertificateBundle(
            authority: authority,
            next: .init(try CertificateAuthority.make(now: self.now), since: self.now.addingTimeInterval(-60)),
            previous: [try CertificateAuthority.make(now: self.now).certificate],
            previousUntil: self.now.addingTimeInterval(1_000),
            serving: serving.certificate,
            servingKeyPEM: serving.keyPEM
        )
    }

    @Test func secretGoesBothWays() throws {
        let bundle = try Self.fullBundle()
        let data = bundle.secretData
        #expect(
            Array(data.keys) == [
                "ca.crt", "ca.key", "next-ca.key", "next-ca.since", "previous-ca.until", "tls.crt", "tls.key",
            ]
        )
        let again = try CertificateBundle(secretData: data)
        #expect(again == bundle)
        #expect(again.secretData == data)
        #expect(StoredBundle(secretData: data) == .intact(bundle))
        #expect(try IssuedCertificate.parse(pem: bundle.trustPEM) == bundle.trusted)
        #expect(bundle.trusted.count == 3)
        let decoded = try #require(Data(base64Encoded: bundle.caBundle))
        #expect(String(decoding: decoded, as: UTF8.self) == bundle.trustPEM)
    }

    @Test func orderOfAuthoritiesDoesNotMatter() throws {
        let bundle = try Self.fullBundle()
        var data = bundle.secretData
        let turned = bundle.trusted.reversed().map(\.pem).joined()
        data["ca.crt"] = .string(Data(turned.utf8).base64EncodedString())
        #expect(try CertificateBundle(secretData: data) == bundle)
    }

    @Test func absent() {
        #expect(StoredBundle(secretData: nil) == .absent)
        #expect(StoredBundle(secretData: [:]) == .absent)
    }

    @Test(arguments: ["ca.crt", "ca.key", "next-ca.key", "next-ca.since", "previous-ca.until", "tls.crt", "tls.key"])
    func everyKeyIsNamedWhenItIsWrong(name: String) throws {
        let bundle = try Self.fullBundle()
        // A next authority whose key is gone counts as a previous one: clients still trust it, nobody signs with it.
        if name != "next-ca.key" {
            var data = bundle.secretData
            data.remove(name)
            let error = CertificateError(.missing, "the Secret has no \(name)")
            #expect(StoredBundle(secretData: data) == .corrupt(error))
        }
        for wrong in ["*", "", Data("nonsense".utf8).base64EncodedString(), Data([0xFF, 0xFE]).base64EncodedString()] {
            var data = bundle.secretData
            data[name] = .string(wrong)
            guard case .corrupt(let error) = StoredBundle(secretData: data) else {
                Issue.record("\(name) = \(wrong) was taken")
                continue
            }
            #expect(error.message.contains(name), "\(error)")
        }
        var data = bundle.secretData
        data[name] = 7
        guard case .corrupt = StoredBundle(secretData: data) else {
            Issue.record("a number was taken")
            return
        }
    }

    @Test func partsOfDifferentBundlesDoNotMix() throws {
        let one = try Self.fullBundle()
        let other = try Self.fullBundle()
        for name in ["ca.crt", "ca.key", "tls.crt", "tls.key", "next-ca.key"] {
            var data = one.secretData
            data[name] = other.secretData[name]
            guard case .corrupt(let error) = StoredBundle(secretData: data) else {
                Issue.record("\(name) of another bundle was taken")
                continue
            }
            #expect(error.code == .mismatch, "\(name): \(error)")
        }
    }

    @Test func damageIsFoundOrHarmless() throws {
        let bundle = try Self.fullBundle()
        var random = SplitMix(seed: 7)
        for _ in 0..<60 {
            var data = bundle.secretData
            let member = data.members[Int(random.next() % UInt64(data.count))]
            var text = Array(Data(base64Encoded: member.value.string ?? "") ?? Data())
            let place = Int(random.next() % UInt64(text.count))
            switch random.next() % 3 {
            case 0: text[place] = UInt8(truncatingIfNeeded: random.next())
            case 1: text.remove(at: place)
            default: text.removeSubrange(place...)
            }
            data[member.key] = .string(Data(text).base64EncodedString())
            // Whatever is accepted can be served.
            if case .intact(let bundle) = StoredBundle(secretData: data) {
                #expect(throws: Never.self) { _ = try TLSContextSource(bundle.identity) }
            }
        }
    }
}
