package import JSONTree
package import KubeModel

extension KubeObject {
    /// `spec` as a merge patch that also takes away what the server has defaulted and now refuses, as server-side apply
    /// leaves alone what it did not write: a Deployment of strategy RollingUpdate has `rollingUpdate`, with which it can't
    /// become one of strategy Recreate.
    package var replacementSpec: JSONObject? {
        guard var spec = self.spec else { return nil }
        if self.kind == "Deployment", spec[object: "strategy"]?[string: "type"] == "Recreate" {
            spec.mutateObject("strategy") { $0["rollingUpdate"] = .null }
        }
        return spec
    }
}
