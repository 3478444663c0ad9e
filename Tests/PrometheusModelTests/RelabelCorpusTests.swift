import JSONTree
import PrometheusModel
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What a real Prometheus answered, as `hack/check-relabelling` recorded it.
struct RelabelCorpusTests {
    struct Failure: Error { var message: String }

    static func read(_ path: String) throws -> JSONObject {
        guard let file = fopen(path, "r") else { throw Failure(message: "cannot read \(path)") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return try #require(try JSONValue(parsing: bytes).object)
    }

    static func recorded() throws -> JSONObject {
        var folder = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        folder.removeLast()
        return try self.read(folder.joined(separator: "/") + "/Fixtures/relabelling.json")
    }

    @Test(arguments: [false, true])
    func fixedCases(isPlain: Bool) throws {
        let corpus = try Self.recorded()
        let compared = try Self.compare(corpus, isPlain: isPlain)
        #expect(compared.cases >= 300)
        #expect(compared.dropped >= 100)
        #expect(compared.targets - compared.without >= 1200)
    }

    /// Cases that the script made, with what Prometheus answered there and then.
    @Test(.enabled(if: getenv("SWIFTLET_RELABEL_CASES") != nil), arguments: [false, true])
    func givenCases(isPlain: Bool) throws {
        let path = try #require(getenv("SWIFTLET_RELABEL_CASES").map { String(cString: $0) })
        let compared = try Self.compare(try Self.read(path), isPlain: isPlain)
        #expect(compared.targets > compared.without)
    }

    @Test func rulesThatPrometheusRefuses() throws {
        let corpus = try Self.recorded()
        for element in corpus[array: "invalid"] ?? [] {
            let rule = try #require(element["rules"]?[0]?.object)
            let names = try #require(LabelName.Scheme(rawValue: element["names"]?.string ?? ""))
            let accepted = element["accepted"]?.bool
            do {
                _ = try RelabelRule(json: rule, names: names)
                #expect(accepted == true, "\(rule) is accepted")
            } catch {
                #expect(accepted == false, "\(rule) is refused: \(error)")
                #expect(!error.field.isEmpty)
            }
        }
    }

    private struct Counts {
        var cases = 0
        var targets = 0
        var dropped = 0
        /// Of which Prometheus makes no target.
        var without = 0
    }

    private static func compare(_ corpus: JSONObject, isPlain: Bool) throws -> Counts {
        var counts = Counts()
        // One table for all, as the allocator has it.
        var table = SymbolTable()
        let seeds = corpus[stringMap: "seeds"] ?? [:]
        for element in corpus[array: "cases"] ?? [] {
            let name = element["name"]?.string ?? ""
            // The Prometheus that was asked knows no other names.
            let rules = try (element["rules"]?.array ?? []).map {
                try RelabelRule(json: try #require($0.object), names: .legacy)
            }
            var relabelling = Relabelling(
                rules: rules,
                seeds: [Label(name: "job", value: name)] + seeds.sorted { $0.key < $1.key }.map(Label.init),
                isPlain: isPlain
            )
            counts.cases += 1
            for target in element["targets"]?.array ?? [] {
                counts.targets += 1
                let own = try #require(target["labels"]?.object?.members)
                let set = LabelSet(own.map { Label(name: $0.key, value: $0.value.string ?? "") }, in: &table)
                let answer = try #require(target["answer"]?.object)
                guard let left = answer["left"] else {
                    counts.without += 1
                    continue
                }
                let outcome = relabelling.apply(set, in: &table)
                switch outcome {
                case .dropped:
                    counts.dropped += 1
                    #expect(left.isNull, "\(name): \(own) is dropped")
                case .kept(let kept):
                    let ours = JSONObject(strings: Self.served(kept.labels(in: table)))
                    #expect(
                        JSONValue.object(ours) == left,
                        "\(name): \(JSONValue.object(JSONObject(own.map { ($0.key, $0.value) })))"
                    )
                }
            }
        }
        return counts
    }

    /// What Prometheus does after relabelling.
    private static func served(_ labels: [Label]) -> [String: String] {
        var map = Dictionary(labels.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        if map["instance", default: ""].isEmpty { map["instance"] = self.withPort(map["__address__", default: ""]) }
        return map.filter { !$0.key.hasPrefix("__") }
    }

    /// An address without a port gets that of HTTP.
    private static func withPort(_ address: String) -> String {
        address.contains(":") ? address : address + ":80"
    }
}
