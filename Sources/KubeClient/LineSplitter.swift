import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Cuts a stream of chunks into lines: a line may span any number of chunks, a chunk may hold many lines.
struct LineSplitter {
    /// No object is near this: etcd refuses more than 1.5 MB by default.
    static let maximumLine = 64 << 20

    private var pending = ByteBuffer()
    /// How many bytes of ``pending`` are known to hold no line feed, so that a long line is searched once.
    private var searched = 0
    let maximumLine: Int

    init(maximumLine: Int = Self.maximumLine) { self.maximumLine = maximumLine }

    /// How much memory is held for what is pending.
    var capacity: Int { self.pending.capacity }

    /// Bytes of a line that has no end yet.
    var hasPartialLine: Bool { self.pending.readableBytes > 0 }

    mutating func append(_ chunk: ByteBuffer) {
        if self.pending.readableBytes == 0 {
            // Most chunks hold whole lines: they are cut where they lie.
            self.pending = chunk
            self.searched = 0
        } else {
            // The lines before were cut off the front. Without this the buffer would grow for as long as no chunk ends
            // where a line does; with nothing in front of a long line, the bytes of that line stay where they are.
            self.pending.discardReadBytes()
            self.pending.writeImmutableBuffer(chunk)
        }
    }

    /// The next whole line without its end, `nil` when more bytes are needed. Empty lines are passed over.
    ///
    /// - Throws: ``KubeClientError`` with code `tooLarge`.
    mutating func next() throws -> ByteBuffer? {
        while true {
            let count = self.pending.readableBytes
            guard let length = self.lineLength() else {
                self.searched = count
                guard count <= self.maximumLine else {
                    throw KubeClientError(.tooLarge, "a line of a watch is longer than \(self.maximumLine) bytes")
                }
                return nil
            }
            self.searched = 0
            guard var line = self.pending.readSlice(length: length) else { return nil }
            self.pending.moveReaderIndex(forwardBy: 1)
            if self.pending.readableBytes == 0 { self.pending = ByteBuffer() }
            if line.readableBytesView.last == 0x0D { line.moveWriterIndex(to: line.writerIndex - 1) }
            if line.readableBytes > 0 { return line }
        }
    }

    private func lineLength() -> Int? {
        self.pending.withUnsafeReadableBytes { bytes in
            guard let base = bytes.baseAddress, self.searched < bytes.count,
                let end = memchr(base + self.searched, 0x0A, bytes.count - self.searched)
            else { return nil }
            return UnsafeRawPointer(end) - base
        }
    }
}
