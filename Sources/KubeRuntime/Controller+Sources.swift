package import KubeModel

/// An object that knows its owners, so that a store of it can wake them.
package protocol OwnedItem: Sendable {
    /// All owners, also those that are not controllers.
    var owners: [ObjectMetadata.Owner] { get }
}

/// An object that knows its labels.
package protocol LabeledItem: Sendable {
    func label(_ name: String) -> String?
}

extension ObjectMetadata: OwnedItem, LabeledItem {
    package func label(_ name: String) -> String? { self.labels[name] }
}

extension KubeObject: OwnedItem, LabeledItem {
    package var owners: [ObjectMetadata.Owner] {
        self.metadata.ownerReferences.map {
            ObjectMetadata.Owner(
                apiVersion: $0.apiVersion,
                kind: $0.kind,
                name: $0.name,
                uid: $0.uid,
                isController: $0.isController
            )
        }
    }

    package func label(_ name: String) -> String? { self.metadata.labels[name] }
}

/// The keys of the objects of one kind that own an item, in any version of that kind. The owner of a namespaced object
/// is in its namespace.
package func ownerKeys<Item: OwnedItem>(
    of change: StoreChange<Item>,
    kind: GroupKind,
    controllersOnly: Bool = true
) -> [ObjectKey] {
    var keys: Set<ObjectKey> = []
    // Both states: when an object changes hands, the old owner has to make a new one.
    for state in change.states {
        for owner in state.owners where owner.groupKind == kind && (owner.isController || !controllersOnly) {
            keys.insert(ObjectKey(namespace: change.key.namespace, name: owner.name))
        }
    }
    return Array(keys)
}

extension Controller where Key == ObjectKey {
    /// Wakes an object by its own changes.
    package func watch<Item>(
        _ store: Store<Item>,
        where matches: @escaping @Sendable (StoreChange<Item>) -> Bool = { _ in true }
    ) {
        self.watch(store, where: matches) { [$0.key] }
    }

    /// Wakes the owner of an object.
    ///
    /// - Parameter kind: what the owner is, in whatever version the reference was written.
    package func watch<Item: OwnedItem>(
        owned store: Store<Item>,
        by kind: GroupKind,
        controllersOnly: Bool = true,
        where matches: @escaping @Sendable (StoreChange<Item>) -> Bool = { _ in true }
    ) {
        self.watch(store, where: matches) { ownerKeys(of: $0, kind: kind, controllersOnly: controllersOnly) }
    }

    /// Wakes the object that a label names, as `namespace.name` (split at the first dot, as namespaces have none) or,
    /// without a dot, by its name in the same namespace.
    package func watch<Item: LabeledItem>(
        labeled store: Store<Item>,
        with label: String,
        where matches: @escaping @Sendable (StoreChange<Item>) -> Bool = { _ in true }
    ) {
        self.watch(store, where: matches) { change in
            change.states.compactMap { state in
                state.label(label).flatMap { ObjectKey(label: $0, namespace: change.key.namespace) }
            }
        }
    }
}

extension ObjectKey {
    /// Reads `namespace.name`, or `name` with the namespace given.
    package init?(label: String, namespace: String) {
        guard let dot = label.firstIndex(of: ".") else {
            guard !label.isEmpty else { return nil }
            self.init(namespace: namespace, name: label)
            return
        }
        let name = label[label.index(after: dot)...]
        guard dot != label.startIndex, !name.isEmpty else { return nil }
        self.init(namespace: String(label[..<dot]), name: String(name))
    }
}
