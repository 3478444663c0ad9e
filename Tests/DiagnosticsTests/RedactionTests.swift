import JSONTree
import KubeModel
import Testing
import YAMLTree

@testable import Diagnostics

struct RedactionTests {
    @Test(arguments: [
        ("password", true), ("api_key", true), ("X-Api-Key", true), ("OTEL_EXPORTER_OTLP_HEADERS", true),
        ("token", true),
        ("DB_PASSWORD", true), ("authorization", true), ("client_secret", true), ("connection_string", true),
        ("secretName", false), ("secretKeyRef", false), ("token_file", false), ("passwordFile", false),
        ("key", false), ("endpoint", false), ("token_url", false), ("monkey", false), ("", false),
    ])
    func names(_ name: String, _ isSecret: Bool) { #expect(SecretWords.announces(name) == isSecret) }

    @Test func collectorsLoseTheirSecretsAndNothingElse() throws {
        var redaction = Redaction()
        let collector = try object(
            """
            kind: OpenTelemetryCollector
            metadata:
              name: c
              annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"spec":{"password":"hunter2"}}'}
            spec:
              env:
              - {name: API_TOKEN, value: hunter2}
              - {name: LEVEL, value: debug}
              - {name: REF, valueFrom: {secretKeyRef: {name: s, key: token}}}
              volumes: [{name: v, secret: {secretName: s}}]
              args: {api-token: hunter2, level: debug}
              config:
                exporters:
                  otlp:
                    endpoint: https://user:hunter2@collector:4317
                    headers: {x-honeycomb-team: hunter2, tenant: "${env:TENANT}"}
                    tls: {ca_file: /a}
                  other: {auth: {password: 1234567, username: me}}
            """
        )
        let clean = redaction.redacted(collector, file: "f")
        let text = JSONValue.object(try #require(clean).json).text()
        #expect(!text.contains("hunter2"))
        #expect(!text.contains("1234567"))
        for kept in ["debug", "\"s\"", "/a", "collector:4317", "${env:TENANT}", "me", "LEVEL"] {
            #expect(text.contains(kept), "\(kept)")
        }
        #expect(
            redaction.places.map(\.place) == [
                "/metadata/annotations/kubectl.kubernetes.io/last-applied-configuration", "/spec/env/0/value",
                "/spec/args/api-token", "/spec/config/exporters/otlp/endpoint",
                "/spec/config/exporters/otlp/headers/x-honeycomb-team", "/spec/config/exporters/other/auth/password",
            ]
        )
    }

    @Test func configurationsInTextsAreRead() throws {
        var redaction = Redaction()
        let map = try object(
            """
            kind: ConfigMap
            metadata: {name: c}
            data:
              collector.yaml: |
                exporters:
                  otlp:
                    headers:
                      authorization: hunter2
              plain: "a: b # as it was"
            """
        )
        let clean = redaction.redacted(map, file: "f")
        let data = try #require(clean?.json[object: "data"])
        #expect(data[string: "collector.yaml"] == "exporters:\n  otlp:\n    headers:\n      authorization: REDACTED\n")
        #expect(data[string: "plain"] == "a: b # as it was")
        #expect(redaction.places.map(\.place) == ["/data/collector.yaml#/exporters/otlp/headers/authorization"])
    }

    @Test func secretsNeverGetIn() throws {
        var redaction = Redaction()
        let clean = redaction.redacted(try object("kind: Secret\ndata: {a: aHVudGVyMg==}"), file: "f")
        #expect(clean == nil)
    }

    @Test func schemasStay() throws {
        var redaction = Redaction()
        let definition = try object(
            "kind: CustomResourceDefinition\nspec: {schema: {openAPIV3Schema: {properties: {password: {type: string, minLength: 1}}}}}"
        )
        let clean = redaction.redacted(definition, file: "f")
        #expect(clean?.json == definition.json)
        #expect(redaction.places.isEmpty)
    }

    @Test(arguments: [
        ("Authorization: Bearer abcdefghijklmnop", "Authorization: REDACTED"),
        ("sent bearer abcdefghijklmnop, ok", "sent bearer REDACTED, ok"),
        (#"{"password":"a, b","level":"info"}"#, #"{"password":"REDACTED","level":"info"}"#),
        ("--api-token=xyz --level=debug", "--api-token=REDACTED --level=debug"),
        ("GET https://me:pw@host/path", "GET https://REDACTED@host/path"),
        ("plain text: nothing = here", "plain text: nothing = here"),
        ("a basic test of things", "a basic test of things"),
        ("secretName: mine", "secretName: mine"),
        ("tok eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.sig end", "tok REDACTED end"),
        ("password: ", "password: "), ("=", "="), (":", ":"), ("://", "://"), ("token=", "token="), ("", ""),
    ])
    func lines(_ line: String, _ wanted: String) {
        var redaction = Redaction()
        let clean = redaction.redacted(log: Array(line.utf8), file: "l")
        #expect(String(decoding: clean, as: UTF8.self) == wanted)
        #expect(redaction.places.map(\.place) == (line == wanted ? [] : ["line 1"]))
    }

    @Test func logsKeepTheirLines() {
        var redaction = Redaction()
        let log = "one\ntoken=abc\n\nthree\n"
        let clean = redaction.redacted(log: Array(log.utf8), file: "l")
        #expect(String(decoding: clean, as: UTF8.self) == "one\ntoken=REDACTED\n\nthree\n")
        #expect(redaction.places.map(\.place) == ["line 2"])
    }
}

struct SupportBundleTests {
    private let pods = APIResource(group: "", version: "v1", plural: "pods", kind: "Pod")

    @Test(arguments: [
        ("", "configmaps", "ConfigMap", true, "namespaces/a/core/configmaps/x.yaml"),
        ("", "pods", "Pod", true, "namespaces/a/pods/x/x.yaml"),
        ("apps", "deployments", "Deployment", true, "namespaces/a/apps/deployments/x.yaml"),
        (
            "rbac.authorization.k8s.io", "clusterroles", "ClusterRole", false,
            "cluster-scoped-resources/rbac.authorization.k8s.io/clusterroles/x.yaml"
        ),
    ])
    func layout(_ group: String, _ plural: String, _ kind: String, _ isNamespaced: Bool, _ path: String) throws {
        let resource = APIResource(group: group, version: "v1", plural: plural, kind: kind, isNamespaced: isNamespaced)
        let one = try object(isNamespaced ? "metadata: {namespace: a, name: x}" : "metadata: {name: x}")
        var bundle = SupportBundle()
        bundle.add(one, resource)
        bundle.add(one, resource)
        #expect(bundle.files.map(\.path) == [path])
        let text = String(decoding: bundle.files[0].bytes, as: UTF8.self)
        #expect(try YAMLReader.document(in: text)["kind"]?.string == kind)
    }

    @Test func manifestSaysWhatIsThereAndWhatIsNot() throws {
        var bundle = SupportBundle()
        bundle.add(log: Array("password=x".utf8), namespace: "a", pod: "p", container: "c", name: "current")
        bundle.fail("pods", "forbidden")
        let now = try #require(Timestamp("2026-06-01T12:00:00Z"))
        let files = bundle.complete(version: "1", time: now)
        let manifest = try JSONValue(parsing: files[0].bytes)
        #expect(files[0].path == "manifest.json")
        #expect(manifest["files"] == ["namespaces/a/pods/p/c/c/logs/current.log"])
        #expect(manifest["errors"] == ["pods: forbidden"])
        #expect(manifest["redacted"]?[0]?["place"] == "line 1")
    }
}
