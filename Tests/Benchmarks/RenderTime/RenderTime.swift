// What `hack/bench render` runs: the cost of rendering a collector, without processes, files and a cluster around it.

import ArgumentParser
import Glibc
import JSONTree
import KubeModel
import Rendering
import TelemetryAPI
import YAMLTree

/// Renders each file's collector over and over and says what one time takes.
@main
struct RenderTime: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "RenderTime",
        abstract: "Measures the rendering of collectors.",
        discussion: """
            Prints one JSON line a file, with microseconds of the thread's own CPU time: 'plan' is what a reconcile
            computes, 'admission' what a review of the collector does (defaults and validation), 'copy' writes the
            rendered objects as JSON and parses them again, which is the least that anybody can do with them.
            """
    )

    @Argument(help: "YAML or JSON files with one OpenTelemetryCollector each.") var file: [String]
    @Option(help: "Seconds for each measurement.") var seconds = 1.0

    func run() throws {
        for path in self.file {
            guard let object = try ManifestReader.objects(in: Self.read(path)).first?.object else {
                throw ValidationError("\(path) holds no object")
            }
            print(JSONValue.object(try self.measure(Collector(object), path)).text())
        }
    }

    private func measure(_ given: Collector, _ path: String) throws -> JSONObject {
        let (settings, facts) = (OperatorSettings(), ClusterFacts())
        let collector = try defaultCollector(given.withSchemaDefaults, settings: settings).collector
        let inputs = CollectorInputs(collector: collector, settings: settings, facts: facts)
        let objects = try plan(inputs).apply.map { JSONValue.object($0.json) }
        // Each result is looked at, so that no call can be left out.
        var seen = 0
        let admission = try self.microseconds {
            let defaulted = try defaultCollector(given.withSchemaDefaults, settings: settings)
            let validation = validateCollector(defaulted.collector, settings: settings, facts: facts)
            guard validation.errors.isEmpty else { throw ValidationError("\(path): \(validation.errors[0])") }
            seen += validation.warnings.count
        }
        let planned = try self.microseconds { seen += try plan(inputs).apply.count }
        let copied = try self.microseconds {
            for object in objects where try JSONValue(parsing: object.bytes()) != .null { seen += 1 }
        }
        return [
            "file": .string(path), "objects": .int(objects.count),
            "bytes": .int(objects.reduce(0) { $0 + $1.bytes().count }),
            "admission": .int(admission), "plan": .int(planned), "copy": .int(copied), "seen": .int(seen),
        ]
    }

    /// The median of five batches, after one that is not counted.
    private func microseconds(_ body: () throws -> Void) rethrows -> Int {
        let first = Self.now()
        var warm = 0
        repeat {
            try body()
            warm += 1
        } while Self.now() - first < self.seconds / 6
        var batches: [Double] = []
        for _ in 0..<5 {
            let start = Self.now()
            for _ in 0..<warm { try body() }
            batches.append((Self.now() - start) / Double(warm))
        }
        return Int((batches.sorted()[2] * 1e6).rounded())
    }

    /// What others do on the same processor is not in it.
    private static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func read(_ path: String) throws -> [UInt8] {
        guard let stream = fopen(path, "r") else { throw ValidationError("cannot read \(path)") }
        defer { fclose(stream) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&buffer, 1, buffer.count, stream), count > 0 { bytes += buffer[..<count] }
        return bytes
    }
}
