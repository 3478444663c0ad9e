// The cost of answering an admission review, without TLS, HTTP and a cluster around it. Run by hand while working on speed:
// SWIFTLET_BENCHMARKS=1 swift build -c release --scratch-path .build-release --product ReviewTime; hack/bench webhooks is the
// measurement with everything.

import ArgumentParser
import Glibc
import JSONTree
import KubeModel
import PodInjection
import Rendering
import TelemetryAPI
import YAMLTree

/// Answers each review over and over and says what one time takes.
@main
struct ReviewTime: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ReviewTime",
        abstract: "Measures answers to admission reviews of pods.",
        discussion: """
            Prints one JSON line a review, with nanoseconds of the thread's own CPU time: 'answer' is the whole answer,
            'copy' parses the review and writes it again, which is the least that a decoding webhook does with it.
            """
    )

    @Option(help: "YAML with the objects that the pods refer to: namespaces, Instrumentations, collectors, owners.")
    var objects: String
    @Argument(help: "JSON files with one AdmissionReview each.") var file: [String]
    @Option(help: "Seconds for each measurement.") var seconds = 1.0

    func run() throws {
        let objects = try ManifestReader.objects(in: Self.read(self.objects)).map { found -> KubeObject in
            guard found.object[string: "kind"] == "Instrumentation" else { return KubeObject(found.object) }
            var instrumentation = Instrumentation(found.object)
            InstrumentationDefaulting().apply(to: &instrumentation)
            return KubeObject(instrumentation.json)
        }
        let catalog = InjectionCatalog(objects, defaultNamespace: "bench") {
            SidecarCollector($0, settings: OperatorSettings(), facts: ClusterFacts(nativeSidecars: false))
        }
        let settings = InjectionSettings(enabledLanguages: Set(Language.allCases))
        // What the webhook's stores hold is at hand there, not searched for among all objects.
        let namespace = InjectionInputs.NamespaceAnswer.found(catalog.namespace("bench"))
        var known: [InjectionLookup: InjectionAnswer] = [:]
        for path in self.file {
            let body = try Self.read(path)
            var seen = 0
            func answer() throws {
                var review = try PodReview(scanning: body, settings: settings)
                while true {
                    switch review.next() {
                    case .answer(let bytes):
                        seen += bytes.count
                        return
                    case .namespace: review.answer(namespace: namespace)
                    case .lookups(let lookups):
                        for lookup in lookups {
                            let answer = known[lookup] ?? catalog.answer(to: lookup)
                            known[lookup] = answer
                            review.answer(lookup, with: answer)
                        }
                    }
                }
            }
            let answered = try self.nanoseconds(answer)
            let copied = try self.nanoseconds { seen += try JSONValue(parsing: body).bytes().count }
            let line: JSONObject = [
                "file": .string(path), "bytes": .int(body.count), "answer": .int(answered), "copy": .int(copied),
                "seen": .int(seen),
            ]
            print(JSONValue.object(line).text())
        }
    }

    /// The median of five batches, after one that is not counted.
    private func nanoseconds(_ body: () throws -> Void) throws -> Int {
        let start = Self.now()
        var count = 0
        repeat {
            try body()
            count += 1
        } while Self.now() - start < self.seconds * 1e9 / 6
        var samples: [Double] = []
        for _ in 0..<5 {
            let start = Self.now()
            for _ in 0..<count { try body() }
            samples.append((Self.now() - start) / Double(count))
        }
        return Int(samples.sorted()[2])
    }

    private static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }

    private static func read(_ path: String) throws -> [UInt8] {
        guard let file = fopen(path, "r") else { throw ValidationError("\(path): \(String(cString: strerror(errno)))") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }
}
