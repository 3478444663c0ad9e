import FoundationEssentials
import Testing

@testable import Controllers

/// The catalog, the code and the documentation name the same metrics. That a running operator exposes no others, and what
/// dashboard and alerts ask for, is in Tests/EndToEnd/test_observability.py.
struct MetricCatalogTests {
    private static let root = "\(#filePath)".split(separator: "/Tests/")[0]

    private static func text(_ path: String) throws -> String {
        try String(contentsOfFile: "\(Self.root)/\(path)", encoding: .utf8)
    }

    @Test func entriesAreWellFormed() {
        let names = MetricCatalog.all.map(\.name)
        #expect(Set(names).count == names.count, "a name comes once")
        for metric in MetricCatalog.all {
            #expect(metric.help.hasSuffix("."), "\(metric.name)")
            #expect(metric.name.utf8.allSatisfy { $0 == 0x5F || (0x61...0x7A).contains($0) }, "\(metric.name)")
            #expect(metric.buckets.map { $0 == $0.sorted() && Set($0).count == $0.count } ?? true, "\(metric.name)")
            // Names of users' objects only where the user asked for them.
            let unbounded = metric.labels.filter { ["namespace", "collector_name", "pod", "uid"].contains($0) }
            #expect(unbounded.isEmpty || metric.name.hasPrefix("opentelemetry_collector_"), "\(metric.name)")
        }
    }

    /// The metrics of one part of the page: names with their labels.
    private static func listed(_ part: Substring) -> [String: Set<String>] {
        var listed: [String: Set<String>] = [:]
        for line in part.split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|").map { $0.split(separator: " ").joined(separator: " ") }
            guard cells.count == 4, cells[1] == "counter" || cells[1] == "gauge" || cells[1] == "histogram" else {
                continue
            }
            let labels = cells[2].split(separator: ",").map { $0.filter { $0 != "`" && $0 != " " } }
            listed[cells[0].filter { $0 != "`" }] = Set(labels.filter { !$0.isEmpty })
        }
        return listed
    }

    /// What the page says of the operator, and of the target allocator.
    private static func page() throws -> (ours: Substring, allocators: Substring) {
        let text = try Self.text("docs/observability.md")
        let parts = text.split(separator: "## Metrics of the target allocator\n", maxSplits: 1)
        try #require(parts.count == 2)
        return (parts[0], parts[1])
    }

    @Test func theDocumentationListsThemAll() throws {
        let listed = Self.listed(try Self.page().ours)
        let all = Dictionary(uniqueKeysWithValues: MetricCatalog.all.map { ($0.name, Set($0.labels)) })
        #expect(Set(listed.keys).subtracting(all.keys).sorted() == [], "listed, and not in the catalog")
        #expect(Set(all.keys).subtracting(listed.keys).sorted() == [], "in the catalog, and not listed")
        for (name, labels) in all { #expect(listed[name] == labels, "\(name)") }
    }

    @Test func theDocumentationListsThoseOfTheAllocator() throws {
        let listed = Set(Self.listed(try Self.page().allocators).keys)
        var made: Set<String> = []
        for file in try FileManager.default.subpathsOfDirectory(atPath: "\(Self.root)/Sources") {
            guard file.hasPrefix("TargetAllocator/") || file == Self.pushes, file.hasSuffix(".swift") else { continue }
            for piece in try Self.text("Sources/\(file)").split(separator: "\"") {
                guard piece.hasPrefix("opentelemetry_allocator_") || piece.hasPrefix("swiftlet_") else { continue }
                if piece.utf8.allSatisfy({ $0 == 0x5F || (0x61...0x7A).contains($0) }) { made.insert(String(piece)) }
            }
        }
        #expect(made.count > 15, "the sources were read")
        #expect(made.sorted() == listed.sorted())
    }

    /// Only the allocator pushes.
    private static let pushes = "OTLPExport/OTLPMetricExporter.swift"

    /// Names with an underscore in literals that follow one of the marks.
    private static func literals(_ text: String, after marks: [String]) -> Set<String> {
        var found: Set<String> = []
        for mark in marks {
            for part in text.split(separator: mark, omittingEmptySubsequences: false).dropFirst() {
                let rest = part.drop { $0 == " " || $0 == "\n" }
                guard rest.first == "\"" else { continue }
                let name = rest.dropFirst().prefix { $0 != "\"" }
                // Loggers and threads have labels, too; an interpolated name is one of --enable-cr-metrics.
                if name.contains("_"), !name.contains("\\") { found.insert(String(name)) }
            }
        }
        return found
    }

    /// Every handle is made with a literal name, so reading the sources finds all of them.
    @Test func theCodeMakesNoOthers() throws {
        let names = Set(MetricCatalog.all.map(\.name))
        var found: Set<String> = []
        for file in try FileManager.default.subpathsOfDirectory(atPath: "\(Self.root)/Sources") {
            guard file.hasSuffix(".swift"), !file.hasSuffix("+Generated.swift") else { continue }
            // The catalog is the operator's; the target allocator has names of others to keep.
            if file.hasPrefix("TargetAllocator/") || file == Self.pushes { continue }
            found.formUnion(Self.literals(try Self.text("Sources/\(file)"), after: ["label:", "writer.value("]))
        }
        #expect(found.count > 40, "the sources were read")
        #expect(found.subtracting(names).sorted() == [])
        let unmade = names.subtracting(found).filter { !$0.hasPrefix("opentelemetry_collector_") }
        #expect(unmade.sorted() == ["swiftlet_metrics_rejected_series_total"], "that one is written by the exposition")
    }
}
