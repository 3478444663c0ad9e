import ArgumentParser

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
              swiftlet convert -f old.yaml                 collectors of v1alpha1 as v1beta1
              swiftlet crds --server-version 1.28 | kubectl apply --server-side -f -
              swiftlet operator --kubeconfig ~/.kube/config --webhook-url https://127.0.0.1:9443
            """,
        version: Version.current,
        subcommands: [
            OperatorCommand.self, WebhookServerCommand.self, RenderCommand.self, InjectCommand.self,
            ExplainCommand.self,
            ConvertCommand.self, CRDsCommand.self, VersionCommand.self, CheckCommand.self,
            RBACCommand.self, StatusCommand.self, WaitCommand.self, SupportBundleCommand.self,
            GatherCommand.self, CompletionCommand.self,
        ],
        defaultSubcommand: OperatorCommand.self
    )

    static func main() async {
        // Output through a closed pipe (`swiftlet render | head`) ends the write, not the process with a signal.
        signal(SIGPIPE, SIG_IGN)
        let arguments = CommandName.arguments(Array(CommandLine.arguments.dropFirst()))
        if CommandName.isCompletion { return KubectlCompletion.answer(arguments) }
        do {
            var command = try Self.parseAsRoot(arguments.map(BooleanFlags.normalize))
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
    static let names: Set<String> = [
        "--metrics-secure", "--enable-leader-election", "--enable-webhooks", "--ignore-missing-collector-crds",
        "--create-rbac-permissions", "--openshift-create-dashboard", "--enable-multi-instrumentation",
        "--enable-java-instrumentation", "--enable-nodejs-instrumentation", "--enable-python-instrumentation",
        "--enable-dotnet-instrumentation", "--enable-apache-httpd-instrumentation", "--enable-go-instrumentation",
        "--enable-nginx-instrumentation", "--enable-cr-metrics", "--create-sm-operator-metrics",
        "--tls-cluster-profile", "--tls-configure-operands", "--zap-devel",
    ]

    static func normalize(_ argument: String) -> String {
        Self.names.contains(argument) ? argument + "=true" : argument
    }

    /// Go's ParseBool: 1, t, T, TRUE, true, True are true; everything else is false, as for the Go operator.
    static func value(_ text: String) -> Bool {
        ["1", "t", "T", "TRUE", "true", "True"].contains(text)
    }
}
