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
}
