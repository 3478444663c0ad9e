import ArgumentParser
import JSONTree
import TelemetryAPI

#if canImport(Glibc)
import Glibc
#endif

/// The one executable: a subcommand per role. Without one it is the operator, so that an image of it can stand where
/// the Go operator's `/manager` stood, with the same flags.
@main
struct Swiftlet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: CommandName.shown,
        abstract: "An OpenTelemetry operator for Kubernetes.",
        discussion: """
            Examples:
              swiftlet render -f collector.yaml            what the operator would apply, without a cluster
              swiftlet inject -f app.yaml -f inst.yaml     what the webhook would make of the pods, without a cluster
              swiftlet explain pod NAME -n NAMESPACE       why a pod is, or is not, instrumented
              swiftlet check                               what is wrong with an installation
              swiftlet status                              collectors, instrumented workloads, pods missed
              swiftlet convert -f old.yaml                 collectors of v1alpha1 as v1beta1
              swiftlet crds --server-version 1.28 | kubectl apply --server-side -f -
              swiftlet operator --kubeconfig ~/.kube/config --webhook-url https://127.0.0.1:9443
            """,
        version: Version.current,
        subcommands: [
            OperatorCommand.self, WebhookServerCommand.self, RenderCommand.self, InjectCommand.self,
            ExplainCommand.self,
            ConvertCommand.self, CRDsCommand.self, SettingsCommand.self, VersionCommand.self, CheckCommand.self,
            RBACCommand.self, StatusCommand.self, WaitCommand.self, SupportBundleCommand.self,
            GatherCommand.self, CompletionCommand.self, TargetDiscoverCommand.self,
            TargetAllocatorCommand.self,
        ],
        defaultSubcommand: OperatorCommand.self
    )

    private static let asksAboutTheProgram: Set<String> = [
        "-h", "-help", "--help", "-version", "--version", "--experimental-dump-help", "--generate-completion-script",
    ]

    static func main() async {
        // Output through a closed pipe (`swiftlet render | head`) ends the write, not the process with a signal.
        signal(SIGPIPE, SIG_IGN)
        var arguments = CommandName.arguments(Array(CommandLine.arguments.dropFirst()))
        if CommandName.isCompletion { return KubectlCompletion.answer(arguments) }
        // Flags alone are the operator's, as `/manager` had them; only these two ask about the whole program. Where the
        // target allocator's configuration is mounted, or with flags of its own, they are the target allocator's.
        let first = arguments.first ?? "--"
        if arguments.isEmpty || first.hasPrefix("-"), TargetAllocatorCommand.isMeant(by: arguments) {
            arguments.insert("target-allocator", at: 0)
        } else if first.hasPrefix("-"),
            !Self.asksAboutTheProgram.contains(first.split(separator: "=").first.map(String.init) ?? first)
        {
            arguments.insert("operator", at: 0)
        }
        if arguments.prefix(2) == ["target-allocator", "discover"] { arguments.removeFirst() }
        // What is no command would go to the operator, as it is the default.
        let commands = Self.configuration.subcommands.compactMap { $0.configuration.commandName } + ["help"]
        if let first = arguments.first, !first.hasPrefix("-"), !commands.contains(first) {
            let hint = Spelling.nearest(to: first, among: commands).map { "did you mean \($0)?" }
            complain("error: unknown command \(first): \(hint ?? "see --help for those there are")")
            CommandName.exit(withError: ExitCode.validationFailure, arguments)
        }
        // The operator reads its own booleans.
        let isOperator = ["operator", "webhook-server", "target-allocator"].contains(arguments.first)
        do {
            var command = try Self.parseAsRoot(isOperator ? arguments : arguments.map(BooleanFlags.normalize))
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            CommandName.exit(withError: error, arguments)
        }
    }
}

enum Version {
    static let current = "0.1.0"
    /// The release of the Go operator whose behaviour is matched.
    static let compatible = "0.158.0"
}

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "Prints the version and the Go operator release it is compatible with."
    )

    func run() {
        print("swiftlet \(Version.current) (compatible with opentelemetry-operator \(Version.compatible))")
    }
}

/// Go programs take `--flag` and `--flag=false` for booleans; manifests and charts use both forms. ArgumentParser wants a
/// value, so the bare form is given one.
enum BooleanFlags {
    private static let names = Set(
        SettingCatalog.all.filter { $0.kind == .boolean }.compactMap(\.flag).map { "--\($0)" }
    )

    static func normalize(_ argument: String) -> String {
        Self.names.contains(argument) ? argument + "=true" : argument
    }
}
