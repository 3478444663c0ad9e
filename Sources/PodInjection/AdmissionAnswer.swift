import JSONTree
import KubeModel

/// The bytes of an AdmissionReview (admission.k8s.io/v1) that answers a request, written without a tree.
package enum AdmissionAnswer {
    /// Allowed, nothing changed.
    package static func allowed(_ uid: String) -> [UInt8] {
        var writer = Self.begin(uid, allowed: true, capacity: 192)
        Self.end(&writer, code: 200)
        return writer.bytes
    }

    /// Refused: only for what isn't a pod at all (specification section 3.2.1).
    package static func denied(_ uid: String, code: Int, message: String) -> [UInt8] {
        var writer = Self.begin(uid, allowed: false, capacity: 256)
        Self.end(&writer, code: code, message: message)
        return writer.bytes
    }

    /// What injection came to: a patch; or no change; or an error, with which the pod is let in as it came (specification
    /// section 3.2.4); or a refusal.
    package static func answer(_ uid: String, _ outcome: InjectionOutcome) -> [UInt8] {
        if let rejection = outcome.rejection { return Self.denied(uid, code: 400, message: rejection) }
        var writer = Self.begin(uid, allowed: true, capacity: 512 + outcome.patch.count * 4 / 3)
        if !outcome.patch.isEmpty {
            writer.write(raw: ",\"patch\":\"")
            Base64.append(outcome.patch, to: &writer.bytes)
            writer.write(raw: "\",\"patchType\":\"JSONPatch\"")
        }
        if !outcome.warnings.isEmpty {
            writer.write(raw: ",\"warnings\":")
            writer.write(.strings(outcome.warnings))
        }
        if let error = outcome.error {
            Self.end(&writer, code: 500, message: error)
        } else {
            Self.end(&writer, code: 200)
        }
        return writer.bytes
    }

    private static func begin(_ uid: String, allowed: Bool, capacity: Int) -> JSONWriter {
        var writer = JSONWriter(reservingCapacity: capacity)
        writer.write(raw: "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"response\":{\"uid\":")
        writer.write(string: uid)
        writer.write(raw: allowed ? ",\"allowed\":true" : ",\"allowed\":false")
        return writer
    }

    private static func end(_ writer: inout JSONWriter, code: Int, message: String? = nil) {
        writer.write(raw: ",\"status\":{")
        if let message {
            writer.write(raw: "\"message\":")
            writer.write(string: message)
            writer.write(raw: ",")
        }
        writer.write(raw: "\"code\":")
        writer.write(.int(code))
        writer.write(raw: "}}}")
    }
}
