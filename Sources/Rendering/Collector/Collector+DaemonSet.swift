import JSONTree
import KubeModel
import TelemetryAPI

extension CollectorContext {
    /// The DaemonSet of mode daemonset (specification section 3.6).
    func daemonSet() -> KubeObject {
        var object = self.workload("DaemonSet")
        if let strategy = self.spec.json[object: "daemonSetUpdateStrategy"], !strategy.isDeeplyEmpty {
            object.spec?["updateStrategy"] = .object(strategy)
        }
        return object
    }
}
