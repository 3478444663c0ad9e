import JSONTree
import KubeModel
import TelemetryAPI

extension TargetAllocatorContext {
    /// The Service that collectors ask.
    func service() -> KubeObject {
        var object = self.object(GroupVersionKind(group: "", version: "v1", kind: "Service"), self.objectName)
        var ports: [JSONValue] = [
            ["name": "targetallocation", "port": 80, "protocol": "TCP", "targetPort": "http"]
        ]
        if self.spec.usesMutualTLS {
            ports.append(["name": "targetallocation-https", "port": 443, "protocol": "TCP", "targetPort": "https"])
        }
        var spec: JSONObject = ["selector": .object(JSONObject(strings: self.selectorLabels)), "ports": .array(ports)]
        spec.copy("ipFamilies", "ipFamilyPolicy", "trafficDistribution", from: self.spec.json)
        object.spec = spec
        return object
    }
}
