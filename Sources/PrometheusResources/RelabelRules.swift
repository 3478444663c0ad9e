import JSONTree
import KubeModel

/// Relabel rules in Prometheus' form. Members that have Prometheus' default are left out where the Go operator leaves
/// them out, too.
enum RelabelRules {
    static func array(_ rules: [JSONObject]) -> JSONValue { .array(rules.map { .object($0) }) }

    /// The name of the job before any rule changed the label.
    static let jobName: JSONObject = ["source_labels": ["job"], "target_label": "__tmp_prometheus_job_name"]

    /// Pods that have ended.
    static let dropEndedPods: JSONObject = [
        "action": "drop", "source_labels": ["__meta_kubernetes_pod_phase"], "regex": "(Failed|Succeeded)",
    ]

    static func keep(_ sources: [String], _ regex: String) -> JSONObject {
        ["action": "keep", "source_labels": .strings(sources), "regex": .string(regex)]
    }

    static func drop(_ sources: [String], _ regex: String) -> JSONObject {
        ["action": "drop", "source_labels": .strings(sources), "regex": .string(regex)]
    }

    /// The value of one label as another label.
    static func copy(_ source: String, to target: String) -> JSONObject {
        ["source_labels": [.string(source)], "target_label": .string(target)]
    }

    /// The same, unless the value is empty.
    static func copyIfSet(_ source: String, to target: String) -> JSONObject {
        var rule = Self.copy(source, to: target)
        rule["regex"] = "(.+)"
        rule["replacement"] = "${1}"
        return rule
    }

    static func set(_ target: String, to value: String) -> JSONObject {
        ["target_label": .string(target), "replacement": .string(value)]
    }

    /// Keeps the objects of a role that a selector takes.
    static func select(_ selector: LabelSelector, role: String) -> [JSONObject] {
        selector.requirements.map { requirement in
            let name = Self.labelName(requirement.key)
            let present = "__meta_kubernetes_\(role)_labelpresent_\(name)"
            let both = ["__meta_kubernetes_\(role)_label_\(name)", present]
            let values = "(\(requirement.values.joined(separator: "|")));true"
            switch requirement.operator {
            case .in: return Self.keep(both, values)
            case .notIn: return Self.drop(both, values)
            case .exists, .greaterThan, .lessThan: return Self.keep([present], "true")
            case .doesNotExist: return Self.drop([present], "true")
            }
        }
    }

    /// Spreads targets over shards. `$(SHARD)` is for the one who scrapes to fill in.
    static func sharding(on label: String) -> [JSONObject] {
        [
            [
                "source_labels": [.string(label), "__tmp_hash"], "target_label": "__tmp_hash", "regex": "(.+);",
                "replacement": "$1", "action": "replace",
            ],
            ["source_labels": ["__tmp_hash"], "target_label": "__tmp_hash", "modulus": 1, "action": "hashmod"],
            Self.keep(["__tmp_hash", "__tmp_disable_sharding"], "$(SHARD);|.+;.+"),
        ]
    }

    /// A label of Kubernetes as a name that Prometheus takes.
    static func labelName(_ key: String) -> String {
        String(decoding: key.utf8.map { Self.isNameByte($0) ? $0 : 0x5F }, as: UTF8.self)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
        default: false
        }
    }
}

extension Field {
    /// The rules that a user wrote, checked.
    func relabelRules(_ key: String) throws(Rejection) -> [JSONObject] {
        var rules: [JSONObject] = []
        for field in try self.objects(key) {
            var rule = JSONObject()
            let sources = try field.strings("sourceLabels")
            if !sources.isEmpty { rule["source_labels"] = .strings(sources) }
            // An empty separator and an empty replacement mean something.
            rule[string: "separator"] = try field.rawString("separator")
            rule[string: "target_label"] = try field.string("targetLabel")
            rule[string: "regex"] = try field.string("regex")
            if let modulus = try field.count("modulus"), modulus > 0 { rule["modulus"] = .int(modulus) }
            rule[string: "replacement"] = try field.rawString("replacement")
            rule[string: "action"] = try field.string("action")?.lowercased()
            try field.checkRelabelRule(rule)
            rules.append(rule)
        }
        return rules
    }

    /// A selector whose `matchLabels` are in byte order of their keys, as the rules made of them have to be.
    func orderedSelector(_ key: String) throws(Rejection) -> LabelSelector {
        var selector = try self.selector(key)
        let labels = try self.object(key)?.object("matchLabels")?.json.count ?? 0
        selector.requirements[..<labels].sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        return selector
    }
}
