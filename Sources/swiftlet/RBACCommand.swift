import ArgumentParser
import CollectorConfig
import Controllers
import Diagnostics
import JSONTree
import KubeClient
import KubeModel
import Rendering
import TelemetryAPI
import YAMLTree

/// `swiftlet rbac`: who needs which permissions, and why.
struct RBACCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rbac",
        abstract: "Says which permissions collectors and the operator need, and why.",
        subcommands: [RBACPlanCommand.self, RBACOperatorCommand.self]
    )
}

/// `swiftlet rbac plan`: what collectors of files need.
struct RBACPlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Says what a collector's own account needs, which component asks for it, and who can grant it.",
        discussion: """
            Works without a cluster. With --cluster (or --context, --kubeconfig) it also says what the account holds, and
            what the operator's account lacks to grant the rest: nobody may grant what they don't hold, unless they may
            escalate and bind. -o yaml prints roles to apply.

            Examples:
              \(CommandName.shown) rbac plan -f collector.yaml
              \(CommandName.shown) rbac plan -f collector.yaml --cluster
              \(CommandName.shown) rbac plan -f collector.yaml -o yaml | kubectl apply -f -
              \(CommandName.shown) rbac plan -f collector.yaml --cluster -o yaml --for operator | kubectl apply -f -

            Exit codes: 0 nothing is missing, or no cluster was asked; 1 the account lacks something that the operator
            can't grant, or a resource is invalid; 2 wrong use; 3 the cluster can't be reached; 64 an unreadable file.
            """
    )

    enum Receiver: String, ExpressibleByArgument, CaseIterable { case collector, `operator` }

    @Option(
        name: [.customShort("f"), .long],
        help: "YAML or JSON file or folder of such, '-' for standard input; repeatable."
    )
    var file: [String]
    @Flag(name: .customLong("cluster"), help: "Ask the cluster what accounts hold.") var asksCluster = false
    @Option(
        name: .customLong("for"),
        help: "Whose roles -o yaml prints: collector, or operator (asks the cluster what it lacks)."
    )
    var receiver = Receiver.collector
    @Option(help: "The operator's account, NAMESPACE/NAME. Default: that of its Deployment.")
    var operatorAccount: String?
    @OptionGroup(title: "Cluster") var cluster: ClusterFlags
    @OptionGroup(title: "Output") var output: OutputFlags

    func run() async throws {
        var plans: [RBACPlan] = []
        for object in try ManifestInput.objects(in: self.file) where object.isCollector {
            do {
                plans.append(
                    try RBACPlan(
                        Collector(object.inCurrentVersion.json),
                        namespace: self.cluster.namespace ?? "default"
                    )
                )
            } catch {
                complain("error: OpenTelemetryCollector \(object.key): \(error)")
                throw ExitCode.failure
            }
        }
        if plans.isEmpty {
            complain("warning: there is no OpenTelemetryCollector in \(self.file.joined(separator: ", "))")
        }
        if self.asksCluster || self.cluster.isGiven || self.receiver == .operator {
            plans = try await self.cluster.withCluster { client, _ in try await self.asked(plans, client) }
        }
        if self.output.output == .yaml {
            let objects = plans.flatMap { self.receiver == .operator ? $0.operatorObjects : $0.collectorObjects }
            try emit(objects.map { "---\n" + YAMLWriter.text(.object($0.json)) }.joined())
        } else {
            try self.output.emit(.array(plans.map { .object($0.json) })) { paint in
                plans.map { $0.table.text(paint) + $0.operatorText }.joined(separator: "\n")
            }
        }
        if !plans.allSatisfy(\.isGranted) { throw ExitCode.failure }
    }

    private func asked(_ plans: [RBACPlan], _ client: KubeClient) async throws -> [RBACPlan] {
        let reader = ClusterReader(client: client)
        let account = try await self.account(client)
        func ask(_ checks: [AccessCheck], _ who: ObjectKey) async throws -> [AccessAnswer] {
            let answers = try await reader.answers(
                to: checks.map { ($0, "", "") },
                of: .serviceAccount(namespace: who.namespace, name: who.name)
            )
            guard answers.allSatisfy({ $0.isAllowed != nil }) else {
                complain("error: the API server does not say what \(who) may do: you need create subjectaccessreviews")
                throw ExitCode.failure
            }
            return answers
        }
        var asked: [RBACPlan] = []
        for var plan in plans {
            plan.accountLacks = try await ask(plan.checks, plan.account).filter { $0.isAllowed != true }.map(\.check)
            plan.operatorAccount = account
            plan.operatorLacks = RBACPlan.lacks(
                roles: plan.checks.isEmpty ? [] : try await ask(RBACPlan.roleChecks, account),
                needs: try await ask(plan.checks, account),
                escalation: try await ask(RBACPlan.escalationChecks, account)
            )
            asked.append(plan)
        }
        return asked
    }

    private func account(_ client: KubeClient) async throws -> ObjectKey {
        if let operatorAccount {
            let parts = operatorAccount.split(separator: "/")
            guard parts.count == 2 else {
                throw ValidationError("--operator-account \(operatorAccount): must be NAMESPACE/NAME")
            }
            return ObjectKey(namespace: String(parts[0]), name: String(parts[1]))
        }
        let deployments = try await OperatorSearch(client: client).deployments(in: nil)
        if let account = deployments.value?.first.flatMap(OperatorSearch.account) { return account }
        return ObjectKey(namespace: OperatorSearch.usualNamespace, name: "opentelemetry-operator-controller-manager")
    }
}
