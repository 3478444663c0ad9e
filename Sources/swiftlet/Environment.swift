#if canImport(Glibc)
import Glibc
#endif

/// The process's environment. An empty variable counts as absent.
struct Environment {
    subscript(name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.isEmpty ? nil : text
    }

    /// All variables by name.
    var all: [String: String] {
        var all: [String: String] = [:]
        var place = environ
        while let entry = place.pointee {
            let sides = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if sides.count == 2 { all[String(sides[0])] = String(sides[1]) }
            place += 1
        }
        return all
    }
}
