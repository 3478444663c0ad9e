package import KubeModel

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

extension Timestamp {
    /// The time of day of this machine. Never used to measure durations: it may be set.
    package static func now() -> Timestamp {
        // The members of `timespec` can't be named: NIO has a C module that declares the type as well, and in a whole-module
        // build (a release) the compiler takes them for that one's, which nobody can import.
        var time = (seconds: 0, nanoseconds: 0)
        withUnsafeMutablePointer(to: &time) { pair in
            _ = pair.withMemoryRebound(to: timespec.self, capacity: 1) { clock_gettime(CLOCK_REALTIME, $0) }
        }
        return Timestamp(seconds: Int64(time.seconds), nanoseconds: Int64(time.nanoseconds))
    }
}
