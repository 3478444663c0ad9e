import ArgumentParser
import CollectorVersions
import JSONTree
import KubeModel
import TelemetryAPI
import YAMLTree

/// `swiftlet convert`: collectors in the other API version, without a cluster.
struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Prints OpenTelemetryCollector resources in another API version, as the conversion webhook would.",
        discussion: """
            Works without a cluster. Other kinds in the files are printed as they are. What an older version has no words
            for is kept in an annotation and comes back with the newer one.

            Examples:
              swiftlet convert -f old.yaml > new.yaml
              kubectl get otelcol my -o yaml | swiftlet convert -f - --to v1alpha1

            Exit codes: 0 converted, 1 a configuration is none (it is printed nevertheless, and nothing of it is lost), 64
            wrong use or an unreadable file.
            """
    )

    @Option(
        name: [.customShort("f"), .long],
        help: "YAML or JSON file or folder of such, '-' for standard input; repeatable."
    )
    var file: [String]
    @Option(help: "The version to convert to: v1beta1 or v1alpha1.")
    var to = "v1beta1"

    func run() throws {
        guard let version = CollectorConversion.Version(rawValue: self.to) else {
            throw ValidationError("--to \(self.to): must be v1beta1 or v1alpha1")
        }
        var failed = false
        var texts: [String] = []
        for object in try ManifestInput.objects(in: self.file) {
            let converted = CollectorConversion.converted(object.json, to: version)
            if version == .v1beta1, object.isCollector,
                let finding = CollectorConversion.finding(of: Collector(converted))
            {
                complain("error: OpenTelemetryCollector \(object.key): \(finding)")
                failed = true
            }
            texts.append("---\n" + YAMLWriter.text(.object(converted)))
        }
        try emit(texts.joined())
        if failed { throw ExitCode(1) }
    }
}

extension KubeObject {
    /// Of whatever version.
    var isCollector: Bool {
        self.groupVersionKind.groupKind == GroupKind(group: "opentelemetry.io", kind: CollectorConversion.kind)
    }

    /// A collector of an old version in the one that everything here works with; anything else as it is.
    var inCurrentVersion: KubeObject { KubeObject(CollectorConversion.converted(self.json, to: .v1beta1)) }
}
