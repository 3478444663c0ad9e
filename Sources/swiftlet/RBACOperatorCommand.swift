import ArgumentParser
import JSONTree
import Rendering
import YAMLTree

/// `swiftlet rbac operator`: the roles of the operator's own account, from the table that the manifests are made of.
struct RBACOperatorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "operator",
        abstract: "Prints what the operator's own account needs, and why.",
        discussion: """
            Examples:
              \(CommandName.shown) rbac operator                                  a table with reasons
              \(CommandName.shown) rbac operator -o yaml | kubectl apply -f -     the roles, cluster-wide
              \(CommandName.shown) rbac operator --watch-namespace a,b -o yaml    Roles in a and b, less in the ClusterRole
              \(CommandName.shown) rbac operator --feature automatic-rbac         with the right to write roles
            """
    )

    enum Format: String, ExpressibleByArgument, CaseIterable { case table, markdown, json, yaml }

    @Option(name: .shortAndLong, help: "table, markdown, json (rules by scope) or yaml (the roles).")
    var output = Format.table
    @Option(help: "Namespaces that the operator watches, with commas between them; without it, all.")
    var watchNamespace: String?
    @Option(help: "Further: automatic-rbac. Repeatable.")
    var feature: [String] = []
    @Flag(help: "Without the rights that the operator needs to register its webhooks.")
    var withoutWebhooks = false
    @Option(help: "The operator's namespace.") var namespace = OperatorSearch.usualNamespace
    @Option(help: "The operator's account.") var account = "opentelemetry-operator-controller-manager"
    @Option(help: "What the names of the roles begin with.") var prefix = "opentelemetry-operator"

    func run() throws {
        var features = Set(self.withoutWebhooks ? [] : [OperatorPermission.Feature.webhooks])
        for name in self.feature {
            guard let feature = OperatorPermission.Feature(rawValue: name) else {
                let names = OperatorPermission.Feature.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--feature \(name): there is no such feature; there are: \(names)")
            }
            features.insert(feature)
        }
        let roles = OperatorRoles(
            namespace: self.namespace,
            account: self.account,
            prefix: self.prefix,
            watchNamespaces: self.watchNamespace?.split(separator: ",").map(String.init) ?? [],
            features: features
        )
        switch self.output {
        case .table: try emit(roles.table)
        case .markdown: try emit(OperatorRoles.markdown)
        case .json: try emit(roles.rules.text() + "\n")
        case .yaml: try emit(roles.objects.map { "---\n" + YAMLWriter.text(.object($0)) }.joined())
        }
    }
}
