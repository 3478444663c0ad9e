import JSONTree
import KubeModel
import Rendering
import TelemetryAPI
import Testing

/// What a plan makes of the objects there are (specification sections 7.3 to 7.5).
struct CollectorPlanTests {
    private func owned(_ apiVersion: String, _ kind: String, _ name: String, created: String = "") -> OwnedObject {
        OwnedObject(
            ObjectReference(
                GroupVersionKind(apiVersion: apiVersion, kind: kind),
                ObjectKey(namespace: kind.hasPrefix("Cluster") ? "" : "default", name: name),
                uid: "uid-\(name)"
            ),
            creationTimestamp: created
        )
    }

    /// A live workload as the server has it after our apply.
    private func live(
        _ object: KubeObject,
        manager: String = "swiftlet",
        _ change: (inout KubeObject) -> Void = { _ in }
    ) -> KubeObject {
        var object = object
        func fields(_ map: [String: String]) -> JSONValue {
            .object(JSONObject(map.keys.sorted().map { ("f:\($0)", [:]) }))
        }
        change(&object)
        let template = ObjectMeta(object.spec?[object: "template"]?[object: "metadata"] ?? [:])
        object.metadata.json["managedFields"] = [
            [
                "manager": .string(manager), "operation": "Apply",
                "fieldsV1": [
                    "f:metadata": [
                        "f:labels": fields(object.metadata.labels),
                        "f:annotations": fields(object.metadata.annotations),
                    ],
                    "f:spec": [
                        "f:template": [
                            "f:metadata": [
                                "f:labels": fields(template.labels), "f:annotations": fields(template.annotations),
                            ]
                        ]
                    ],
                ],
            ]
        ]
        return object
    }

    @Test func unwantedObjectsArePruned() throws {
        var inputs = CollectorInputs(collector: try .otlp())
        inputs.owned = [
            self.owned("networking.k8s.io/v1", "Ingress", "simplest-ingress"),
            self.owned("v1", "Service", "simplest-collector"),
            self.owned("autoscaling/v2beta2", "HorizontalPodAutoscaler", "simplest-collector"),
            self.owned("policy/v1beta1", "PodDisruptionBudget", "simplest-collector"),
            self.owned("rbac.authorization.k8s.io/v1", "ClusterRole", "simplest-default-cluster-role"),
        ]
        var deleting = self.owned("v1", "Secret", "going")
        deleting.isDeleting = true
        inputs.owned.append(deleting)
        #expect(
            try plan(inputs).prune.map(\.reference.description) == [
                "HorizontalPodAutoscaler default/simplest-collector", "Ingress default/simplest-ingress",
                "ClusterRole simplest-default-cluster-role",
            ]
        )
    }

    /// `spec.serviceAccount` may name the account that was made while it named none.
    @Test(arguments: [("simplest-collector", []), ("other", ["ServiceAccount default/simplest-collector"])])
    func theAccountOfThePodsIsNotPruned(_ account: String, _ pruned: [String]) throws {
        var inputs = CollectorInputs(collector: try .otlp("  serviceAccount: \(account)"))
        inputs.owned = [self.owned("v1", "ServiceAccount", "simplest-collector")]
        #expect(try plan(inputs).prune.map(\.reference.description) == pruned)
    }

    /// `configVersions` and one more stay, the newest; what is wanted stays whatever its age.
    @Test(arguments: [
        (1, ["c3", "c4"], ["c1", "c2"]), (3, ["c1", "c2", "c3", "c4"], []), (2, ["c2", "c3", "c4"], ["c1"]),
    ])
    func configMapsAreRetained(_ versions: Int, _ retained: [String], _ pruned: [String]) throws {
        var inputs = CollectorInputs(collector: try .otlp("  configVersions: \(versions)"))
        inputs.owned = [3, 1, 4, 2].map { self.owned("v1", "ConfigMap", "c\($0)", created: "2024-01-0\($0)T00:00:00Z") }
        #expect(try plan(inputs).retained.map(\.reference.key.name) == retained)
        #expect(try plan(inputs).prune.map(\.reference.key.name) == pruned)
        let current = try #require(try plan(inputs).apply.first { $0.kind == "ConfigMap" }?.name)
        inputs.owned.append(self.owned("v1", "ConfigMap", current, created: "2020-01-01T00:00:00Z"))
        #expect(try plan(inputs).prune.map(\.reference.key.name) == pruned)
    }

    /// What the resource once said about a workload stays on it (e2e: annotation-change-collector).
    @Test(arguments: ["deployment", "daemonset", "statefulset"]) func labelsAndAnnotationsStay(_ mode: String) throws {
        var collector = try Collector.otlp("  mode: \(mode)")
        collector.metadata.annotations = ["kept": "a", "changed": "a"]
        collector.metadata.labels = ["old": "a"]
        let before = try plan(CollectorInputs(collector: collector)).apply[0]
        collector.metadata.annotations = ["changed": "b"]
        collector.metadata.labels = [:]
        var inputs = CollectorInputs(collector: collector)
        inputs.owned = [OwnedObject(self.live(before), fieldManagers: ["swiftlet"])]
        let after = try plan(inputs).apply[0]
        let template = ObjectMeta(after.spec?["template"]?["metadata"]?.object ?? [:])
        for metadata in [after.metadata, template] {
            #expect(metadata.annotations["kept"] == "a")
            #expect(metadata.annotations["changed"] == "b")
            #expect(metadata.labels["old"] == "a")
        }
        // Not what others wrote, and not on other kinds.
        inputs.owned = [OwnedObject(self.live(before, manager: "kubectl"), fieldManagers: ["swiftlet"])]
        #expect(try plan(inputs).apply[0].metadata.annotations["kept"] == nil)
    }

    @Test func scrapeAnnotationsGoWhenTheyWereOurs() throws {
        let before = try plan(CollectorInputs(collector: .otlp())).apply[0]
        var inputs = CollectorInputs(
            collector: try .otlp("  observability: {metrics: {disablePrometheusAnnotations: true}}")
        )
        inputs.owned = [OwnedObject(self.live(before), fieldManagers: ["swiftlet"])]
        func keys() throws -> [String] {
            try plan(inputs).apply[0].spec?["template"]?["metadata"]?.object?[stringMap: "annotations"]?.keys.sorted()
                ?? []
        }
        #expect(try keys() == ["opentelemetry-operator-config/sha256"])
        // Without the marker they are the user's.
        let users = self.live(before) { object in
            var template = ObjectMeta(object.spec?["template"]?["metadata"]?.object ?? [:])
            template.annotations["operator.opentelemetry.io/prometheus-annotations-added"] = nil
            object.json.mutateObject("spec") { spec in
                spec.mutateObject("template") { $0[object: "metadata"] = template.json }
            }
        }
        inputs.owned = [OwnedObject(users, fieldManagers: ["swiftlet"])]
        #expect(
            try keys() == [
                "opentelemetry-operator-config/sha256", "prometheus.io/path", "prometheus.io/port",
                "prometheus.io/scrape",
            ]
        )
    }

    /// The Go operator can't read a version behind a registry's port; its pods are not restarted for that.
    @Test func emptyVersionLabelIsTakenOver() throws {
        var inputs = CollectorInputs(collector: try .otlp("  image: host:5000/img:tag"))
        func version() throws -> String? {
            try plan(inputs).apply[0].spec?["template"]?["metadata"]?["labels"]?["app.kubernetes.io/version"]?.string
        }
        #expect(try version() == "tag")
        let live = self.live(try plan(inputs).apply[0], manager: "manager") { object in
            object.json.mutateObject("spec") { spec in
                spec.mutateObject("template") { template in
                    template.mutateObject("metadata") { metadata in
                        metadata.mutateObject("labels") { $0["app.kubernetes.io/version"] = "" }
                    }
                }
            }
        }
        inputs.owned = [OwnedObject(live, fieldManagers: ["swiftlet", "manager"])]
        #expect(try version() == "")
        inputs.collector = try .otlp("  image: other:2")
        #expect(try version() == "2")
    }

    static let claims = """
          mode: statefulset
          volumeClaimTemplates:
          - metadata: {name: data, labels: {a: b}}
            spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1024Mi}}}
        """

    @Test func defaultedClaimsAreTheSame() throws {
        var inputs = CollectorInputs(collector: try .otlp(Self.claims))
        let live = self.live(try plan(inputs).apply[0]) { object in
            object.json.setInSpec(
                "volumeClaimTemplates",
                [
                    [
                        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                        "metadata": ["name": "data", "labels": ["a": "b"], "creationTimestamp": nil],
                        "spec": [
                            "accessModes": ["ReadWriteOnce"], "resources": ["requests": ["storage": "1Gi"]],
                            "volumeMode": "Filesystem",
                        ],
                        "status": ["phase": "Pending"],
                    ]
                ]
            )
        }
        inputs.owned = [OwnedObject(live, fieldManagers: ["swiftlet"])]
        #expect(try plan(inputs).recreate == [])
    }

    /// What a webhook or a default of the server has put into the stored claims must not make it anew for ever.
    @Test func claimsOfTheSameWishAreTheSame() throws {
        var inputs = CollectorInputs(collector: try .otlp(Self.claims))
        func addStorageClass(_ object: inout KubeObject) {
            object.json.setInSpec(
                "volumeClaimTemplates",
                [
                    [
                        "metadata": ["name": "data", "labels": ["a": "b", "added": "x"]],
                        "spec": [
                            "accessModes": ["ReadWriteOnce"], "resources": ["requests": ["storage": "1Gi"]],
                            "volumeMode": "Filesystem", "storageClassName": "fast",
                        ],
                        "status": ["phase": "Pending"],
                    ]
                ]
            )
        }
        let wanted = try plan(inputs).apply[0]
        inputs.owned = [OwnedObject(self.live(wanted, addStorageClass), fieldManagers: ["swiftlet"])]
        #expect(try plan(inputs).recreate == [])
        // One that was taken over has no record of the wish: what is stored counts.
        let taken = self.live(wanted, manager: "manager") { object in
            addStorageClass(&object)
            object.metadata.annotations = [:]
        }
        inputs.owned = [OwnedObject(taken, fieldManagers: ["swiftlet", "manager"])]
        #expect(try plan(inputs).recreate.map(\.reason) == ["spec.volumeClaimTemplates"])
        // The record does not hide that no claims are wanted any more, or others.
        inputs.owned = [OwnedObject(self.live(wanted, addStorageClass), fieldManagers: ["swiftlet"])]
        inputs.collector = try .otlp("  mode: statefulset")
        #expect(try plan(inputs).recreate.map(\.reason) == ["spec.volumeClaimTemplates"])
        inputs.collector = try .otlp(Self.claims.replacing("1024Mi", with: "2Gi"))
        #expect(try plan(inputs).recreate.map(\.reason) == ["spec.volumeClaimTemplates"])
    }

    /// An autoscaler of the workload, or who applied a number, decides; drift is undone.
    @Test(
        arguments: [
            ("kube-controller-manager", "Update", "scale", false), ("kube-controller-manager", "Update", nil, false),
            ("keda", "Update", "scale", false), ("argocd", "Apply", nil, false), ("kubectl", "Update", "scale", true),
            ("kubectl-edit", "Update", nil, true), ("manager", "Update", nil, true), ("swiftlet", "Apply", nil, true),
        ] as [(String, String, String?, Bool)]
    )
    func replicasOfAnother(_ manager: String, _ operation: String, _ subresource: String?, _ isOurs: Bool) throws {
        for mode in ["deployment", "statefulset"] {
            var inputs = CollectorInputs(collector: try .otlp("  replicas: 2\n  mode: \(mode)"))
            var live = self.live(try plan(inputs).apply[0])
            var entry: JSONObject = [
                "manager": .string(manager), "operation": .string(operation),
                "fieldsV1": ["f:spec": ["f:replicas": [:]]],
            ]
            entry[string: "subresource"] = subresource
            let entries = live.metadata.json[array: "managedFields"] ?? []
            live.metadata.json["managedFields"] = .array(entries + [.object(entry)])
            inputs.owned = [OwnedObject(live, fieldManagers: ["swiftlet", "manager"])]
            let result = try plan(inputs)
            #expect(result.apply[0].spec?[int: "replicas"] == (isOurs ? 2 : nil))
            #expect(result.warnings.contains { $0.hasPrefix("spec.replicas has no effect: \(manager)") } == !isOurs)
            // The collector's own autoscaler scales the resource, from where the number comes.
            inputs.collector = try .otlp("  replicas: 2\n  mode: \(mode)\n  autoscaler: {maxReplicas: 3}")
            #expect(try plan(inputs).apply[0].spec?[int: "replicas"] == 2)
        }
    }

    /// Server-side apply leaves the defaulted `rollingUpdate` where it is, and strategy Recreate is refused beside it.
    @Test func replacementTakesTheRollingUpdateAway() throws {
        func strategy(_ spec: String) throws -> JSONValue? {
            try plan(CollectorInputs(collector: .otlp(spec))).apply[0].replacementSpec?["strategy"]
        }
        #expect(
            try strategy("  deploymentUpdateStrategy: {type: Recreate}") == [
                "type": "Recreate", "rollingUpdate": .null,
            ]
        )
        #expect(try strategy("  deploymentUpdateStrategy: {type: RollingUpdate}") == ["type": "RollingUpdate"])
        #expect(try strategy("") == nil)
    }

    @Test(arguments: [
        (
            "  autoscaler: {targetCPUUtilization: 3}",
            "spec.autoscaler has no effect without spec.autoscaler.maxReplicas"
        ),
        (
            "  mode: daemonset\n  autoscaler: {maxReplicas: 3}",
            "spec.autoscaler has no effect on a collector of mode daemonset"
        ),
        (
            "  mode: sidecar\n  autoscaler: {maxReplicas: 3}",
            "spec.autoscaler has no effect on a collector of mode sidecar"
        ),
    ])
    func autoscalersWithoutEffect(_ spec: String, _ warning: String) throws {
        #expect(try plan(CollectorInputs(collector: .otlp(spec))).warnings == [warning])
    }

    @Test(
        arguments: [
            ("serviceName", "other", "spec.serviceName"),
            ("podManagementPolicy", "OrderedReady", "spec.podManagementPolicy"),
            ("selector", ["matchLabels": ["x": "y"]], "spec.selector"),
            ("volumeClaimTemplates", [], "spec.volumeClaimTemplates"),
            (
                "volumeClaimTemplates",
                [
                    [
                        "metadata": ["name": "data", "labels": ["a": "b"]],
                        "spec": ["accessModes": ["ReadWriteOnce"], "resources": ["requests": ["storage": "2Gi"]]],
                    ]
                ], "spec.volumeClaimTemplates"
            ),
            (
                "volumeClaimTemplates",
                [
                    [
                        "metadata": ["name": "data"],
                        "spec": ["accessModes": ["ReadWriteOnce"], "resources": ["requests": ["storage": "1Gi"]]],
                    ]
                ], "spec.volumeClaimTemplates"
            ),
        ] as [(String, JSONValue, String)]
    )
    func fixedFieldsNeedANewObject(_ field: String, _ value: JSONValue, _ reason: String) throws {
        var inputs = CollectorInputs(collector: try .otlp(Self.claims))
        let wanted = try plan(inputs).apply
        let live = self.live(wanted[0]) { $0.json.setInSpec(field, value) }
        inputs.owned = [OwnedObject(live, fieldManagers: ["swiftlet"])]
        let plan = try plan(inputs)
        #expect(plan.recreate.map(\.reason) == [reason])
        #expect(plan.apply == Array(wanted.dropFirst()))
        #expect(plan.prune == [])
    }

    @Test func clusterRolesOfAnotherCollectorAreNotTouched() throws {
        let text = """
            spec:
              config:
                receivers: {k8s_events: {}}
                exporters: {debug: {}}
                service: {pipelines: {logs: {receivers: [k8s_events], exporters: [debug]}}}
            """
        var inputs = CollectorInputs(collector: try .yaml(text))
        var role = self.owned("rbac.authorization.k8s.io/v1", "ClusterRole", "simplest-default-cluster-role")
        role.collector = "elsewhere/simplest-default"
        inputs.owned = [role]
        let error = #expect(throws: PlanError.self) { try plan(inputs) }
        #expect(error?.code == .nameTaken)
        // Nor pruned when this one needs none.
        inputs.collector = try .otlp()
        #expect(try plan(inputs).prune == [])
    }

    @Test func findingsAreWarnings() throws {
        let collector = try Collector.yaml(
            """
            spec:
              config:
                receivers: {otlp: {protocols: {grpc: {}}}}
                exporters: {}
                service: {pipelines: {logs: {receivers: [otlp], exporters: [debug]}}}
            """
        )
        #expect(
            try plan(CollectorInputs(collector: collector)).warnings == [
                "service.pipelines.logs.exporters names \"debug\", which is not defined in exporters: define it there or take it out of the pipeline, or the collector will not start"
            ]
        )
    }
}

extension String {
    fileprivate func replacing(_ text: String, with other: String) -> String {
        self.split(separator: text, omittingEmptySubsequences: false).joined(separator: other)
    }
}
