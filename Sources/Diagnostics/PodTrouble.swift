import JSONTree
package import KubeModel

/// Why a pod is not ready, as its status says.
package struct PodTrouble: Sendable, Hashable, CustomStringConvertible {
    package var pod: String
    package var reason: String
    package var message: String

    package var description: String {
        "pod \(self.pod): \(self.reason)" + (self.message.isEmpty ? "" : " (\(self.message))")
    }

    /// Nothing for a pod that is ready, has ended well or is on its way out.
    package static func all(of pod: KubeObject) -> [PodTrouble] {
        let status = pod.status ?? [:]
        let phase = status[string: "phase"] ?? ""
        if pod.metadata.isDeleting || phase == "Succeeded" { return [] }
        let conditions: [Condition] = status[views: "conditions"]
        if conditions.contains(where: { $0.type == "Ready" && $0.status == .true }) { return [] }
        func trouble(_ reason: String, _ message: String) -> PodTrouble {
            PodTrouble(pod: pod.name, reason: reason, message: self.short(message))
        }
        if phase == "Failed" {
            return [trouble(status[string: "reason"] ?? "Failed", status[string: "message"] ?? "")]
        }
        if let refused = conditions.first(where: { $0.type == "PodScheduled" && $0.status == .false }) {
            return [trouble(refused.reason.isEmpty ? "Unschedulable" : refused.reason, refused.message)]
        }
        var troubles: [PodTrouble] = []
        for list in ["initContainerStatuses", "containerStatuses"] {
            for container in status[array: list] ?? [] where container["ready"]?.bool != true {
                let name = container["name"]?.string ?? ""
                let last = container["lastState"]?["terminated"]
                if let waiting = container["state"]?["waiting"] {
                    let reason = waiting["reason"]?.string ?? "Waiting"
                    if reason == "PodInitializing" { continue }
                    var message = waiting["message"]?.string ?? ""
                    if let code = last?["exitCode"]?.int {
                        message =
                            "exit code \(code)" + (last?["reason"]?.string.map { ", \($0)" } ?? "")
                            + (last?["message"]?.string.map { ": \($0)" } ?? "")
                    }
                    troubles.append(trouble("container \(name) \(reason)", message))
                } else if let ended = container["state"]?["terminated"], ended["exitCode"]?.int != 0 {
                    let message = ended["message"]?.string ?? "exit code \(ended["exitCode"]?.int ?? -1)"
                    troubles.append(trouble("container \(name) \(ended["reason"]?.string ?? "Terminated")", message))
                } else if container["state"]?["running"] != nil, list == "containerStatuses" {
                    troubles.append(
                        trouble("container \(name) NotReady", "it runs, and its readiness probe does not pass")
                    )
                }
            }
        }
        if troubles.isEmpty { troubles.append(trouble(phase.isEmpty ? "Pending" : phase, "not ready yet")) }
        return troubles
    }

    private static func short(_ text: String) -> String {
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        return line.count > 200 ? line.prefix(199) + "…" : line
    }
}
