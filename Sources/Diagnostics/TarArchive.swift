package import KubeModel

/// A file of a bundle.
package struct BundleFile: Sendable, Hashable {
    /// With `/` between folders, none in front.
    package var path: String
    package var bytes: [UInt8]

    package init(_ path: String, _ bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }

    package init(_ path: String, _ text: String) { self.init(path, Array(text.utf8)) }
}

/// Writes POSIX tar (ustar, with pax headers for long names), so that an image without `tar` can make one.
package enum TarArchive {
    package static func bytes(of files: [BundleFile], time: Timestamp) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(files.reduce(1024) { $0 + $1.bytes.count + 1024 })
        for file in files {
            var name = Array(file.path.utf8)
            if name.count > 100 {
                let record = self.record("path", file.path)
                self.append(Array("pax".utf8), record, type: "x", time, to: &bytes)
                name = Array(name.suffix(100))
            }
            self.append(name, file.bytes, type: "0", time, to: &bytes)
        }
        // Two empty blocks end an archive.
        bytes.append(contentsOf: repeatElement(0, count: 1024))
        return bytes
    }

    /// `LENGTH KEY=VALUE\n`, where the length counts itself.
    private static func record(_ key: String, _ value: String) -> [UInt8] {
        let rest = " \(key)=\(value)\n"
        var length = rest.utf8.count
        while String(length).utf8.count + rest.utf8.count != length {
            length = String(length).utf8.count + rest.utf8.count
        }
        return Array("\(length)\(rest)".utf8)
    }

    private static func append(
        _ name: [UInt8],
        _ content: [UInt8],
        type: Unicode.Scalar,
        _ time: Timestamp,
        to bytes: inout [UInt8]
    ) {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: some Collection<UInt8>, at place: Int) {
            for (offset, byte) in text.enumerated() { header[place + offset] = byte }
        }
        func octal(_ value: Int, _ width: Int, at place: Int) {
            let digits = String(value, radix: 8)
            put((String(repeating: "0", count: max(0, width - digits.count)) + digits).utf8, at: place)
        }
        put(name, at: 0)
        octal(0o644, 7, at: 100)
        octal(0, 7, at: 108)
        octal(0, 7, at: 116)
        octal(content.count, 11, at: 124)
        octal(Int(max(0, time.seconds)), 11, at: 136)
        put("        ".utf8, at: 148)
        header[156] = UInt8(ascii: type)
        put("ustar".utf8, at: 257)
        put("00".utf8, at: 263)
        let sum = header.reduce(0) { $0 + Int($1) }
        octal(sum, 6, at: 148)
        header[154] = 0
        header[155] = 0x20
        bytes.append(contentsOf: header)
        bytes.append(contentsOf: content)
        let rest = content.count % 512
        if rest > 0 { bytes.append(contentsOf: repeatElement(0, count: 512 - rest)) }
    }
}

/// Writes gzip (RFC 1952) of stored blocks: what ends in `.gz` is one, without a compressor in the program.
package enum GzipFile {
    package static func bytes(storing content: [UInt8], time: Timestamp) -> [UInt8] {
        var bytes: [UInt8] = [0x1F, 0x8B, 8, 0]
        bytes.reserveCapacity(content.count + content.count / 65_535 * 5 + 32)
        self.append(UInt32(truncatingIfNeeded: time.seconds), to: &bytes)
        bytes += [0, 255]
        var start = 0
        repeat {
            let count = min(65_535, content.count - start)
            let isLast = start + count == content.count
            bytes += [
                isLast ? 1 : 0, UInt8(count & 0xFF), UInt8(count >> 8), UInt8(~count & 0xFF), UInt8(~count >> 8 & 0xFF),
            ]
            bytes.append(contentsOf: content[start..<start + count])
            start += count
        } while start < content.count
        self.append(self.checksum(content), to: &bytes)
        self.append(UInt32(truncatingIfNeeded: content.count), to: &bytes)
        return bytes
    }

    private static func append(_ number: UInt32, to bytes: inout [UInt8]) {
        for shift in [0, 8, 16, 24] { bytes.append(UInt8(number >> UInt32(shift) & 0xFF)) }
    }

    /// CRC-32.
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        let table = (0..<256).map { index -> UInt32 in
            (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
        }
        return ~bytes.reduce(UInt32.max) { sum, byte in table[Int((sum ^ UInt32(byte)) & 0xFF)] ^ sum >> 8 }
    }
}
