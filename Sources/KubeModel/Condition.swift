package import JSONTree

/// One entry of `status.conditions` (meta/v1 Condition).
package struct Condition: JSONView {
    package enum Status: String, Sendable {
        case `true` = "True"
        case `false` = "False"
        case unknown = "Unknown"
    }

    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package init(
        type: String,
        status: Status,
        reason: String,
        message: String,
        observedGeneration: Int? = nil,
        lastTransitionTime: String
    ) {
        self.json = ["type": .string(type), "status": .string(status.rawValue)]
        self.json[int: "observedGeneration"] = observedGeneration
        self.json["lastTransitionTime"] = .string(lastTransitionTime)
        self.json["reason"] = .string(reason)
        self.json["message"] = .string(message)
    }

    package var type: String { self.json[string: "type"] ?? "" }
    package var status: Status { Status(rawValue: self.json[string: "status"] ?? "") ?? .unknown }
    package var reason: String { self.json[string: "reason"] ?? "" }
    package var message: String { self.json[string: "message"] ?? "" }
    package var lastTransitionTime: String? {
        get { self.json[string: "lastTransitionTime"] }
        set { self.json[string: "lastTransitionTime"] = newValue }
    }
}

extension [Condition] {
    /// Sets a condition by its type; the transition time stays while the status does.
    package mutating func set(_ condition: Condition) {
        var condition = condition
        if let place = self.firstIndex(where: { $0.type == condition.type }) {
            if self[place].status == condition.status, let since = self[place].lastTransitionTime {
                condition.lastTransitionTime = since
            }
            self[place] = condition
        } else {
            self.append(condition)
        }
    }
}
