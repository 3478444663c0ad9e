import JSONTree
import KubeModel
import TelemetryAPI

extension CollectorContext {
    /// The StatefulSet of mode statefulset (specification section 3.6).
    func statefulSet() -> KubeObject {
        var object = self.workload("StatefulSet")
        var spec = object.spec ?? [:]
        if let replicas = self.replicas { spec["replicas"] = .int(replicas) }
        spec["serviceName"] = .string(self.spec.serviceName ?? ObjectName.headlessService(self.name))
        spec["podManagementPolicy"] = .string(self.spec.text("podManagementPolicy") ?? "Parallel")
        if let claims = self.spec.json[array: "volumeClaimTemplates"], !claims.isEmpty {
            spec["volumeClaimTemplates"] = .array(claims)
            // What is stored has defaults and whatever admission adds; by this it is still known to be made of these.
            let wanted = JSONObject([("claims", .array(claims))]).withoutNulls
            object.metadata.annotations[ObjectAnnotations.claimsHash] = HexDigest.sha256(wanted.bytes(.canonical), 16)
        }
        spec.copy("persistentVolumeClaimRetentionPolicy", from: self.spec.json)
        object.spec = spec
        return object
    }
}
