import CDiscovery
import TargetDiscovery

/// The DNS, by way of the servers and the search list of resolv.conf.
struct Resolver: Sendable {
    /// Type codes of the DNS.
    enum RecordType: Int32, Sendable {
        case a = 1
        case nameServer = 2
        case mailExchange = 15
        case aaaa = 28
        case service = 33
    }

    /// What is found under the first name of the search list that exists; nothing, when none does.
    ///
    /// - Throws: ``ResolverError`` when no server answered; then it is not known what there is.
    func records(of name: String, _ type: RecordType) async throws -> [DNSRecord] {
        try await blocking {
            var isCertain = true
            for candidate in Self.search().candidates(for: name) {
                let (outcome, records) = Self.query(candidate, type)
                switch outcome {
                case CRESOLVER_ANSWERED: return records
                case CRESOLVER_NO_SUCH_NAME: continue
                default: isCertain = false
                }
            }
            if isCertain { return [] }
            throw ResolverError(name: name)
        }
    }

    private static func search() -> DNSSearch {
        var buffer = [CChar](repeating: 0, count: 2048)
        let dots = cresolver_search(&buffer, buffer.count)
        guard dots >= 0 else { return DNSSearch() }
        let text = buffer.withUnsafeBufferPointer { buffer in
            String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        return DNSSearch(domains: text.split(separator: " ").map(String.init), dots: Int(dots))
    }

    private static func query(_ name: String, _ type: RecordType) -> (outcome: Int, records: [DNSRecord]) {
        Self.collect { cresolver_query(name, type.rawValue, $0, $1) }
    }

    /// Takes apart an answer; `nil` when it is none.
    static func parse(_ message: [UInt8]) -> [DNSRecord]? {
        let (outcome, records) = Self.collect { context, visit in
            message.withUnsafeBufferPointer { cresolver_parse($0.baseAddress, $0.count, context, visit) }
        }
        return outcome == CRESOLVER_FAILED ? nil : records
    }

    private static func collect(
        _ ask: (UnsafeMutableRawPointer?, @escaping cresolver_visitor) -> Int32
    ) -> (outcome: Int, records: [DNSRecord]) {
        var records: [DNSRecord] = []
        let outcome = withUnsafeMutablePointer(to: &records) { pointer in
            ask(UnsafeMutableRawPointer(pointer)) { context, record in
                guard let context, let record, let found = DNSRecord(record.pointee) else { return }
                context.assumingMemoryBound(to: [DNSRecord].self).pointee.append(found)
            }
        }
        return (Int(outcome), outcome == CRESOLVER_FAILED ? [] : records)
    }
}

struct ResolverError: Error, CustomStringConvertible {
    var name: String
    var description: String { "no server of resolv.conf gave a usable answer for \(self.name)" }
}

extension DNSRecord {
    fileprivate init?(_ record: cresolver_record) {
        func text<Tuple>(_ tuple: Tuple) -> String {
            withUnsafeBytes(of: tuple) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        switch Resolver.RecordType(rawValue: record.type) {
        case .a, .aaaa: self = .address(text(record.address))
        case .service: self = .service(target: text(record.target) + ".", port: Int(record.port))
        case .mailExchange: self = .mailExchange(text(record.target) + ".")
        case .nameServer: self = .nameServer(text(record.target) + ".")
        case nil: return nil
        }
    }
}
