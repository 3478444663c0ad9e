package import JSONTree
package import KubeModel

/// `Instrumentation` of `opentelemetry.io/v1alpha1`: how programs are instrumented (specification section 1).
package struct Instrumentation: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package static let groupVersionKind = GroupVersionKind(
        group: "opentelemetry.io",
        version: "v1alpha1",
        kind: "Instrumentation"
    )

    /// Where it is served; also the first part of the API server's "not found" message.
    package static let resource = APIResource(
        group: "opentelemetry.io",
        version: "v1alpha1",
        plural: "instrumentations",
        kind: "Instrumentation"
    )

    package var metadata: ObjectMeta {
        get { ObjectMeta(self.json[object: "metadata"] ?? [:]) }
        set { self.json[object: "metadata"] = newValue.json }
    }
    package var key: ObjectKey {
        let metadata = self.metadata
        return ObjectKey(namespace: metadata.namespace ?? "", name: metadata.name ?? "")
    }
    package var spec: InstrumentationSpec {
        get { InstrumentationSpec(self.json[object: "spec"] ?? [:]) }
        set { self.json[object: "spec"] = newValue.json }
    }
    package var status: InstrumentationStatus {
        get { InstrumentationStatus(self.json[object: "status"] ?? [:]) }
        set { self.json[object: "status"] = newValue.json }
    }
}

/// `spec` of an Instrumentation (specification section 1.2).
package struct InstrumentationSpec: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package var exporter: InstrumentationExporter { InstrumentationExporter(self.json[object: "exporter"] ?? [:]) }
    /// `resource.resourceAttributes`, in its order.
    package var resourceAttributes: JSONObject { self.json[object: "resource"]?[object: "resourceAttributes"] ?? [:] }
    package var addsKubernetesUIDs: Bool { self.json[object: "resource"]?[bool: "addK8sUIDAttributes"] ?? false }
    package var propagators: [String] { self.json[strings: "propagators"] ?? [] }
    package var samplerType: String { self.json[object: "sampler"]?[string: "type"] ?? "" }
    package var samplerArgument: String { self.json[object: "sampler"]?[string: "argument"] ?? "" }
    package var usesLabelsForResourceAttributes: Bool {
        self.json[object: "defaults"]?[bool: "useLabelsForResourceAttributes"] ?? false
    }
    package var env: [EnvVar] { self.json[views: "env"] }
    /// Empty when unset.
    package var imagePullPolicy: String { self.json[string: "imagePullPolicy"] ?? "" }
    package var initContainerSecurityContext: JSONObject? { self.json[object: "initContainerSecurityContext"] }

    /// The object of one language; empty when it is absent, and for ``Language/sdk``.
    package subscript(language: Language) -> LanguageSpec {
        get { LanguageSpec(self.json[object: language.specKey] ?? [:], language: language) }
        set { self.json[object: language.specKey] = newValue.json }
    }
}

/// `spec.exporter`: where the programs send their telemetry.
package struct InstrumentationExporter: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package var endpoint: String { self.json[string: "endpoint"] ?? "" }
    /// `nil` when absent, which is not the same as an empty object.
    package var tls: InstrumentationTLS? { self.json[view: "tls"] }
}

/// `spec.exporter.tls`: certificates for the exporter, each member empty when unset.
package struct InstrumentationTLS: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package var secretName: String { self.json[string: "secretName"] ?? "" }
    package var configMapName: String { self.json[string: "configMapName"] ?? "" }
    package var caFile: String { self.json[string: "ca_file"] ?? "" }
    package var certFile: String { self.json[string: "cert_file"] ?? "" }
    package var keyFile: String { self.json[string: "key_file"] ?? "" }
}

/// The object of one language within `spec`. Members that a language doesn't have read as unset.
package struct LanguageSpec: Sendable, Hashable {
    package var json: JSONObject
    package let language: Language

    package init(_ json: JSONObject, language: Language) {
        self.json = json
        self.language = language
    }

    /// Empty when unset.
    package var image: String {
        get { self.json[string: "image"] ?? "" }
        set { self.json[string: "image"] = newValue }
    }
    package var env: [EnvVar] { self.json[views: "env"] }
    package var resources: JSONObject? {
        get { self.json[object: self.language.resourcesKey] }
        set { self.json[object: self.language.resourcesKey] = newValue }
    }
    /// The claim template, `nil` also when it says nothing: the Go operator stores one with only empty members for every
    /// language (specification section 1.4, "wire trap").
    package var volumeClaimTemplate: JSONObject? {
        guard let template = self.json[object: "volumeClaimTemplate"], !template.isDeeplyEmpty else { return nil }
        return template
    }
    /// The deprecated size of the agent's volume, a quantity; `nil` when unset. Zero is a size: no limit.
    package var volumeLimitSize: JSONValue? {
        guard let size = self.json["volumeLimitSize"], !size.isNull, size.string != "" else { return nil }
        return size
    }
    /// Java only.
    package var extensions: [JavaExtension] { self.json[views: "extensions"] }
    /// Go only.
    package var securityContext: JSONObject? { self.json[object: "securityContext"] }
    /// Apache HTTPD and nginx: directives for the agent.
    package var attributes: [EnvVar] { self.json[views: "attrs"] }
    /// Apache HTTPD only.
    package var version: String {
        get { self.json[string: "version"] ?? "" }
        set { self.json[string: "version"] = newValue }
    }
    /// Apache HTTPD only.
    package var configPath: String {
        get { self.json[string: "configPath"] ?? "" }
        set { self.json[string: "configPath"] = newValue }
    }
    /// nginx only.
    package var configFile: String {
        get { self.json[string: "configFile"] ?? "" }
        set { self.json[string: "configFile"] = newValue }
    }
}

/// One of `spec.java.extensions`: an image and the directory in it that holds extension jars.
package struct JavaExtension: JSONView {
    package var json: JSONObject
    package init(_ json: JSONObject) { self.json = json }

    package var image: String { self.json[string: "image"] ?? "" }
    package var directory: String { self.json[string: "dir"] ?? "" }
}
