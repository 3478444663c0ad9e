import CollectorConfig
import JSONTree
import YAMLTree

/// `spec.config` as v1alpha1 has it, a text, and as v1beta1 has it, a tree.
enum ConfigText {
    struct Problem: Error {
        var message: String
    }

    /// A text of a collector that etcd can hold is smaller; the depth leaves room for what lies around it.
    static let limits = YAMLLimits(depth: 200, size: 4 << 20, expansion: 1 << 20)

    /// What stands where no configuration could be read.
    static let placeholder: JSONObject = ["receivers": [:], "exporters": [:], "service": ["pipelines": [:]]]

    private static let defaultedPlaceholder: JSONObject = {
        var config = placeholder
        _ = try? ConfigurationDefaults.apply(to: &config)
        return config
    }()

    /// Whether this is the placeholder, as it is or with what the webhook adds to it.
    static func isPlaceholder(_ config: JSONObject) -> Bool {
        config == self.placeholder || config == self.defaultedPlaceholder
    }

    static func read(_ value: JSONValue) -> Result<JSONObject, Problem> {
        let subject = "spec.config of the v1alpha1 resource"
        var tree: JSONObject
        switch value {
        case .null: tree = [:]
        case .object(let object): tree = object
        case .string(let text):
            do throws(YAMLError) {
                switch try YAMLReader.document(in: text, limits: self.limits) {
                case .null: tree = [:]
                case .object(let object): tree = object
                case let other:
                    return .failure(Problem(message: "\(subject) is not a YAML mapping, but of type \(other.kindName)"))
                }
            } catch {
                let place = "line \(error.line), column \(error.column)"
                return .failure(Problem(message: "\(subject) is not valid YAML: \(place): \(error.message)"))
            }
        default:
            return .failure(Problem(message: "\(subject) is not a text, but of type \(value.kindName)"))
        }
        do throws(ConfigurationError) {
            _ = try CollectorConfiguration(tree)
        } catch {
            return .failure(Problem(message: "\(subject) is not a collector configuration: \(error)"))
        }
        self.complete(&tree)
        return .success(tree)
    }

    /// The members that v1beta1 requires.
    private static func complete(_ tree: inout JSONObject) {
        for key in ["receivers", "exporters", "service"] where tree[key]?.isNull ?? true { tree[key] = [:] }
        tree.changeObject("service") { if $0["pipelines"]?.isNull ?? true { $0["pipelines"] = [:] } }
    }

    static func text(_ config: JSONObject) -> String {
        // A tree that is no configuration is still worth being seen.
        (try? CollectorConfiguration(config).yaml) ?? CollectorYAML(indentation: 2).text(config.deeplySorted)
    }
}

// What the text leaves out of a tree: members that the collector doesn't know, lists that are empty. And where a text
// reads otherwise than the tree it was written from (the string 1e5, which the Go operator's style leaves unquoted, is a
// number when read), the whole tree is kept for as long as the text stays.
extension ConfigText {
    static func upward(_ spec: inout JSONObject, kept: JSONObject, left: inout JSONObject) {
        let value = spec["config"] ?? .null
        let whole = kept[object: "wholeConfig"]
        if let whole, let text = value.string, self.text(whole) == text {
            spec["config"] = .object(whole)
            return
        }
        switch self.read(value) {
        case .success(var tree):
            self.addKept(to: &tree, kept: kept)
            spec["config"] = .object(tree)
        case .failure:
            left["config"] = value
            spec["config"] = .object(whole.flatMap { self.isPlaceholder($0) ? $0 : nil } ?? self.placeholder)
        }
    }

    static func downward(_ spec: inout JSONObject, left: JSONObject, kept: inout JSONObject) {
        guard let config = spec[object: "config"] else { return }
        if let original = left["config"], self.isPlaceholder(config) {
            spec["config"] = original
            if config != self.placeholder { kept["wholeConfig"] = .object(config) }
            return
        }
        let text = self.text(config)
        spec["config"] = .string(text)
        guard case .success(var again) = self.read(.string(text)) else {
            kept["wholeConfig"] = .object(config)
            return
        }
        guard again != config else { return }
        var parts: JSONObject = [:]
        parts.keep("config", config.missing(in: again))
        if let service = config[object: "service"], let other = again[object: "service"] {
            parts.keep("service", service.missing(in: other))
            var pipelines: JSONObject = [:]
            for (name, pipeline) in service[object: "pipelines"] ?? [:] {
                guard let pipeline = pipeline.object, let other = other[object: "pipelines"]?[object: name] else {
                    continue
                }
                pipelines.keep(name, pipeline.missing(in: other))
            }
            parts.keep("pipelines", pipelines)
        }
        self.addKept(to: &again, kept: parts)
        if again == config { kept.add(parts) } else { kept["wholeConfig"] = .object(config) }
    }

    private static func addKept(to tree: inout JSONObject, kept: JSONObject) {
        tree.add(kept[object: "config"])
        tree.changeObject("service") { service in
            service.add(kept[object: "service"])
            guard let pipelines = kept[object: "pipelines"] else { return }
            service.changeObject("pipelines") { own in
                for (name, members) in pipelines { own.changeObject(name) { $0.add(members.object) } }
            }
        }
    }
}

extension JSONObject {
    /// The members that another object doesn't have.
    fileprivate func missing(in other: JSONObject) -> JSONObject {
        JSONObject(self.filter { !other.contains($0.key) }.map { ($0.key, $0.value) })
    }
}
