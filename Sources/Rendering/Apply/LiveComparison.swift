package import JSONTree
import KubeModel

/// Whether an object of the cluster already says all that is wanted of it, so that writing it would change nothing.
///
/// The server adds defaults and other managers add members of their own, so the question is whether what is wanted is
/// contained in what is there, not whether both are equal. A wrong "no" costs one request that changes nothing; a wrong
/// "yes" would leave a difference standing, so where in doubt the answer is no. What was wanted once and no longer is can't
/// be seen here: for that the caller compares the hash of the wanted object with the one it applied last.
package enum LiveComparison {
    /// - Parameters:
    ///   - wanted: an object as it would be applied.
    ///   - live: the same object as the server holds it.
    package static func holds(_ wanted: JSONObject, in live: JSONObject) -> Bool {
        for member in wanted.members {
            switch member.key {
            // Served in several versions, and left out in lists; status is not ours to apply.
            case "apiVersion", "kind", "status": continue
            default: guard self.holds(member.value, in: live[member.key]) else { return false }
            }
        }
        return true
    }

    private static func holds(_ wanted: JSONValue, in live: JSONValue?) -> Bool {
        guard let live else {
            // The server drops empty maps, lists and texts of many types; a flag or number that is wanted must be there.
            return self.saysNothing(wanted)
        }
        switch (wanted, live) {
        case (.object(let wanted), .object(let live)):
            return wanted.members.allSatisfy { self.holds($0.value, in: live[$0.key]) }
        case (.array(let wanted), .array(let live)):
            return self.holds(wanted, in: live)
        case (.string(let wanted), .string(let live)):
            return wanted == live || self.sameQuantity(wanted, live)
        case (.number, .string(let text)), (.string(let text), .number):
            // Quantities may be written as numbers; the server stores them as strings.
            let number = (wanted.number ?? live.number)?.literal ?? ""
            return number == text || self.sameQuantity(number, text)
        default:
            return wanted == live
        }
    }

    private static func saysNothing(_ wanted: JSONValue) -> Bool {
        switch wanted {
        case .null: true
        case .string(let text): text.isEmpty
        case .array(let elements): elements.isEmpty
        case .object(let object): object.members.allSatisfy { self.saysNothing($0.value) }
        case .bool, .number: false
        }
    }

    /// Element by element; where others have added elements to a list with names, by name.
    private static func holds(_ wanted: [JSONValue], in live: [JSONValue]) -> Bool {
        if wanted.count == live.count, zip(wanted, live).allSatisfy({ self.holds($0, in: $1) }) { return true }
        guard wanted.count < live.count || wanted.count == live.count else { return false }
        for key in ["name", "mountPath", "type", "uid"] {
            let names = wanted.compactMap { $0[key]?.string }
            guard names.count == wanted.count, Set(names).count == names.count, !names.isEmpty else { continue }
            return wanted.allSatisfy { element in
                live.contains { $0[key] == element[key] && self.holds(element, in: $0) }
            }
        }
        return false
    }

    private static func sameQuantity(_ left: String, _ right: String) -> Bool {
        guard let first = left.utf8.first, (0x30...0x39).contains(first) || first == 0x2E || first == 0x2D,
            let left = Quantity(left), let right = Quantity(right)
        else { return false }
        return left == right
    }
}
