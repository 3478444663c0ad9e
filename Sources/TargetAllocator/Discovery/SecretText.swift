/// A value that stands in the configuration or in a file, which is read when it is needed as it may be replaced.
enum SecretText {
    static func text(_ inline: String?, file: String?) async throws -> String {
        guard let file, !file.isEmpty else { return inline ?? "" }
        let bytes = try await Self.read(file)
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        guard let first = bytes.firstIndex(where: { !isBlank($0) }), let last = bytes.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(decoding: bytes[first...last], as: UTF8.self)
    }

    /// `nil` when neither is given.
    static func bytes(_ inline: String?, file: String?) async throws -> [UInt8]? {
        if let file, !file.isEmpty { return try await Self.read(file) }
        guard let inline, !inline.isEmpty else { return nil }
        return Array(inline.utf8)
    }

    private static func read(_ path: String) async throws -> [UInt8] {
        do {
            return try await blocking { try FileContent.bytes(of: path) }
        } catch let error as FileError {
            throw FileError(message: "\(path): \(error.message)")
        }
    }
}
