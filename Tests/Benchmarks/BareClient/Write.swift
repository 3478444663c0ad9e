import ArgumentParser
import JSONTree
import KubeClient
import KubeModel
import NIOCore
import YAMLTree
import _NIOFileSystem

/// One object that is written in each copy.
struct Write: Sendable {
    enum Verb: String {
        case create
        case apply
        case status
    }

    let verb: Verb
    let resource: APIResource
    let template: Template

    /// - Parameter step: `create:FILE`, `apply:FILE` or `status:FILE`.
    static func read(_ step: String, name: String, client: KubeClient) async throws -> [Write] {
        let parts = step.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, let verb = Verb(rawValue: String(parts[0])) else {
            throw ValidationError("--step \(step): must be create:FILE, apply:FILE or status:FILE")
        }
        let file = try await ByteBuffer(contentsOf: FilePath(String(parts[1])), maximumSizeAllowed: .mebibytes(16))
        var writes: [Write] = []
        for (json, _) in try ManifestReader.objects(in: Array(buffer: file)) {
            let object = KubeObject(json)
            guard let resource = try await client.discovery.resource(for: object.groupVersionKind) else {
                throw ValidationError("\(parts[1]): the server does not have \(object.apiVersion) \(object.kind)")
            }
            writes.append(Write(verb: verb, resource: resource, template: Template(json.bytes(), name: name)))
        }
        return writes
    }

    func send(_ number: Int, _ owner: String, _ client: KubeClient) async throws -> KubeObject {
        let bytes = self.template.copy(number, owner)
        guard case .object(let json) = try JSONValue(parsing: bytes) else { throw ValidationError("not an object") }
        let object = KubeObject(json)
        switch self.verb {
        case .create:
            return try await client.create(object, self.resource)
        case .apply:
            return try await client.apply(object, self.resource, fieldManager: "bare-client")
        case .status:
            return try await client.patch(
                self.resource,
                namespace: self.resource.isNamespaced ? object.namespace : nil,
                name: object.name,
                subresource: "status",
                .merge(["status": .object(object.status ?? [:])])
            )
        }
    }
}

/// An object's JSON with gaps for the copy's number and the owner's UID.
struct Template: Sendable {
    private enum Part {
        case text([UInt8])
        case number
        case owner
    }

    private static let noUID = Array("00000000-0000-0000-0000-000000000000".utf8)
    private var parts: [Part] = []

    init(_ bytes: [UInt8], name: String) {
        let name = Array(name.utf8)
        var text: [UInt8] = []
        var rest = bytes[...]
        while let byte = rest.first {
            if rest.starts(with: name) {
                self.parts += [.text(text + name.dropLast(5)), .number]
                rest = rest.dropFirst(name.count)
                text = []
            } else if rest.starts(with: Self.noUID) {
                self.parts += [.text(text), .owner]
                rest = rest.dropFirst(Self.noUID.count)
                text = []
            } else {
                text.append(byte)
                rest = rest.dropFirst()
            }
        }
        self.parts.append(.text(text))
    }

    func copy(_ number: Int, _ owner: String) -> [UInt8] {
        let digits = Array(String(number).utf8)
        let padded = Array(repeating: UInt8(ascii: "0"), count: max(0, 5 - digits.count)) + digits
        var bytes: [UInt8] = []
        for part in self.parts {
            switch part {
            case .text(let text): bytes += text
            case .number: bytes += padded
            case .owner: bytes += Array(owner.utf8)
            }
        }
        return bytes
    }
}
