import NIOCore

/// The events of one watch, pulled one at a time. Dropping it, or cancelling the task that waits in it, closes the request.
/// It can be iterated once.
package struct WatchStream: AsyncSequence, Sendable {
    package typealias Element = WatchEvent

    let chunks: StreamedResponse.Chunks

    /// Ends when the server ends the watch; throws ``KubeClientError`` when the connection breaks or falls silent.
    package struct AsyncIterator: AsyncIteratorProtocol {
        private var chunks: StreamedResponse.Chunks.AsyncIterator
        private var lines = LineSplitter()

        init(_ chunks: StreamedResponse.Chunks.AsyncIterator) { self.chunks = chunks }

        package mutating func next() async throws -> WatchEvent? {
            try await self.next(isolation: #isolation)
        }

        package mutating func next(isolation actor: isolated (any Actor)?) async throws(any Error) -> WatchEvent? {
            while true {
                if let line = try self.lines.next() {
                    do { return try WatchEvent(line: line) } catch {
                        throw KubeClientError(
                            .malformedResponse,
                            "a line of a watch is no event: \(error)",
                            cause: error
                        )
                    }
                }
                if let chunk = try await self.chunks.next(isolation: actor) {
                    self.lines.append(chunk)
                } else if self.lines.hasPartialLine {
                    throw KubeClientError(.connectionClosed, "a watch ended within an event")
                } else {
                    return nil
                }
            }
        }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self.chunks.makeAsyncIterator()) }
}
