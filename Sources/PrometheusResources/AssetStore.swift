package import KubeModel

/// A Secret or ConfigMap.
package struct AssetID: Sendable, Hashable, CustomStringConvertible {
    package enum Kind: String, Sendable, Hashable {
        case secret = "Secret"
        case configMap = "ConfigMap"
    }

    package var kind: Kind
    package var key: ObjectKey

    package init(_ kind: Kind, _ key: ObjectKey) {
        self.kind = kind
        self.key = key
    }

    package var description: String { "\(self.kind.rawValue) \(self.key)" }
}

/// One value of a Secret or ConfigMap that a resource names.
package struct AssetReference: Sendable, Hashable {
    package var asset: AssetID
    package var key: String

    package init(_ asset: AssetID, key: String) {
        self.asset = asset
        self.key = key
    }
}

/// What is known of a Secret or ConfigMap.
package enum AssetContent: Sendable, Hashable {
    /// Keys and values, Secrets already decoded.
    case present([String: [UInt8]])
    case missing
    /// It could not be fetched; with why.
    case unreadable(String)
}

/// The Secrets and ConfigMaps that were fetched.
package struct AssetStore: Sendable, Equatable {
    private var contents: [AssetID: AssetContent] = [:]

    package init() {}

    /// `nil`: never asked for.
    package subscript(asset: AssetID) -> AssetContent? {
        get { self.contents[asset] }
        set { self.contents[asset] = newValue }
    }

    var assets: [AssetID] { Array(self.contents.keys) }
}

/// How a translation comes by values: from a store, or by noting what it would need.
struct AssetReader {
    private enum Mode {
        case reading(AssetStore)
        case collecting
    }

    private let mode: Mode
    private(set) var references: [AssetReference] = []

    init(_ store: AssetStore) { self.mode = .reading(store) }

    /// Notes references only; every value is there and is empty.
    static var collecting: AssetReader { AssetReader(mode: .collecting) }

    private init(mode: Mode) { self.mode = mode }

    var isCollecting: Bool {
        if case .collecting = self.mode { true } else { false }
    }

    /// - Parameter path: the field that names it, for the message.
    mutating func text(_ reference: AssetReference, at path: String) throws(Rejection) -> String {
        self.references.append(reference)
        guard case .reading(let store) = self.mode else { return "" }
        let asset = reference.asset
        switch store[asset] {
        case nil, .missing:
            throw Rejection(
                asset.kind == .secret ? .missingSecret : .missingConfigMap,
                "\(path): there is no \(asset); create it, or name another one"
            )
        case .unreadable(let reason):
            throw Rejection(.unreadableAsset, "\(path): \(asset) can't be read: \(reason)")
        case .present(let values):
            guard let bytes = values[reference.key] else {
                throw Rejection(
                    .missingKey,
                    "\(path): \(asset) has no key \"\(reference.key)\"; add it, or name another key"
                )
            }
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw Rejection(
                    .unreadableAsset,
                    "\(path): key \"\(reference.key)\" of \(asset) does not hold text in UTF-8"
                )
            }
            return text
        }
    }
}
