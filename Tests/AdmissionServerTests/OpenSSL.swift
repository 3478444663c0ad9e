import Foundation
import Testing

/// Runs the `openssl` command, the second implementation that judges our certificates.
func openssl(_ arguments: [String], input: String? = nil) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    let stdin = Pipe()
    process.standardInput = stdin
    try process.run()
    if let input { stdin.fileHandleForWriting.write(Data(input.utf8)) }
    try stdin.fileHandleForWriting.close()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
}

enum TemporaryFiles {
    /// Writes files into a directory of their own, which is gone afterwards.
    static func with(_ files: [String: String], _ body: ((String) -> String) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "adm-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        for (name, text) in files {
            try Data(text.utf8).write(to: directory.appending(path: name))
        }
        try body { directory.appending(path: $0).path(percentEncoded: false) }
    }
}
