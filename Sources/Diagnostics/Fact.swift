/// Something that was looked for in a cluster: it is there, it is not, or nobody may tell.
package enum Fact<Value: Sendable>: Sendable {
    case found(Value)
    case absent
    /// The API server did not say; the text is its reason.
    case unreadable(String)

    package var value: Value? {
        if case .found(let value) = self { value } else { nil }
    }

    /// Why it can't be read; `nil` when it can.
    package var unreadable: String? {
        if case .unreadable(let reason) = self { reason } else { nil }
    }

    package var isFound: Bool { self.value != nil }

    package func map<Other>(_ change: (Value) -> Other) -> Fact<Other> {
        switch self {
        case .found(let value): .found(change(value))
        case .absent: .absent
        case .unreadable(let reason): .unreadable(reason)
        }
    }
}
