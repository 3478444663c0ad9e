package import JSONTree

/// The order of a pod's containers and of their variables: init containers run one after the other, and a variable can
/// refer only to those before it.
///
/// Server-side apply finds the elements of these lists by name. Servers before Kubernetes 1.24 leave those that are there
/// where they are and put new ones behind them, whatever order is wanted.
package enum ListOrder {
    /// Puts the elements of a live pod template into the order that is wanted. Those of others keep their places.
    ///
    /// - Returns: the template; `nil` when its order is right.
    package static func restored(_ live: JSONObject, as wanted: JSONObject) -> JSONObject? {
        guard var pod = live[object: "spec"], let wanted = wanted[object: "spec"] else { return nil }
        var isChanged = false
        for list in ["initContainers", "containers"] {
            guard let wanted = wanted[array: list], let elements = pod[array: list] else { continue }
            var containers = self.ordered(elements, as: wanted) ?? elements
            for place in containers.indices {
                guard var container = containers[place].object,
                    let variables = container[array: "env"],
                    let wanted = wanted.first(where: { $0["name"] == container["name"] })?["env"]?.array,
                    let ordered = self.ordered(variables, as: wanted)
                else { continue }
                container["env"] = .array(ordered)
                containers[place] = .object(container)
            }
            guard containers != elements else { continue }
            pod[list] = .array(containers)
            isChanged = true
        }
        guard isChanged else { return nil }
        var template = live
        template["spec"] = .object(pod)
        return template
    }

    /// - Returns: `nil` when the order is right, or names don't tell the elements apart.
    private static func ordered(_ live: [JSONValue], as wanted: [JSONValue]) -> [JSONValue]? {
        var places: [String: Int] = [:]
        for (place, element) in live.enumerated() {
            guard let name = element["name"]?.string, places.updateValue(place, forKey: name) == nil else { return nil }
        }
        let names = wanted.compactMap { $0["name"]?.string }
        let taken = names.compactMap { places[$0] }
        guard Set(names).count == names.count, taken != taken.sorted() else { return nil }
        var result = live
        for (place, source) in zip(taken.sorted(), taken) { result[place] = live[source] }
        return result
    }
}
