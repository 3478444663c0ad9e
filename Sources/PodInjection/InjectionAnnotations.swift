package import JSONTree
package import TelemetryAPI

/// The annotations of a pod or a namespace that mean something to injection (specification section 4.1); all others are
/// left out, so that most objects hold none.
package struct InjectionAnnotations: Sendable, Hashable {
    /// An annotation other than a resource attribute.
    package struct Key: Sendable, Hashable {
        fileprivate let code: UInt8

        package static func inject(_ language: Language) -> Key { Key(code: language.place) }
        /// The containers of one language.
        package static func containerNames(_ language: Language) -> Key { Key(code: 0x10 | language.place) }
        /// `container-names`: the containers of all languages.
        package static let containerNames = Key(code: 0x20)
        package static let pythonPlatform = Key(code: 0x21)
        package static let dotnetRuntime = Key(code: 0x22)
        package static let goTargetExecutable = Key(code: 0x23)
        package static let sidecar = Key(code: 0x24)
    }

    package static let instrumentationPrefix: StaticString = "instrumentation.opentelemetry.io/"
    package static let resourcePrefix: StaticString = "resource.opentelemetry.io/"
    package static let sidecarKey: StaticString = "sidecar.opentelemetry.io/inject"

    private struct Entry: Sendable, Hashable {
        var key: Key
        var value: String
    }

    private var entries: [Entry] = []

    /// `resource.opentelemetry.io/KEY` annotations as KEY and value, in their order, each key once.
    package private(set) var resourceAttributes: [Attribute] = []
    /// Where each of them stands, once there are many: a hostile pod has tens of thousands.
    private var attributePlaces: [String: Int]?

    package init() {}

    package init(_ pairs: some Sequence<(key: String, value: String)>) {
        for (key, value) in pairs { self.set(key, value) }
    }

    /// `metadata.annotations` of an object; values that are not strings are left out.
    package init(_ annotations: JSONObject) {
        for member in annotations.members {
            if let value = member.value.string { self.set(member.key, value) }
        }
    }

    /// True when nothing here could ask for anything.
    package var isEmpty: Bool { self.entries.isEmpty && self.resourceAttributes.isEmpty }

    /// What is kept of texts, in bytes of UTF-8.
    package var textBytes: Int {
        self.entries.reduce(0) { $0 + $1.value.utf8.count }
            + self.resourceAttributes.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
    }
    /// How many annotations are kept.
    package var count: Int { self.entries.count + self.resourceAttributes.count }

    /// Whether there is any annotation besides resource attributes.
    var holdsRequests: Bool { !self.entries.isEmpty }

    /// The value of a key, `nil` when it isn't there.
    package func value(_ key: Key) -> String? {
        for entry in self.entries where entry.key == key { return entry.value }
        return nil
    }

    /// The value of a `resource.opentelemetry.io/` annotation, empty when it isn't there.
    func resourceAttribute(_ key: String) -> String {
        for attribute in self.resourceAttributes where attribute.key == key { return attribute.value }
        return ""
    }

    /// Adds one annotation if it is one of ours; the last value of a key counts.
    package mutating func set(_ key: String, _ value: String) {
        var key = key
        key.withUTF8 { bytes in
            guard Self.isOurs(bytes) else { return }
            self.set(bytes, value)
        }
    }

    /// Whether a key can be one of ours: every one has `.opentelemetry.io/` in it, at one of three places.
    static func isOurs(_ key: UnsafeBufferPointer<UInt8>) -> Bool {
        key.starts(with: Self.instrumentationPrefix) || key.starts(with: Self.resourcePrefix)
            || key.starts(with: Self.sidecarKey)
    }

    /// The bytes of a key for which ``isOurs(_:)`` holds.
    mutating func set(_ bytes: UnsafeBufferPointer<UInt8>, _ value: String) {
        if bytes.starts(with: Self.resourcePrefix) {
            let name = String(decoding: bytes.dropFirst(Self.resourcePrefix.utf8CodeUnitCount), as: UTF8.self)
            if let place = self.place(ofAttribute: name) {
                self.resourceAttributes[place].value = value
            } else {
                self.resourceAttributes.append(Attribute(key: name, value: value))
                self.remember(name)
            }
            return
        }
        guard let key = Self.key(bytes) else { return }
        if let place = self.entries.firstIndex(where: { $0.key == key }) {
            self.entries[place].value = value
        } else {
            self.entries.append(Entry(key: key, value: value))
        }
    }

    private func place(ofAttribute name: String) -> Int? {
        if let attributePlaces { return attributePlaces[name] }
        return self.resourceAttributes.firstIndex { $0.key == name }
    }

    /// Notes the place of the attribute that was added last.
    private mutating func remember(_ name: String) {
        let count = self.resourceAttributes.count
        if self.attributePlaces != nil {
            self.attributePlaces?[name] = count - 1
        } else if count == 32 {
            self.attributePlaces = Dictionary(
                self.resourceAttributes.enumerated().map { ($0.element.key, $0.offset) },
                uniquingKeysWith: { first, _ in first }
            )
        }
    }

    private static func key(_ bytes: UnsafeBufferPointer<UInt8>) -> Key? {
        if bytes.equals(self.sidecarKey) { return .sidecar }
        guard bytes.starts(with: self.instrumentationPrefix) else { return nil }
        let name = UnsafeBufferPointer(rebasing: bytes.dropFirst(self.instrumentationPrefix.utf8CodeUnitCount))
        if name.starts(with: "inject-") {
            if name.equals("inject-nginx-container-names") { return .containerNames(.nginx) }
            let id = UnsafeBufferPointer(rebasing: name.dropFirst(7))
            return self.language(id).map(Key.inject)
        }
        if name.equals("container-names") { return .containerNames }
        if name.equals("otel-python-platform") { return .pythonPlatform }
        if name.equals("otel-dotnet-auto-runtime") { return .dotnetRuntime }
        if name.equals("otel-go-auto-target-exe") { return .goTargetExecutable }
        let suffix: StaticString = "-container-names"
        guard name.count > suffix.utf8CodeUnitCount, name.ends(with: suffix) else { return nil }
        // `nginx-container-names` is not the specification's name, but the one that people write (sharp edge 9).
        return self.language(UnsafeBufferPointer(rebasing: name.dropLast(suffix.utf8CodeUnitCount)))
            .map { Key.containerNames($0) }
    }

    private static func language(_ id: UnsafeBufferPointer<UInt8>) -> Language? {
        if id.equals("java") { return .java }
        if id.equals("nodejs") { return .nodejs }
        if id.equals("python") { return .python }
        if id.equals("dotnet") { return .dotnet }
        if id.equals("go") { return .go }
        if id.equals("apache-httpd") { return .apacheHttpd }
        if id.equals("nginx") { return .nginx }
        if id.equals("sdk") { return .sdk }
        return nil
    }
}

extension InjectionAnnotations {
    /// The value that counts, given those of a pod and of its namespace (specification section 4.2); empty for none.
    package static func effective(_ key: Key, pod: InjectionAnnotations, namespace: InjectionAnnotations) -> String {
        let own = pod.value(key) ?? ""
        guard namespace.holdsRequests, let inherited = namespace.value(key), !inherited.isEmpty else { return own }
        if own.isEmpty { return inherited }
        guard own.isTrue else { return own }
        return inherited.isFalse ? own : inherited
    }
}

/// A resource attribute.
package struct Attribute: Sendable, Hashable {
    package var key: String
    package var value: String

    package init(key: String, value: String) {
        self.key = key
        self.value = value
    }
}

extension Language {
    /// Its place in the order of the cases.
    fileprivate var place: UInt8 {
        switch self {
        case .java: 0
        case .nodejs: 1
        case .python: 2
        case .dotnet: 3
        case .go: 4
        case .apacheHttpd: 5
        case .nginx: 6
        case .sdk: 7
        }
    }
}

extension String {
    /// `true` in any case, without trimming.
    var isTrue: Bool { self.equalsIgnoringCase("true") }
    var isFalse: Bool { self.equalsIgnoringCase("false") }

    /// Compares ASCII letters without their case; `other` is in lower case.
    func equalsIgnoringCase(_ other: StaticString) -> Bool {
        guard self.utf8.count == other.utf8CodeUnitCount else { return false }
        var place = 0
        for byte in self.utf8 {
            let lower = (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
            if lower != other.utf8Start[place] { return false }
            place += 1
        }
        return true
    }
}

extension UnsafeBufferPointer<UInt8> {
    func starts(with text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard self.count >= count, let base = self.baseAddress else { return count == 0 }
        return compare(base, text.utf8Start, count)
    }

    func ends(with text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard self.count >= count, let base = self.baseAddress else { return count == 0 }
        return compare(base + (self.count - count), text.utf8Start, count)
    }

    func equals(_ text: StaticString) -> Bool {
        self.count == text.utf8CodeUnitCount && self.starts(with: text)
    }

    /// For `switch name { case "metadata": … }`.
    static func ~= (text: StaticString, bytes: Self) -> Bool { bytes.equals(text) }
}

@inline(__always)
private func compare(_ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    var place = 0
    while place < count {
        if left[place] != right[place] { return false }
        place += 1
    }
    return true
}
