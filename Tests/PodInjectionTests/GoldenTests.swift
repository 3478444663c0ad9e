import Glibc
import JSONTree
import KubeModel
import PodInjection
import Testing
import YAMLTree

/// Fixtures/CASE/input.yaml is a ``Scenario``; expected.yaml is the changed pod and, as a second document, the decisions
/// and the error. `UPDATE_GOLDEN=1` writes what comes out now: read the difference.
///
/// The rows of specification section 9 are tested by:
///
/// | section | tests |
/// | --- | --- |
/// | 9.1 | `AnnotationTests.effective`, all rows for both kinds of annotation |
/// | 9.2 | `ServiceNameTests.rows`; container 1st and 2nd: `secondContainerHasItsOwn` |
/// | 9.3 | `ResourceAttributeTests`, in the order of the table; image parse: `ImageReferenceTests` |
/// | 9.4 | `EnvironmentTests`, in the order of the table; two containers of Java: Fixtures/java-containers; attach env: `SharpEdgeTests.edge23AddressesOfTheAttachContainer` |
/// | 9.5 | `ContainerSelectionTests`. "Unknown target: at the end" cannot happen, as without a target nothing is added (sharp edge 16) |
/// | 9.6 | `MutatorTests`; empty payload: `AdmissionRequestTests`, `AdmissionAnswerTests`; sidecars: `SidecarTests.injects`, `namespaceAsks`, `thereIsNothingToInject`, `oneIsEnough`, `removal` |
/// | 9.7 | `SidecarTests`. "Add when one exists" is a call that nothing here can make |
/// | 9.8 | `WebServerTests`, Fixtures/apache |
struct GoldenTests {
    static let directory =
        "\(#filePath)".split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        + "/Fixtures"

    static let cases: [String] = {
        guard let handle = opendir(Self.directory) else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }()

    @Test func thereAreCases() { #expect(Self.cases.count > 20) }

    @Test(arguments: Self.cases) func matches(_ name: String) throws {
        let scenario = try Scenario(try Self.read("\(name)/input.yaml"))
        let result = try scenario.run()
        let outcome = result.outcome
        var report: JSONObject = [
            "decisions": .array(
                outcome.decisions.map { decision in
                    var object: JSONObject = [
                        "subject": .string(decision.subject.id), "code": .string(decision.code.rawValue),
                    ]
                    if !decision.containers.isEmpty { object["containers"] = .strings(decision.containers) }
                    if !decision.message.isEmpty { object["message"] = .string(decision.message) }
                    return .object(object)
                }
            )
        ]
        if let error = outcome.error { report["error"] = .string(error) }
        let actual: [JSONValue] = [.object(result.pod.json), .object(report)]
        if getenv("UPDATE_GOLDEN") != nil {
            try Self.write("\(name)/expected.yaml", YAMLWriter.stream(actual))
        }
        let expected = try YAMLReader.documents(in: Array(try Self.read("\(name)/expected.yaml").utf8))
        try #require(expected.count == 2)
        let difference = JSONPatch.diff(from: expected[0], to: actual[0])
        #expect(difference.isEmpty, "the pod differs: \(difference.json)")
        #expect(expected[1] == actual[1])
        // The webhook would be asked again after other webhooks: then nothing is left to do.
        let again = try scenario.run(result.stamped.json)
        let isUnchanged = !again.outcome.isChanged
        #expect(isUnchanged, "the second pass changes: \(String(decoding: again.outcome.patch, as: UTF8.self))")
    }

    static func read(_ path: String) throws -> String {
        let file = try #require(fopen("\(Self.directory)/\(path)", "r"), "\(path) can't be read")
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer.prefix(count)
        }
    }

    private static func write(_ path: String, _ text: String) throws {
        let file = try #require(fopen("\(Self.directory)/\(path)", "w"), "\(path) can't be written")
        defer { fclose(file) }
        _ = Array(text.utf8).withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
    }
}
