package import KubeModel

/// What happened to one object in a store.
package struct StoreChange<Item: Sendable>: Sendable {
    package enum Kind: Sendable, Hashable {
        case added, changed, deleted
    }

    package var key: ObjectKey
    /// What the store held before, `nil` when the object is new to it.
    package var old: Item?
    /// What it holds now, `nil` when the object is gone.
    package var new: Item?

    package init(key: ObjectKey, old: Item?, new: Item?) {
        self.key = key
        self.old = old
        self.new = new
    }

    package var kind: Kind { self.old == nil ? .added : self.new == nil ? .deleted : .changed }
    /// Every state of the object this change knows of: for mapping to keys, where both the old and the new owner matter.
    package var states: [Item] { [self.old, self.new].compactMap { $0 } }
}

extension StoreChange: Equatable where Item: Equatable {}

/// A way to find objects by something other than their key.
package struct StoreIndex<Item>: Sendable {
    /// Tells indexes of one store apart.
    package var name: String
    /// Under which values an object is found.
    package var values: @Sendable (Item) -> [String]

    package init(_ name: String, values: @escaping @Sendable (Item) -> [String]) {
        self.name = name
        self.values = values
    }
}

extension StoreIndex<ObjectMetadata> {
    /// By the uid of each owner.
    package static let ownerUID = StoreIndex("owner-uid") { $0.owners.map(\.uid) }

    /// By the value of a label.
    package static func label(_ label: String) -> StoreIndex {
        StoreIndex("label:\(label)") { $0.labels[label].map { [$0] } ?? [] }
    }
}

/// The objects of a store with their indexes: the pure half of ``Store``.
package struct StoreState<Item: Sendable & Equatable>: Sendable {
    private struct Entry {
        var resourceVersion: String
        var item: Item
    }

    /// A list in progress; nothing of it is visible before it is complete.
    private struct Listing {
        var entries: [String: [String: Entry]] = [:]
        var malformed: Set<ObjectKey> = []
    }

    // By namespace, then name: the namespace index for free, and one namespace string for all its objects.
    private var entries: [String: [String: Entry]] = [:]
    private var listings: [String?: Listing] = [:]
    private let indexes: [StoreIndex<Item>]
    private var indexed: [[String: KeySet]]
    package private(set) var count = 0

    package init(indexes: [StoreIndex<Item>] = []) {
        self.indexes = indexes
        self.indexed = Array(repeating: [:], count: indexes.count)
    }

    // MARK: Reading

    package subscript(key: ObjectKey) -> Item? { self.entries[key.namespace]?[key.name]?.item }

    package func resourceVersion(of key: ObjectKey) -> String? {
        self.entries[key.namespace]?[key.name]?.resourceVersion
    }

    package func keys(in namespace: String? = nil) -> [ObjectKey] {
        var keys: [ObjectKey] = []
        self.forEach(in: namespace) { key, _ in keys.append(key) }
        return keys
    }

    /// Until `body` returns false, in no particular order.
    func forEachEntry(_ body: (_ name: String, _ version: String, Item) -> Bool) {
        for entries in self.entries.values {
            for (name, entry) in entries where !body(name, entry.resourceVersion, entry.item) { return }
        }
    }

    package func forEach<Failure: Error>(
        in namespace: String? = nil,
        _ body: (ObjectKey, Item) throws(Failure) -> Void
    ) throws(Failure) {
        if let namespace {
            for (name, entry) in self.entries[namespace] ?? [:] {
                try body(ObjectKey(namespace: namespace, name: name), entry.item)
            }
            return
        }
        for (namespace, entries) in self.entries {
            for (name, entry) in entries { try body(ObjectKey(namespace: namespace, name: name), entry.item) }
        }
    }

    /// The keys under one value of an index; empty, too, when the store has no index of that name.
    package func keys(by index: String, _ value: String) -> Set<ObjectKey> {
        guard let place = self.indexes.firstIndex(where: { $0.name == index }) else { return [] }
        return self.indexed[place][value]?.keys ?? []
    }

    // MARK: Changing

    /// Puts in an object or its next version.
    ///
    /// - Returns: what changed, `nil` when the projection is equal to the one before.
    package mutating func apply(_ object: WatchedObject<Item>) -> StoreChange<Item>? {
        let entry = Entry(resourceVersion: object.resourceVersion, item: object.item)
        // Taken out and put back by one subscript chain, so that neither dictionary is copied.
        let old = self.entries[object.key.namespace, default: [:]].updateValue(entry, forKey: object.key.name)?.item
        if old == nil { self.count += 1 }
        guard old != object.item else { return nil }
        self.reindex(object.key, from: old, to: object.item)
        return StoreChange(key: object.key, old: old, new: object.item)
    }

    /// - Returns: what changed, `nil` when the object was not there.
    package mutating func remove(_ key: ObjectKey) -> StoreChange<Item>? {
        guard let old = self.entries[key.namespace]?.removeValue(forKey: key.name)?.item else { return nil }
        if self.entries[key.namespace]?.isEmpty == true { self.entries[key.namespace] = nil }
        self.count -= 1
        self.reindex(key, from: old, to: nil)
        return StoreChange(key: key, old: old, new: nil)
    }

    /// Begins a list of a namespace (`nil`: of all), dropping one that was not completed.
    package mutating func beginList(of namespace: String?) { self.listings[namespace] = Listing() }

    /// Keeps a page of the list that was begun.
    ///
    /// - Parameter malformed: objects that are there but could not be read; what is known of them stays.
    package mutating func addPage(
        of namespace: String?,
        _ objects: [WatchedObject<Item>],
        malformed: [ObjectKey] = []
    ) {
        for object in objects {
            self.listings[namespace, default: Listing()].entries[object.key.namespace, default: [:]][object.key.name] =
                Entry(resourceVersion: object.resourceVersion, item: object.item)
        }
        self.listings[namespace, default: Listing()].malformed.formUnion(malformed)
    }

    /// Swaps the list in.
    ///
    /// - Returns: the difference to what was there, deletions first (an object that was replaced by one of another name
    ///   frees what it held), each group in the order of keys.
    package mutating func completeList(of namespace: String?) -> [StoreChange<Item>] {
        guard let listing = self.listings.removeValue(forKey: namespace) else { return [] }
        var changes: [StoreChange<Item>] = []
        let gone = self.keys(in: namespace).filter { key in
            listing.entries[key.namespace]?[key.name] == nil && !listing.malformed.contains(key)
        }
        for key in gone.sorted() {
            if let change = self.remove(key) { changes.append(change) }
        }
        let deletions = changes.count
        for (namespace, entries) in listing.entries {
            for (name, entry) in entries {
                let object = WatchedObject(
                    key: ObjectKey(namespace: namespace, name: name),
                    resourceVersion: entry.resourceVersion,
                    item: entry.item
                )
                if let change = self.apply(object) { changes.append(change) }
            }
        }
        changes[deletions...].sort { $0.key < $1.key }
        return changes
    }

    /// Everything as if it had just been added, in the order of keys.
    package func replay() -> [StoreChange<Item>] {
        var changes: [StoreChange<Item>] = []
        changes.reserveCapacity(self.count)
        self.forEach { changes.append(StoreChange(key: $0, old: nil, new: $1)) }
        return changes.sorted { $0.key < $1.key }
    }

    private mutating func reindex(_ key: ObjectKey, from old: Item?, to new: Item?) {
        for (place, index) in self.indexes.enumerated() {
            let before = old.map { Set(index.values($0)) } ?? []
            let after = new.map { Set(index.values($0)) } ?? []
            for value in before.subtracting(after) {
                if self.indexed[place][value]?.remove(key) == true { self.indexed[place][value] = nil }
            }
            for value in after.subtracting(before) {
                if self.indexed[place][value]?.insert(key) == nil { self.indexed[place][value] = .one(key) }
            }
        }
    }
}

/// A set of keys that needs no memory of its own while it has one element, as most have.
private enum KeySet: Sendable {
    case one(ObjectKey)
    case many(Set<ObjectKey>)

    var keys: Set<ObjectKey> {
        switch self {
        case .one(let key): [key]
        case .many(let keys): keys
        }
    }

    mutating func insert(_ key: ObjectKey) {
        switch self {
        case .one(let only):
            if only != key { self = .many([only, key]) }
        case .many(var keys):
            // Let go of first, so that the set is changed in place.
            self = .one(key)
            keys.insert(key)
            self = .many(keys)
        }
    }

    /// - Returns: true when nothing is left.
    mutating func remove(_ key: ObjectKey) -> Bool {
        switch self {
        case .one(let only): return only == key
        case .many(var keys):
            self = .one(key)
            keys.remove(key)
            self = .many(keys)
            return keys.isEmpty
        }
    }
}
