import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Synchronization

/// Receives one answer piece by piece and hands the pieces on as they are asked for.
///
/// Pieces arrive on the event loop, which stops reading from the connection while ``Chunks`` holds enough of them. The
/// connection is closed as soon as the reader is gone: dropped, or its task cancelled.
///
/// States: waiting for the head -> streaming (status 200) -> ended, or -> collecting the body of another status -> ended.
final class StreamedResponse: HTTPClientResponseDelegate {
    typealias Response = Void
    typealias Chunks = NIOThrowingAsyncSequenceProducer<
        ByteBuffer, any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, Demand
    >

    enum Start: Sendable {
        case stream(HTTPHeaders, Chunks)
        /// Any status but 200, with the whole body.
        case answer(APIResponse)
    }

    /// The body of an error is read up to this many bytes.
    private static let maximumErrorBody = 1 << 20

    private enum State {
        case waitingForHead
        case streaming(Chunks.Source, Demand)
        case collecting(HTTPResponseHead, ByteBuffer)
        case ended
    }

    /// The start on its way to who waits for it. It must not be kept here: the stream ends when its last holder goes, and
    /// the HTTP client holds this object as long as the request runs.
    private enum Handover {
        case empty
        case waiting(CheckedContinuation<Start, any Error>)
        case ready(Result<Start, any Error>)
        case done
    }

    private let handover = Mutex(Handover.empty)
    private let state: NIOLoopBoundBox<State>
    private let translate: @Sendable (any Error) -> any Error

    /// - Parameter translate: makes the HTTP client's errors ours, for the reader of the stream.
    init(eventLoop: any EventLoop, translate: @escaping @Sendable (any Error) -> any Error) {
        self.state = NIOLoopBoundBox.makeBoxSendingValue(.waitingForHead, eventLoop: eventLoop)
        self.translate = translate
    }

    /// Waits for the head (and for an error the body); to be called once.
    ///
    /// - Throws: the HTTP client's errors.
    func start() async throws -> Start {
        try await withCheckedThrowingContinuation { continuation in
            let result = self.handover.withLock { handover -> Result<Start, any Error>? in
                if case .ready(let result) = handover {
                    handover = .done
                    return result
                }
                handover = .waiting(continuation)
                return nil
            }
            if let result { continuation.resume(with: result) }
        }
    }

    private func deliver(_ result: Result<Start, any Error>) {
        let continuation = self.handover.withLock { handover -> CheckedContinuation<Start, any Error>? in
            switch handover {
            case .empty: handover = .ready(result)
            case .waiting(let continuation):
                handover = .done
                return continuation
            case .ready, .done: break
            }
            return nil
        }
        continuation?.resume(with: result)
    }

    func didReceiveHead(task: HTTPClient.Task<Void>, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        if head.status == .ok {
            let demand = Demand(task: task)
            let sequence = Chunks.makeSequence(
                elementType: ByteBuffer.self,
                failureType: (any Error).self,
                backPressureStrategy: .init(lowWatermark: 2, highWatermark: 8),
                finishOnDeinit: true,
                delegate: demand
            )
            self.state.value = .streaming(sequence.source, demand)
            self.deliver(.success(.stream(head.headers, sequence.sequence)))
        } else {
            self.state.value = .collecting(head, ByteBuffer())
        }
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didReceiveBodyPart(task: HTTPClient.Task<Void>, _ buffer: ByteBuffer) -> EventLoopFuture<Void> {
        switch self.state.value {
        case .streaming(let source, let demand):
            switch source.yield(buffer) {
            case .produceMore: break
            case .stopProducing: return demand.wait(on: task.eventLoop)
            case .dropped: task.cancel()
            }
        case .collecting(let head, var body):
            // The state must not hold the buffer while it grows, or each piece copies it.
            self.state.value = .ended
            if body.readableBytes < Self.maximumErrorBody { body.writeImmutableBuffer(buffer) }
            self.state.value = .collecting(head, body)
        case .waitingForHead, .ended: break
        }
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didFinishRequest(task: HTTPClient.Task<Void>) throws {
        switch self.state.value {
        case .streaming(let source, _): source.finish()
        case .collecting(let head, let body):
            let response = APIResponse(status: Int(head.status.code), headers: head.headers, body: body)
            self.deliver(.success(.answer(response)))
        case .waitingForHead: self.deliver(.failure(HTTPClientError.remoteConnectionClosed))
        case .ended: break
        }
        self.state.value = .ended
    }

    func didReceiveError(task: HTTPClient.Task<Void>, _ error: any Error) {
        switch self.state.value {
        case .streaming(let source, _): source.finish(self.translate(error))
        case .waitingForHead, .collecting: self.deliver(.failure(error))
        case .ended: break
        }
        self.state.value = .ended
    }

    /// Gives up when there is no head yet. On the event loop.
    func headIsLate(_ task: HTTPClient.Task<Void>) {
        switch self.state.value {
        case .waitingForHead, .collecting:
            self.state.value = .ended
            self.deliver(.failure(HTTPClientError.deadlineExceeded))
            task.cancel()
        case .streaming, .ended: break
        }
    }
}

/// What the reader of a stream wants: more, or no more at all.
final class Demand: NIOAsyncSequenceProducerDelegate {
    private let task: HTTPClient.Task<Void>
    private let waiting: NIOLoopBoundBox<EventLoopPromise<Void>?>

    /// On the event loop of the task.
    init(task: HTTPClient.Task<Void>) {
        self.task = task
        self.waiting = NIOLoopBoundBox(nil, eventLoop: task.eventLoop)
    }

    /// Completes when the reader wants more.
    func wait(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        self.waiting.value = promise
        return promise.futureResult
    }

    func produceMore() {
        self.task.eventLoop.execute { self.resume() }
    }

    func didTerminate() {
        self.task.cancel()
        // Nobody reads any more; a promise must be completed all the same.
        self.task.eventLoop.execute { self.resume() }
    }

    private func resume() {
        let promise = self.waiting.value
        self.waiting.value = nil
        promise?.succeed()
    }
}
