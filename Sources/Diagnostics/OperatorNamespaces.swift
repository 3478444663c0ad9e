import JSONTree
package import KubeModel

/// What a Deployment tells of how its operator was started.
package enum OperatorNamespaces {
    /// What the operator was started with: a flag wins over a variable. `nil` for what neither says.
    package static func setting(_ name: String, of deployment: KubeObject) -> String? {
        let containers = deployment.spec?["template"]?["spec"]?["containers"]?.array ?? []
        let flag = "--\(name)="
        let variable = String(name.map { $0 == "-" ? "_" : $0 }).uppercased()
        for container in containers {
            let arguments = (container["args"]?.array ?? []).compactMap(\.string)
            if let given = arguments.last(where: { $0.hasPrefix(flag) }) { return String(given.dropFirst(flag.count)) }
            let variables = container["env"]?.array ?? []
            guard let given = variables.last(where: { $0["name"]?.string == variable }) else { continue }
            if given["valueFrom"]?["fieldRef"]?["fieldPath"]?.string == "metadata.namespace" {
                return deployment.namespace
            }
            return given["value"]?.string
        }
        return nil
    }

    /// The namespaces it watches; empty for all.
    package static func watched(by deployment: KubeObject) -> [String] {
        self.setting("watch-namespace", of: deployment)?.split(separator: ",").map(String.init) ?? []
    }
}
