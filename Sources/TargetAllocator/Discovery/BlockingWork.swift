import NIOPosix

/// Runs what blocks its thread (files, the resolver) on threads that are there for it: the cooperative pool has one for
/// each core.
func blocking<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await NIOThreadPool.singleton.runIfActive(work)
}
