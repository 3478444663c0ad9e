import CollectorConfig
import JSONTree
import Testing

/// What is told about a configuration that is accepted.
struct FindingsTests {
    @Test(arguments: [
        ("{receivers: {a: {}}}", []),
        (
            "{extensions: {foo: null}, processors: {batch: null}, receivers: {otlp: {protocols: {grpc: null}}}, exporters: {debug: {list: [null, {x: null}]}}}",
            ["extensions.foo:", "processors.batch:", "receivers.otlp.protocols.grpc:"]
        ), ("{connectors: {c: {d: {e: null}}}}", ["connectors.c.d.e:"]),
    ])
    func nulls(_ config: String, _ paths: [String]) throws {
        #expect(try CollectorConfiguration.yaml(config).nullPaths == paths)
    }

    @Test(arguments: [
        (
            "{receivers: {otlp: {}}, exporters: {debug: {}}, service: {pipelines: {t: {receivers: [otlp], exporters: [debug]}}}}",
            []
        ),
        (
            "{receivers: {}, exporters: {}, service: {pipelines: {}}}",
            ["service.pipelines is empty: the collector will not start"]
        ),
        (
            "{receivers: {otlp: {}, zipkin: {}}, processors: {batch: {}}, exporters: {debug: {}}, extensions: {zpages: {}}, service: {extensions: [pprof], pipelines: {t: {receivers: [otlp], processors: [limit], exporters: [debug, loki]}, m: {receivers: [otlp]}, z: null}}}",
            [
                "service.pipelines.m has no exporters: the collector will not start",
                "service.pipelines.z is null: the collector will not start",
                "service.pipelines.t.processors names \"limit\", which is not defined in processors: the collector will not start",
                "service.pipelines.t.exporters names \"loki\", which is not defined in exporters: the collector will not start",
                "service.extensions names \"pprof\", which is not defined in extensions: the collector will not start",
                "receivers.zipkin is defined but not used", "processors.batch is defined but not used",
                "extensions.zpages is defined but not used",
            ]
        ),
        (
            "{receivers: {a: {}}, exporters: {d: {}}, connectors: {c: {}, u: {}}, service: {pipelines: {x: {receivers: [a], exporters: [c]}, y: {receivers: [c], exporters: [d]}}}}",
            ["connectors.u is defined but not used"]
        ),
        (
            "{receivers: {zipkin: {endpoint: '0.0.0.0:localhost'}, otlp: {protocols: {grpc: {endpoint: ':9999'}, http: {endpoint: '${env:X}'}}}, carbon: {endpoint: ':9999'}, statsd: {endpoint: ':9999'}}, exporters: {prometheus: {}}, service: {pipelines: {t: {receivers: [zipkin, otlp, carbon, statsd], exporters: [prometheus]}}}}",
            [
                "receivers.zipkin.endpoint \"0.0.0.0:localhost\" has no valid port",
                "port 9999/TCP is used by both receivers.carbon and receivers.otlp",
                "port 8888/TCP is used by both exporters.prometheus and the collector's own metrics",
            ]
        ),
    ])
    func findings(_ config: String, _ findings: [String]) throws {
        #expect(Set(try CollectorConfiguration.yaml(config).findings) == Set(findings))
    }
}
