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

    /// Sets a boolean from a flag, else from a variable, else leaves it.
    func set(_ value: inout Bool, _ flag: String?, _ name: String) {
        if let text = flag ?? self[name] { value = BooleanFlags.value(text) }
    }
}
