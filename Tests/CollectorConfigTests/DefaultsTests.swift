import JSONTree
import Testing

@testable import CollectorConfig

/// Defaults of components and telemetry (specification sections 4.2 and 4.3).
struct DefaultsTests {
    @Test(arguments: [
        (
            ComponentKind.receiver, "otlp", "{protocols: {grpc: null, http: {}}}",
            "{protocols: {grpc: {endpoint: '0.0.0.0:4317'}, http: {endpoint: '0.0.0.0:4318'}}}"
        ),
        (
            .receiver, "otlp", "{protocols: {grpc: {endpoint: '${env:POD_IP}:4317'}}}",
            "{protocols: {grpc: {endpoint: '${env:POD_IP}:4317'}}}"
        ),
        (
            .receiver, "otlp", "{protocols: {grpc: {endpoint: ':4317'}}}",
            "{protocols: {grpc: {endpoint: '0.0.0.0:4317'}}}"
        ),
        (
            .receiver, "otlp", "{protocols: {grpc: {endpoint: 'localhost:4317'}}}",
            "{protocols: {grpc: {endpoint: 'localhost:4317'}}}"
        ),
        (.receiver, "otlp", "null", "{protocols: {}}"), (.receiver, "otlp", "{}", "{protocols: {}}"),
        (
            .receiver, "otlp/foo", "{protocols: {grpc: {max: 1, x: null, deep: {y: null}}}, a: null, b: 1}",
            "{protocols: {grpc: {endpoint: '0.0.0.0:4317', max: 1, deep: {y: null}}}, b: 1}"
        ),
        (
            .receiver, "otlp", "{protocols: {http: {listen_address: 'x:99'}}}",
            "{protocols: {http: {endpoint: '0.0.0.0:99', listen_address: 'x:99'}}}"
        ),
        (.receiver, "zipkin", "{endpoint: localhost}", "{endpoint: '0.0.0.0:localhost'}"),
        (.receiver, "zipkin", "{endpoint: '9999'}", "{endpoint: '0.0.0.0:9999'}"),
        (.receiver, "zipkin", "{Endpoint: ':99', other: null}", "{endpoint: '0.0.0.0:99', Endpoint: ':99'}"),
        (.receiver, "zipkin", "{endpoint: '[::]:9999'}", "{endpoint: '[::]:9999'}"),
        (.receiver, "zipkin", "null", "{endpoint: '0.0.0.0:9411'}"),
        (.receiver, "zipkin", "{endpoint: ''}", "{endpoint: '0.0.0.0:9411'}"),
        (.receiver, "carbon", "{listen_address: 'x:1'}", "{endpoint: '0.0.0.0:2003', listen_address: 'x:1'}"),
        (.exporter, "prometheus", "{}", "{endpoint: '0.0.0.0:8888'}"),
        (.extension, "health_check", "{}", "{endpoint: '0.0.0.0:13133', path: /}"),
        (.extension, "health_check", "{endpoint: ':99', path: /x}", "{endpoint: '0.0.0.0:99', path: /x}"),
        (.extension, "health_check", "{endpoint: 'x'}", "{endpoint: x, path: /}"),
        (.extension, "jaeger_query", "{}", "{http: {endpoint: '0.0.0.0:16686'}}"),
        (
            .extension, "jaeger_query", "{http: {a: 1}, grpc: {endpoint: ':1', b: 2}, storage: {c: null}}",
            "{http: {endpoint: '0.0.0.0:16686', a: 1}, grpc: {endpoint: '0.0.0.0:1', b: 2}, storage: {c: null}}"
        ),
        (.extension, "jaeger_query", "{grpc: {}}", "{http: {endpoint: '0.0.0.0:16686'}, grpc: {}}"),
        (.receiver, "tcp_log", "{a: null}", "{a: null}"), (.receiver, "udp_log", "{}", "{}"),
        (.receiver, "filelog", "{}", "{}"),
        (.exporter, "debug", "{a: null}", "{a: null}"), (.receiver, "prometheus", "{config: null}", "{config: null}"),
        (.receiver, "kubeletstats", "{}", "{}"), (.receiver, "unknown", "{a: null}", "{a: null}"),
        (.processor, "batch", "null", "null"),
    ])
    func components(_ kind: ComponentKind, _ id: String, _ body: String, _ expected: String) throws {
        let configuration = try CollectorConfiguration.using(kind, id, body, defaulted: true)
        #expect(configuration.components(kind)?[id] == (try JSONValue.yaml(expected)))
        // Twice is the same as once.
        var again: JSONObject = configuration.tree
        try ConfigurationDefaults.apply(to: &again)
        #expect(try CollectorConfiguration(again).hashInput == configuration.hashInput)
    }

    @Test func unusedComponentsStay() throws {
        var config = try JSONObject.yaml(
            "{receivers: {zipkin: {}, otlp: {protocols: {grpc: null}}}, exporters: {}, extensions: {health_check: {}}, service: {pipelines: {t: {receivers: [otlp], exporters: []}}}}"
        )
        let outcome = try ConfigurationDefaults.apply(to: &config)
        #expect(config["receivers"]?["zipkin"] == [:])
        #expect(config["extensions"]?["health_check"] == [:])
        #expect(outcome == ConfigurationDefaults.Outcome(addedTelemetry: true))
    }

    @Test func undefinedComponentsAreInserted() throws {
        var config = try JSONObject.yaml(
            "{receivers: {}, exporters: {}, service: {pipelines: {t: {receivers: [otlp, zipkin, unknown], exporters: [debug]}}}}"
        )
        let outcome = try ConfigurationDefaults.apply(to: &config)
        #expect(config["receivers"] == (try .yaml("{otlp: {protocols: {}}, zipkin: {endpoint: '0.0.0.0:9411'}}")))
        #expect(config["exporters"] == [:])
        #expect(outcome.insertedComponents == ["receivers.otlp", "receivers.zipkin"])
    }

    @Test(arguments: [
        (
            "{receivers: null, exporters: {}, service: {pipelines: {t: {receivers: [otlp], exporters: []}}}}",
            "receivers: must be a map: a pipeline uses the receiver \"otlp\", but the section is null or missing"
        ),
        (
            "{receivers: {otlp: {protocols: {x: {}}}}, exporters: {}, service: {pipelines: {t: {receivers: [otlp], exporters: []}}}}",
            "receivers.otlp.protocols: unknown protocol set: x"
        ),
        ("{receivers: [], exporters: {}, service: {pipelines: {}}}", "receivers: expected a map, got 'slice'"),
        (
            "{receivers: {}, exporters: {}, service: {pipelines: {t: 1}}}",
            "service.pipelines.t: expected a map, got 'float64'"
        ),
        (
            "{receivers: {}, exporters: {}, service: {pipelines: {t: {receivers: otlp}}}}",
            "service.pipelines.t.receivers: expected a list, got 'string'"
        ),
        (
            "{receivers: {}, exporters: {}, service: {extensions: [1]}}",
            "service.extensions[0]: expected a string, got 'float64'"
        ),
    ])
    func refused(_ config: String, _ message: String) throws {
        var config = try JSONObject.yaml(config)
        let error = #expect(throws: ConfigurationError.self) { try ConfigurationDefaults.apply(to: &config) }
        #expect(error?.description == message)
    }

    @Test(arguments: [
        ("{}", true), ("null", true), ("{metrics: null}", true), ("{metrics: {level: detailed}}", true),
        ("{metrics: {readers: []}}", true),
        ("{metrics: {address: ''}}", true), ("{metrics: {address: ':1'}}", false),
        ("{metrics: {readers: [{periodic: {}}]}}", false),
        ("{logs: {level: debug}, resource: {a: 1}}", true),
    ])
    func telemetry(_ telemetry: String, _ isAdded: Bool) throws {
        var config = try JSONObject.yaml(
            "{receivers: {}, exporters: {}, service: {pipelines: {}, telemetry: \(telemetry)}}"
        )
        let before = config["service"]?["telemetry"]?.object ?? [:]
        #expect(try ConfigurationDefaults.apply(to: &config).addedTelemetry == isAdded)
        let after = try #require(config["service"]?["telemetry"]?.object)
        guard isAdded else {
            #expect(before == after)
            return
        }
        #expect(
            after["metrics"]?["readers"]
                == [["pull": ["exporter": ["prometheus": ["host": "0.0.0.0", "port": 8888]]]]]
        )
        // Nothing that was there is lost, also what the Go operator can't decode.
        for key in ["logs", "resource"] { #expect(after[key] == before[key]) }
        #expect(after["metrics"]?["level"] == before["metrics"]?["level"])
        #expect(try ConfigurationDefaults.apply(to: &config).addedTelemetry == false)
    }

    @Test(arguments: [
        ("null", "0.0.0.0", 8888), ("{metrics: {level: none}}", "0.0.0.0", 8888),
        ("{metrics: {readers: [{periodic: {}}, {pull: {exporter: {prometheus: {port: 9090, host: h}}}}]}}", "h", 9090),
        ("{metrics: {readers: [{pull: {exporter: {prometheus: {port: 0}}}}]}}", "0.0.0.0", 8888),
        ("{metrics: {readers: [{pull: {exporter: {prometheus: {port: '${env:P}'}}}}]}}", "0.0.0.0", 8888),
        ("{metrics: {readers: [{pull: {exporter: {other: {}}}}], address: 'x:1'}}", "0.0.0.0", 8888),
        ("{metrics: {address: 'x:1'}}", "x", 1), ("{metrics: {address: '[::]:9'}}", "[::]", 9),
        ("{metrics: {address: 'localhost'}}", "localhost", 8888), ("{metrics: {address: '[::]'}}", "[::]", 8888),
        ("{metrics: {address: '${env:POD_IP}'}}", "${env:POD_IP}", 8888),
        ("{metrics: {address: '${env:POD_IP}:99'}}", "${env:POD_IP}", 99),
        ("{metrics: {address: 'x:${env:A}y}'}}", "x:${env:A}y}", 8888), ("{metrics: {address: '}'}}", "}", 8888),
        ("{metrics: {address: ':$'}}", ":$", 8888), ("{metrics: {address: 'x:0'}}", "x", 8888),
    ])
    func metricsEndpoint(_ telemetry: String, _ host: String, _ port: Int) throws {
        let configuration = try CollectorConfiguration.yaml("{service: {telemetry: \(telemetry)}}")
        #expect(try configuration.metricsEndpoint() == MetricsEndpoint(host: host, port: port))
    }

    @Test(arguments: [
        (
            "{metrics: {address: 'host:${env:PORT}'}}",
            "service.telemetry.metrics.address: couldn't determine metrics port from configuration: host:${env:PORT}"
        ),
        (
            "{metrics: {address: '[::]:${PORT}'}}",
            "service.telemetry.metrics.address: couldn't determine metrics port from configuration: [::]:${PORT}"
        ),
        (
            "{metrics: {readers: [{pull: {exporter: {prometheus: {port: 65536}}}}]}}",
            "service.telemetry.metrics.readers[0].pull.exporter.prometheus.port: invalid prometheus metrics port: 65536"
        ),
        (
            "{metrics: {readers: [{pull: {exporter: {prometheus: {port: -1}}}}]}}",
            "service.telemetry.metrics.readers[0].pull.exporter.prometheus.port: invalid prometheus metrics port: -1"
        ),
    ])
    func noMetricsEndpoint(_ telemetry: String, _ message: String) throws {
        let configuration = try CollectorConfiguration.yaml("{service: {telemetry: \(telemetry)}}")
        let error = #expect(throws: ConfigurationError.self) { try configuration.metricsEndpoint() }
        #expect(error?.description == message)
    }

    @Test func profileOfTLS() throws {
        var config = try JSONObject.yaml(
            """
            receivers:
              otlp: {protocols: {grpc: {tls: {cert_file: a}}, http: {}}}
              zipkin: {tls: {min_version: '1.3', cipher_suites: [B]}}
            exporters: {otlp: {tls: {}}, prometheus: {tls: {}}}
            extensions: {health_check: {tls: {}}}
            service: {extensions: [health_check], pipelines: {t: {receivers: [otlp, zipkin], exporters: [otlp, prometheus]}}}
            """
        )
        try ConfigurationDefaults.apply(to: &config, tls: TLSProfile(minimumVersion: "1.2", cipherSuites: ["A"]))
        let receivers = config["receivers"]
        let profile = try JSONValue.yaml("{min_version: '1.2', cipher_suites: [A]}")
        #expect(
            receivers?["otlp"]?["protocols"]?["grpc"]?["tls"]
                == (try .yaml("{cert_file: a, min_version: '1.2', cipher_suites: [A]}"))
        )
        #expect(receivers?["otlp"]?["protocols"]?["http"]?["tls"] == nil)
        #expect(receivers?["zipkin"]?["tls"] == (try .yaml("{min_version: '1.3', cipher_suites: [B]}")))
        #expect(config["exporters"]?["otlp"]?["tls"] == [:])
        #expect(config["exporters"]?["prometheus"]?["tls"] == profile)
        #expect(config["extensions"]?["health_check"]?["tls"] == profile)
        try ConfigurationDefaults.apply(to: &config, tls: TLSProfile(minimumVersion: "1.3", cipherSuites: ["A"]))
        #expect(config["extensions"]?["health_check"]?["tls"] == profile)
    }
}
