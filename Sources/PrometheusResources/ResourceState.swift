import KubeModel
import PrometheusConfig

/// All resources, what they refer to and what became of them, kept as they change: a change has only what depends on it
/// translated anew.
package struct ResourceState: Sendable {
    private struct Entry {
        var resource: PrometheusResource
        var references: Set<AssetID> = []
        /// `nil` as long as it was never translated.
        var outcome: ResourceOutcome?
    }

    private let translator: ResourceTranslator
    private var resources: [PrometheusResourceID: Entry] = [:]
    private var namespaces: [String: [String: String]] = [:]
    private var assets = AssetStore()
    /// Which resources name an asset.
    private var dependents: [AssetID: Set<PrometheusResourceID>] = [:]
    /// Taken now; others wait for a label of theirs or of their namespace.
    private var taken: Set<PrometheusResourceID> = []
    private var dirty: Set<PrometheusResourceID> = []
    /// A resource with an outcome is gone, so that the whole has changed though nothing has to be translated.
    private var hasLost = false
    private var isFirst = true

    /// How many resources were translated so far.
    package private(set) var translations = 0

    package init(settings: ResourceSettings) { self.translator = ResourceTranslator(settings: settings) }

    package var settings: ResourceSettings { self.translator.settings }

    // MARK: Changes

    package mutating func set(_ resource: PrometheusResource) {
        if let known = self.resources[resource.id], known.resource == resource { return }
        self.resources[resource.id, default: Entry(resource: resource)].resource = resource
        self.forgetReferences(of: resource.id)
        self.decide(resource.id, changed: true)
    }

    package mutating func remove(_ id: PrometheusResourceID) {
        self.release(id)
        self.resources[id] = nil
    }

    /// - Parameter labels: `nil` when the namespace is gone.
    package mutating func setNamespace(_ name: String, labels: [String: String]?) {
        if self.namespaces[name] == labels { return }
        self.namespaces[name] = labels
        for id in self.resources.keys where id.key.namespace == name { self.decide(id, changed: false) }
    }

    package mutating func setAsset(_ asset: AssetID, _ content: AssetContent) {
        if self.assets[asset] == content { return }
        self.assets[asset] = content
        self.dirty.formUnion(self.dependents[asset] ?? [])
    }

    /// Takes a resource, or lets it go, as the selectors say.
    private mutating func decide(_ id: PrometheusResourceID, changed: Bool) {
        guard let entry = self.resources[id] else { return }
        let labels = self.namespaces[id.key.namespace]
        guard self.settings.selects(entry.resource, namespaceLabels: labels) else { return self.release(id) }
        let isNew = self.taken.insert(id).inserted
        guard isNew || changed else { return }
        let references = Set(self.translator.references(of: entry.resource).map(\.asset))
        self.resources[id]?.references = references
        for asset in references { self.dependents[asset, default: []].insert(id) }
        self.dirty.insert(id)
    }

    private mutating func release(_ id: PrometheusResourceID) {
        self.forgetReferences(of: id)
        self.dirty.remove(id)
        guard self.taken.remove(id) != nil else { return }
        if let outcome = self.resources[id]?.outcome, outcome != ResourceOutcome() { self.hasLost = true }
        self.resources[id]?.outcome = nil
    }

    private mutating func forgetReferences(of id: PrometheusResourceID) {
        guard let references = self.resources[id]?.references else { return }
        for asset in references {
            self.dependents[asset]?.remove(id)
            if self.dependents[asset]?.isEmpty ?? false { self.dependents[asset] = nil }
        }
        self.resources[id]?.references = []
    }

    // MARK: What there is

    /// The Secrets and ConfigMaps that somebody refers to.
    package var wantedAssets: Set<AssetID> { Set(self.dependents.keys) }

    /// Those of them that were not looked for yet.
    package var unknownAssets: [AssetID] { self.dependents.keys.filter { self.assets[$0] == nil } }

    /// How many resources of a kind are taken.
    package func takenCount(of kind: PrometheusResourceKind) -> Int { self.taken.count { $0.kind == kind } }

    /// Translates what changed and is known in full: a resource whose Secrets have still to be fetched keeps what it had.
    ///
    /// - Returns: all jobs and rejections, or `nil` when they are what they were. The first time always.
    package mutating func refresh() -> ResourceOutcome? {
        // What nobody names now may have changed by the time somebody does.
        for asset in self.assets.assets where self.dependents[asset] == nil { self.assets[asset] = nil }
        var hasChanged = self.hasLost || self.isFirst
        for id in self.dirty {
            guard let entry = self.resources[id], entry.references.allSatisfy({ self.assets[$0] != nil }) else {
                continue
            }
            self.dirty.remove(id)
            self.translations += 1
            let outcome = self.translator.translate(entry.resource, assets: self.assets)
            if outcome == entry.outcome { continue }
            self.resources[id]?.outcome = outcome
            hasChanged = true
        }
        guard hasChanged else { return nil }
        self.hasLost = false
        self.isFirst = false
        return self.outcome
    }

    /// All jobs and rejections, as of the last refresh.
    package var outcome: ResourceOutcome {
        var all = ResourceOutcome()
        for id in self.taken.sorted() {
            guard let outcome = self.resources[id]?.outcome else { continue }
            all.jobs += outcome.jobs
            all.rejected += outcome.rejected
        }
        return all
    }
}
