package import JSONTree
import KubeModel

/// Why a pod is, or is not, instrumented: what its stamp says of the time it was created, and what would be decided now.
package struct Explanation: Sendable, Hashable {
    package struct Line: Sendable, Hashable {
        package var subject: String
        package var code: String
        package var containers: [String]
        package var source: String
        package var message: String
        /// Whether something that was asked for did not happen.
        package var isRefusal: Bool

        init(_ decision: Decision) {
            self.subject = decision.subject.id
            self.code = decision.code.rawValue
            self.containers = decision.containers
            self.source = decision.source?.description ?? ""
            self.message = decision.message
            self.isRefusal = decision.isRefusal
        }

        fileprivate init(_ entry: InjectionStamp.Entry) {
            self.subject = entry.subject
            self.code = entry.code
            self.containers = entry.containers
            self.source = entry.source
            self.message = entry.message
            self.isRefusal = ReasonCode(rawValue: entry.code).isRefusal
        }
    }

    /// What was decided when the pod was created; empty without a stamp.
    package private(set) var then: [Line] = []
    /// What would be decided were the pod created now; empty for a pod that was injected.
    package private(set) var now: [Line] = []
    /// What is to be said beyond that; empty for nothing.
    package private(set) var remark = ""

    /// - Parameters:
    ///   - pod: as it is, with its stamp if it has one.
    ///   - outcome: of injecting it now.
    ///   - isStored: whether it is a pod of a cluster, and not one that is yet to be created.
    package init(_ pod: JSONObject, _ outcome: InjectionOutcome, isStored: Bool) {
        let stamp = pod[object: "metadata"]?[object: "annotations"]?[string: InjectionStamp.annotation] ?? ""
        self.then = isStored ? InjectionStamp(parsing: stamp).entries.map(Line.init) : []
        let decided = outcome.decisions.map(Line.init)
        let isInjected = outcome.decisions.contains { $0.code == .alreadyInstrumented }
        if let rejection = outcome.rejection {
            self.remark = "it is not of a pod's shape: \(rejection)"
        } else if decided.isEmpty, self.then.isEmpty {
            if let error = outcome.error {
                self.remark = error
            } else {
                self.now = [Line(Decision.nothingAsked)]
            }
        } else if !self.then.isEmpty {
            // Once injected, a pod says no more of what it was before.
            self.now = isInjected ? [] : decided
        } else {
            self.now = decided
            if isStored, !isInjected, !decided.isEmpty {
                self.remark =
                    "the webhook was not asked when this pod was created: the operator was not ready then, the annotation came "
                    + "later, or the namespace is excluded. Create the pod anew, such as with kubectl rollout restart"
            }
        }
    }

    /// Whether something that was asked for did not happen, then or, where nothing is known of then, now.
    package var isRefusal: Bool {
        !self.remark.isEmpty || (self.then.isEmpty ? self.now : self.then).contains(where: \.isRefusal)
    }

    /// A few lines for people, without a heading.
    package var text: String {
        var lines: [String] = []
        func add(_ heading: String, _ all: [Line]) {
            if all.isEmpty { return }
            if !self.then.isEmpty { lines.append(heading) }
            let width = all.map(\.subject.count).max() ?? 0
            for line in all {
                var text =
                    "  " + line.subject + String(repeating: " ", count: width - line.subject.count + 2) + line.code
                if !line.containers.isEmpty { text += " (\(line.containers.joined(separator: ", ")))" }
                if !line.source.isEmpty { text += " from \(line.source)" }
                if !line.message.isEmpty { text += ": \(line.message)" }
                lines.append(text)
            }
        }
        add("when it was created:", self.then)
        if !self.then.isEmpty, self.now == self.then {
            lines.append("were it created now: the same")
        } else {
            add("were it created now:", self.now)
        }
        if !self.remark.isEmpty { lines.append("  " + self.remark) }
        return lines.joined(separator: "\n")
    }

    package var json: JSONObject {
        func list(_ lines: [Line]) -> JSONValue {
            .array(
                lines.map { line in
                    var object: JSONObject = ["subject": .string(line.subject), "code": .string(line.code)]
                    if !line.containers.isEmpty { object["containers"] = .strings(line.containers) }
                    if !line.source.isEmpty { object["source"] = .string(line.source) }
                    if !line.message.isEmpty { object["message"] = .string(line.message) }
                    return .object(object)
                }
            )
        }
        var object = JSONObject()
        if !self.then.isEmpty { object["then"] = list(self.then) }
        if !self.now.isEmpty { object["now"] = list(self.now) }
        if !self.remark.isEmpty { object["remark"] = .string(self.remark) }
        return object
    }
}

extension Decision {
    fileprivate static let nothingAsked = Decision(
        .pod,
        .noAnnotation,
        "neither the pod nor its namespace asks for injection: annotate one with instrumentation.opentelemetry.io/inject-java: "
            + "\"true\" (or another language), or sidecar.opentelemetry.io/inject: \"true\""
    )
}
