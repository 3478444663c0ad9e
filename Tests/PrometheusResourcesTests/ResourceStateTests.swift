import JSONTree
import KubeModel
import PrometheusConfig
import PrometheusResources
import Testing
import YAMLTree

/// What is translated when, and what is told.
struct ResourceStateTests {
    private let login = AssetID(.secret, ObjectKey(namespace: "shop", name: "login"))
    private let token = AssetContent.present(["token": Array("t1".utf8)])

    private static func settings(_ yaml: String = "{}") throws -> ResourceSettings {
        try ResourceSettings(case: #require(try YAMLReader.document(in: yaml).object))
    }

    private static func monitor(
        _ name: String,
        namespace: String = "shop",
        labels: [String: String] = [:],
        secret: String? = nil,
        port: String = "metrics"
    ) -> PrometheusResource {
        var endpoint: JSONObject = ["port": .string(port)]
        if let secret { endpoint["bearerTokenSecret"] = ["name": .string(secret), "key": "token"] }
        return PrometheusResource(
            .serviceMonitor,
            ObjectKey(namespace: namespace, name: name),
            labels: labels,
            spec: ["selector": [:], "endpoints": [.object(endpoint)]]
        )
    }

    private static func token(of outcome: ResourceOutcome?, job index: Int = 0) -> String? {
        guard let jobs = outcome?.jobs, jobs.indices.contains(index) else { return nil }
        return jobs[index].json[path: "authorization", "credentials"]?.string
    }

    @Test func theFirstRefreshTellsEvenNothing() throws {
        var state = ResourceState(settings: try Self.settings())
        #expect(state.refresh() == ResourceOutcome())
        #expect(state.refresh() == nil)
    }

    /// A change of one has that one translated.
    @Test func onlyWhatChangedIsTranslated() throws {
        var state = ResourceState(settings: try Self.settings())
        for number in 0..<50 { state.set(Self.monitor("m\(number)")) }
        #expect(state.refresh()?.jobs.count == 50)
        #expect(state.translations == 50)
        state.set(Self.monitor("m7", port: "other"))
        #expect(state.refresh()?.jobs.count == 50)
        #expect(state.translations == 51)
        // The same once more is no change, nor is a label that selects nothing else.
        state.set(Self.monitor("m7", port: "other"))
        #expect(state.refresh() == nil)
        #expect(state.translations == 51)
        state.set(Self.monitor("m7", labels: ["a": "b"], port: "other"))
        #expect(state.refresh() == nil)
        state.remove(Self.monitor("m7").id)
        #expect(state.refresh()?.jobs.count == 49)
        #expect(state.translations == 52)
    }

    /// A resource waits for its Secret to be looked for; what refers to a Secret is translated when it changes.
    @Test func secrets() throws {
        var state = ResourceState(settings: try Self.settings())
        state.set(Self.monitor("a", secret: "login"))
        state.set(Self.monitor("b"))
        #expect(state.wantedAssets == [self.login])
        #expect(state.unknownAssets == [self.login])
        #expect(state.refresh()?.jobs.map(\.name) == ["serviceMonitor/shop/b/0"])
        #expect(state.translations == 1)

        state.setAsset(self.login, self.token)
        #expect(state.unknownAssets == [])
        #expect(Self.token(of: state.refresh()) == "t1")
        state.setAsset(self.login, .present(["token": Array("t2".utf8)]))
        #expect(Self.token(of: state.refresh()) == "t2")
        #expect(state.translations == 3)
        // A key that nobody asks for changes nothing that is told.
        state.setAsset(self.login, .present(["token": Array("t2".utf8), "more": []]))
        #expect(state.refresh() == nil)

        state.setAsset(self.login, .missing)
        let without = state.refresh()
        #expect(without?.jobs.map(\.name) == ["serviceMonitor/shop/b/0"])
        #expect(without?.rejected.map(\.reason) == [.missingSecret])
        state.setAsset(self.login, self.token)
        #expect(state.refresh()?.jobs.count == 2)
    }

    /// What a resource had stays until what it refers to now is known.
    @Test func aNewReferenceKeepsTheOldJob() throws {
        var state = ResourceState(settings: try Self.settings())
        state.set(Self.monitor("a", secret: "login"))
        state.setAsset(self.login, self.token)
        #expect(Self.token(of: state.refresh()) == "t1")
        state.set(Self.monitor("a", secret: "other"))
        let other = AssetID(.secret, ObjectKey(namespace: "shop", name: "other"))
        #expect(state.wantedAssets == [other])
        #expect(state.refresh() == nil)
        #expect(Self.token(of: state.outcome) == "t1")
        state.setAsset(other, .present(["token": Array("o".utf8)]))
        #expect(Self.token(of: state.refresh()) == "o")
    }

    @Test func labelsOfResourcesAndNamespacesDecide() throws {
        var state = ResourceState(
            settings: try Self.settings(
                """
                service_monitor_selector: {matchLabels: {team: a}}
                service_monitor_namespace_selector: {matchLabels: {scraped: "yes"}}
                """
            )
        )
        state.set(Self.monitor("one", labels: ["team": "a"], secret: "login"))
        state.set(Self.monitor("two", labels: ["team": "b"]))
        #expect(state.refresh()?.jobs.count == 0)
        #expect(state.wantedAssets.isEmpty)
        state.setAsset(self.login, self.token)
        state.setNamespace("shop", labels: ["scraped": "yes"])
        #expect(state.wantedAssets == [self.login])
        #expect(state.refresh()?.jobs.count == 1)
        // A label of the namespace that does not matter.
        state.setNamespace("shop", labels: ["scraped": "yes", "x": "y"])
        #expect(state.refresh() == nil)
        state.set(Self.monitor("two", labels: ["team": "a"]))
        #expect(state.refresh()?.jobs.count == 2)
        state.set(Self.monitor("two", labels: [:]))
        #expect(state.refresh()?.jobs.count == 1)
        state.setNamespace("shop", labels: nil)
        #expect(state.refresh()?.jobs.count == 0)
        #expect(state.wantedAssets.isEmpty)
    }

    /// However it came to be, the state is what one look at everything gives.
    @Test func stateIsWhatOneLookGives() throws {
        var generator = SystemRandomNumberGenerator()
        let settings = try Self.settings("service_monitor_namespace_selector: {matchLabels: {a: b}}")
        for _ in 0..<50 {
            var state = ResourceState(settings: settings)
            var set = PrometheusResourceSet()
            var assets = AssetStore()
            var resources: [PrometheusResourceID: PrometheusResource] = [:]
            for _ in 0..<60 {
                let namespace = ["shop", "bar"][Int.random(in: 0..<2, using: &generator)]
                switch Int.random(in: 0..<5, using: &generator) {
                case 0, 1:
                    let one = Self.monitor(
                        "m\(Int.random(in: 0..<4, using: &generator))",
                        namespace: namespace,
                        secret: [nil, "s1", "s2"][Int.random(in: 0..<3, using: &generator)]
                    )
                    resources[one.id] = one
                    state.set(one)
                case 2:
                    guard let id = resources.keys.randomElement(using: &generator) else { continue }
                    resources[id] = nil
                    state.remove(id)
                case 3:
                    let labels: [String: String]? = [nil, [:], ["a": "b"]][Int.random(in: 0..<3, using: &generator)]
                    set.namespaces[namespace] = labels
                    state.setNamespace(namespace, labels: labels)
                default:
                    let asset = AssetID(.secret, ObjectKey(namespace: namespace, name: "s\(Int.random(in: 1..<3))"))
                    let content = [AssetContent.missing, self.token][Int.random(in: 0..<2, using: &generator)]
                    assets[asset] = content
                    state.setAsset(asset, content)
                }
                if Bool.random(using: &generator) { _ = state.refresh() }
            }
            for asset in state.unknownAssets {
                assets[asset] = .missing
                state.setAsset(asset, .missing)
            }
            _ = state.refresh()
            set.resources = Array(resources.values)
            #expect(state.outcome == scrapeJobs(of: set, assets: assets, settings: settings))
        }
    }
}

struct ReferenceTests {
    @Test func everyReferenceOnceInOrder() throws {
        let example = try ResourceCase(
            yaml: """
                settings: {scrape_classes: [{name: c, default: true, tlsConfig: {ca: {configMap: {name: ca, key: k}}}}]}
                resources:
                - kind: ServiceMonitor
                  metadata: {name: a, namespace: shop}
                  spec:
                    selector: {}
                    endpoints:
                    - {port: a, basicAuth: {username: {name: s, key: u}, password: {name: s, key: p}}}
                    - {port: b, authorization: {credentials: {name: s, key: u}}}
                    - {port: c, proxyUrl: "http://p", proxyConnectHeader: {X: [{name: t, key: h}]}}
                """
        )
        let translator = ResourceTranslator(settings: example.settings)
        let references = translator.references(of: try #require(example.set.resources.first))
        let texts = references.map { "\($0.asset) \($0.key)" }
        #expect(
            texts == ["Secret shop/s u", "Secret shop/s p", "ConfigMap otel/ca k", "Secret shop/t h"]
        )
    }

    /// What no Secret could mend asks for none.
    @Test func aResourceThatIsRejectedAnyway() throws {
        let example = try ResourceCase(
            yaml: """
                resources:
                - kind: PodMonitor
                  metadata: {name: a, namespace: shop}
                  spec:
                    selector: {}
                    scrapeClass: none
                    podMetricsEndpoints: [{port: a, bearerTokenSecret: {name: s, key: k}}]
                """
        )
        let translator = ResourceTranslator(settings: example.settings)
        #expect(translator.references(of: try #require(example.set.resources.first)) == [])
    }
}

struct SettingsTests {
    /// A kind without a selector is not taken; `{}` takes all of it.
    @Test func fromTheAllocatorsSettings() throws {
        var allocator = AllocatorSettings()
        allocator.prometheusCR.serviceMonitors.objects = LabelSelectorSetting()
        allocator.prometheusCR.serviceMonitors.namespaces = LabelSelectorSetting(LabelSelector(labels: ["a": "b"]))
        allocator.prometheusCR.denyNamespaces = ["kube-system"]
        allocator.prometheusCR.deniesFileAccess = true
        allocator.prometheusCR.scrapeClasses = [["name": "c"]]
        let settings = ResourceSettings(allocator, namespace: "otel", kubeconfigFile: "/k")
        let monitor = PrometheusResource(.serviceMonitor, ObjectKey(namespace: "shop", name: "m"), spec: [:])
        #expect(settings.selects(monitor, namespaceLabels: ["a": "b"]))
        #expect(!settings.selects(monitor, namespaceLabels: [:]))
        #expect(!settings.selects(monitor, namespaceLabels: nil))
        let pods = PrometheusResource(.podMonitor, ObjectKey(namespace: "shop", name: "m"), spec: [:])
        #expect(!settings.selects(pods, namespaceLabels: ["a": "b"]))
        let denied = PrometheusResource(.serviceMonitor, ObjectKey(namespace: "kube-system", name: "m"), spec: [:])
        #expect(!settings.selects(denied, namespaceLabels: ["a": "b"]))
        #expect(settings.deniesFileAccess && settings.scrapeClasses.count == 1 && settings.kubeconfigFile == "/k")
        #expect(settings.global[string: "scrape_interval"] == "30s" && settings.namespace == "otel")
        #expect(settings.global[strings: "scrape_protocols"]?.count == 4)
    }
}
