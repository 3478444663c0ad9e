import FoundationEssentials
import JSONTree
import Testing

@testable import AdmissionServer

struct MutualTLSBundleTests {
    private let start = Date(timeIntervalSince1970: 1_800_000_000)
    private let names = ServerNames(["ta-targetallocator", "ta-targetallocator.ns.svc"])

    private func bundle(
        _ stored: MutualTLSBundle.Secrets = .init(),
        at now: Date
    ) throws -> MutualTLSBundle {
        try MutualTLSBundle(stored: stored, names: self.names, now: now)
    }

    private func certificates(_ data: JSONObject, _ key: String) throws -> [IssuedCertificate] {
        let encoded = try #require(data[string: key])
        let bytes = try #require(Data(base64Encoded: encoded))
        return try IssuedCertificate.parse(pem: String(decoding: bytes, as: UTF8.self))
    }

    /// Whether each side accepts what the other shows, with the files that each may have at that time.
    private func trust(_ left: JSONObject, _ right: JSONObject) throws -> Bool {
        let leaf = try #require(try self.certificates(left, "tls.crt").first)
        return try self.certificates(right, "ca.crt").contains { leaf.isSigned(by: $0) }
    }

    @Test func makesAllThree() throws {
        let made = try self.bundle(at: self.start)
        #expect(made.secrets.server["ca.key"] == nil)
        #expect(made.secrets.client["ca.key"] == nil)
        #expect(try self.trust(made.secrets.server, made.secrets.client))
        #expect(try self.trust(made.secrets.client, made.secrets.server))
    }

    @Test func restsWhenAllIsWell() throws {
        let made = try self.bundle(at: self.start)
        let again = try self.bundle(made.secrets, at: self.start + 3_600)
        #expect(again.actions == [])
        #expect(again.secrets == made.secrets)
    }

    @Test func makesALostClientCertificateAgain() throws {
        var stored = try self.bundle(at: self.start).secrets
        stored.client = [:]
        let again = try self.bundle(stored, at: self.start + 60)
        #expect(again.secrets.server == stored.server)
        #expect(try self.trust(again.secrets.client, again.secrets.server))
    }

    /// Two years and more, a look each half day: whatever one side read a quarter of an hour ago, and the other reads now,
    /// each accepts the other. (Half days are longer than the hour in which a new authority is learnt.)
    @Test func neitherSideIsEverCutOff() throws {
        var now = self.start
        var last = try self.bundle(at: now).secrets
        var authorities: Set<String> = []
        var leaves: Set<String> = []
        while now < self.start + 800 * 86_400 {
            now += 43_200
            let next = try self.bundle(last, at: now)
            for (old, new) in [(last.server, next.secrets.client), (last.client, next.secrets.server)] {
                #expect(try self.trust(old, new))
                #expect(try self.trust(new, old))
            }
            let leaf = try #require(try self.certificates(next.secrets.client, "tls.crt").first)
            #expect(leaf.isValid(at: now))
            leaves.insert(leaf.fingerprint)
            authorities.formUnion(try self.certificates(next.secrets.server, "ca.crt").map(\.fingerprint))
            last = next.secrets
        }
        #expect(authorities.count >= 2)
        #expect(leaves.count >= 10)
    }
}
