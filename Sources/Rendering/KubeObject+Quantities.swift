import JSONTree
import KubeModel

extension KubeObject {
    /// Writes quantities that are numbers as strings.
    ///
    /// `cpu: 1` is what many write, and a custom resource keeps it so. API servers read that in any request but
    /// server-side apply, which looks at the schema first, where a quantity is a string.
    mutating func writeQuantitiesAsStrings() {
        guard Self.kindsWithQuantities.contains(self.kind) else { return }
        if let changed = self.json.withQuantitiesAsStrings(below: "") { self.json = changed }
    }

    private static let kindsWithQuantities = ["Deployment", "StatefulSet", "DaemonSet", "HorizontalPodAutoscaler"]
}

extension JSONObject {
    /// `nil` when there is nothing to change, which is nearly always.
    fileprivate func withQuantitiesAsStrings(below parent: String) -> JSONObject? {
        var copy: JSONObject?
        for (key, value) in self {
            let changed: JSONValue?
            switch value {
            case .number(let number): changed = Self.isQuantity(key, below: parent) ? .string(number.literal) : nil
            case .object(let inner): changed = inner.withQuantitiesAsStrings(below: key).map { .object($0) }
            case .array(let elements):
                let new = elements.map { $0.object?.withQuantitiesAsStrings(below: key) }
                changed =
                    new.contains { $0 != nil }
                    ? .array(zip(elements, new).map { old, new in new.map { .object($0) } ?? old }) : nil
            default: changed = nil
            }
            if let changed {
                var object = copy ?? self
                object[key] = changed
                copy = object
            }
        }
        return copy
    }

    /// Of resources, of `resourceFieldRef`, of `emptyDir`, and of the metrics and rules of an autoscaler.
    private static func isQuantity(_ key: String, below parent: String) -> Bool {
        switch parent {
        case "limits", "requests": true
        case "target": key == "value" || key == "averageValue"
        default: key == "divisor" || key == "sizeLimit" || key == "tolerance"
        }
    }
}
