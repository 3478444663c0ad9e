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

    /// Each with the path and the mend.
    @Test(arguments: [
        (
            "{receivers: {otlp: {protocols: {grpc: {}}}}, exporters: {debug: {}}, service: {pipelines: {t: {receivers: [otlp], exporters: [debug]}}}}",
            []
        ),
        (
            "{receivers: {}, exporters: {}, service: {pipelines: {}}}",
            ["service.pipelines is empty: name at least one pipeline, or the collector will not start"]
        ),
        (
            "{receivers: {carbon: {}, zipkin: {}}, processors: {batch: {}, b2: {}}, exporters: {debug: {}}, extensions: {zpages: {}}, service: {extensions: [pprof], pipelines: {t: {receivers: [carbon], processors: [limit, b2, b2], exporters: [debug, loki]}, m: {receivers: [carbon], exporters: []}, z: null}}}",
            [
                "service.pipelines.m has no exporters: name at least one, or the collector will not start",
                "service.pipelines.z is null: give it receivers and exporters, or the collector will not start",
                "service.pipelines.t.processors names \"limit\", which is not defined in processors: define it there or take it out of the pipeline, or the collector will not start",
                "service.pipelines.t.processors names \"b2\" twice: name it once, or the collector will not start",
                "service.pipelines.t.exporters names \"loki\", which is not defined in exporters: define it there or take it out of the pipeline, or the collector will not start",
                "service.extensions names \"pprof\", which is not defined in extensions: define it there or take it out of service.extensions, or the collector will not start",
                "receivers.zipkin is defined but not used: name it in a pipeline or remove it",
                "processors.batch is defined but not used: name it in a pipeline or remove it",
                "extensions.zpages is defined but not used: name it in service.extensions or remove it",
            ]
        ),
        (
            "{receivers: {a: {}, both: {}}, exporters: {d: {}}, connectors: {c: {}, u: {}, in: {}, out: {}, both: {}}, service: {pipelines: {x: {receivers: [a, in], exporters: [c, out, both]}, y: {receivers: [c, both], exporters: [d]}}}}",
            [
                "connectors.u is defined but not used: name it in two pipelines or remove it",
                "connectors.in is used as a receiver only: name it among the exporters of a pipeline too, or the collector will not start",
                "connectors.out is used as an exporter only: name it among the receivers of a pipeline too, or the collector will not start",
                "connectors.both has the name of one of the receivers: rename one of them, or the collector will not start",
            ]
        ),
        (
            "{receivers: {zipkin: {endpoint: '0.0.0.0:localhost'}, otlp: {protocols: {grpc: {endpoint: ':9999'}, http: {endpoint: '${env:X}'}}}, carbon: {endpoint: ':9999'}, statsd: {endpoint: ':9999'}}, exporters: {prometheus: {}}, service: {pipelines: {t: {receivers: [zipkin, otlp, carbon, statsd], exporters: [prometheus]}}}}",
            [
                "receivers.zipkin.endpoint \"0.0.0.0:localhost\" has no valid port: write a number from 1 to 65535 after the colon, or the collector will not start",
                "port 9999/TCP is used by both receivers.carbon.endpoint and receivers.otlp.protocols.grpc.endpoint: change one of them, or the collector will not start",
                "port 8888/TCP is used by both exporters.prometheus.endpoint and service.telemetry.metrics: change one of them, or the collector will not start",
            ]
        ),
        (
            "{receivers: {otlp: {}, jaeger: {protocols: {}}, loki: null}, exporters: {d: {}}, service: {pipelines: {t: {receivers: [otlp, jaeger, loki], exporters: [d]}}}}",
            [
                "receivers.otlp.protocols names no protocol: add one of grpc, http, or the collector will not start",
                "receivers.jaeger.protocols names no protocol: add one of grpc, thrift_http, thrift_compact, thrift_binary, or the collector will not start",
                "receivers.loki.protocols names no protocol: add one of grpc, http, or the collector will not start",
            ]
        ),
        (
            "{receivers: {otlp: {protocols: {grpc: {endpoint: ':4317'}, http: {endpoint: ':4317'}}}}, exporters: {d: {}}, service: {pipelines: {t: {receivers: [otlp], exporters: [d]}}}}",
            [
                "port 4317/TCP is used by both receivers.otlp.protocols.grpc.endpoint and receivers.otlp.protocols.http.endpoint: change one of them, or the collector will not start"
            ]
        ),
    ])
    func findings(_ config: String, _ findings: [String]) throws {
        #expect(Set(try CollectorConfiguration.yaml(config).findings) == Set(findings))
    }

    /// Two components that both want what one can have, and two that get along.
    @Test(arguments: [
        (":1", ":1", true), ("0.0.0.0:1", ":1", true), ("[::]:1", "0.0.0.0:1", true),
        ("localhost:1", "0.0.0.0:1", true),
        ("localhost:1", "127.0.0.1:1", true), ("[::1]:1", "[::]:1", true), ("${env:POD_IP}:1", "0.0.0.0:1", true),
        ("${env:POD_IP}:1", "${env:POD_IP}:1", true), ("${env:HOST:-x}:1", ":1", true),
        ("LOCALHOST:1", "localhost:1", true),
        (":1", ":2", false), ("localhost:1", "${env:POD_IP}:1", false), ("[::1]:1", "0.0.0.0:1", false),
        ("127.0.0.1:1", "127.0.0.2:1", false), (":0", ":0", false), (":${env:A}", ":${env:B}", false),
        ("${env:A}", "${env:A}", false), ("[::1]:1", "127.0.0.1:1", false), ("unix:///a", "unix:///a", false),
    ])
    func ports(_ left: String, _ right: String, _ collide: Bool) throws {
        func findings(_ first: String, _ second: String) throws -> [String] {
            try CollectorConfiguration.yaml(
                """
                receivers: {\(first), \(second)}
                exporters: {d: {}}
                service: {pipelines: {t: {receivers: [r, carbon], exporters: [d]}}}
                """.replacing("[r,", with: first.hasPrefix("statsd") ? "[statsd," : "[zipkin,")
            ).findings
        }
        let zipkin = "zipkin: {endpoint: '\(left)'}"
        #expect(try findings(zipkin, "carbon: {endpoint: '\(right)'}").isEmpty != collide)
        #expect(try findings("zipkin: {endpoint: '\(right)'}", "carbon: {endpoint: '\(left)'}").isEmpty != collide)
        // UDP and TCP are two things.
        #expect(try findings("statsd: {endpoint: '\(left)'}", "carbon: {endpoint: '\(right)'}").isEmpty)
        #expect(
            try findings("statsd: {endpoint: '\(left)', transport: tcp}", "carbon: {endpoint: '\(right)'}").isEmpty
                != collide
        )
        #expect(try findings(zipkin, "carbon: {endpoint: '\(right)', transport: udp}").isEmpty)
    }

    @Test(arguments: [
        "0.0.0.0:9411", ":9411", "[::]:9411", "[::1]:9411", "[fe80::1%eth0]:9411", "my-host.example.org:9411",
        "localhost:http",
        "${env:X}", "${env:X}:9411", "$X:9411", "[${env:X}]:9411", "0.0.0.0:${env:PORT}", "${env:A}:${env:B}", ":0",
        "unix:///run/x.sock", "/run/x.sock", "@abstract", "./x.sock", "${env:X:-localhost}:9411",
        "${file:/etc/endpoint}",
    ])
    func endpointsThatAreFine(_ endpoint: String) throws {
        #expect(try Self.zipkin(endpoint).findings.isEmpty)
    }

    @Test(arguments: [
        ("localhost", "has no port: write host:port"), ("[::1]", "has no port: write host:port"),
        (":-1", "has no valid port: write a number from 1 to 65535 after the colon"),
        (":65536", "has no valid port: write a number from 1 to 65535 after the colon"),
        ("0.0.0.0:nonsense", "has no valid port: write a number from 1 to 65535 after the colon"),
        ("fe80::1:9411", "has too many colons: put an IPv6 address in brackets, as in [::1]:4317"),
        ("[::1:9411", "has an unclosed bracket: write [address]:port"),
        ("http://0.0.0.0:9411", "is an address with a scheme or a path: write host:port only"),
        ("tcp://0.0.0.0:9411", "is an address with a scheme or a path: write host:port only"),
        ("0.0.0.0:9411/api", "is an address with a scheme or a path: write host:port only"),
    ])
    func endpointsThatAreNot(_ endpoint: String, _ problem: String) throws {
        #expect(
            try Self.zipkin(endpoint).findings == [
                "receivers.zipkin.endpoint \"\(endpoint)\" \(problem), or the collector will not start"
            ]
        )
    }

    private static func zipkin(_ endpoint: String) throws -> CollectorConfiguration {
        try .yaml(
            "{receivers: {zipkin: {endpoint: '\(endpoint)'}}, exporters: {d: {}}, service: {pipelines: {t: {receivers: [zipkin], exporters: [d]}}}}"
        )
    }

    /// Where the collector's own metrics are served counts, where they are not it does not.
    @Test(arguments: [
        ("null", true), ("{metrics: {level: none}}", false), ("{metrics: {level: detailed}}", true),
        ("{metrics: {address: ':1'}}", false), ("{metrics: {address: localhost}}", true),
        ("{metrics: {readers: [{periodic: {exporter: {otlp: {}}}}]}}", false),
        ("{metrics: {readers: [{pull: {exporter: {prometheus: {}}}}]}}", true),
        ("{metrics: {readers: [{pull: {exporter: {prometheus: {port: 8889}}}}]}}", false),
        ("{metrics: {readers: [{pull: {exporter: {prometheus: {port: '${env:P}'}}}}]}}", false),
        (
            "{metrics: {readers: [{pull: {exporter: {prometheus: {port: 1}}}}, {pull: {exporter: {prometheus: {port: 8888, host: '::'}}}}]}}",
            true
        ),
    ])
    func ownMetrics(_ telemetry: String, _ collide: Bool) throws {
        let configuration = try CollectorConfiguration.yaml(
            "{receivers: {carbon: {}}, exporters: {prometheus: {}}, service: {telemetry: \(telemetry), pipelines: {t: {receivers: [carbon], exporters: [prometheus]}}}}"
        )
        #expect(configuration.findings.isEmpty != collide)
    }

    /// Shapes that people deploy; a warning on one of these would be a false alarm.
    @Test(arguments: [
        // Clients that no one told us of, all of one database.
        """
        receivers: {mongodb: {endpoint: 'db:27017'}, mongodb/2: {endpoint: 'db:27017'}, kafka: {brokers: ['k:9092']}, redis: {endpoint: 'r:6379'}}
        exporters: {debug: {}}
        service: {pipelines: {metrics: {receivers: [mongodb, mongodb/2, redis], exporters: [debug]}, logs: {receivers: [kafka], exporters: [debug]}}}
        """,
        // Exporters that send to one place, a receiver shared by signals, extensions in use.
        """
        receivers: {otlp: {protocols: {grpc: {endpoint: '0.0.0.0:4317'}, http: {endpoint: '0.0.0.0:4318'}}}, jaeger: {protocols: {grpc: {}, thrift_binary: {}, thrift_compact: {}, thrift_http: {}}}}
        processors: {batch: {}, memory_limiter: {check_interval: 1s}}
        exporters: {otlp: {endpoint: 'b:4317'}, otlp/2: {endpoint: 'b:4317'}, prometheus: {endpoint: '0.0.0.0:8889'}}
        extensions: {health_check: {}, zpages: {endpoint: 'localhost:55679'}, pprof: {}, jaeger_query: {http: {endpoint: ':16686'}, grpc: {endpoint: ':16685'}}, bearertokenauth: {}}
        connectors: {spanmetrics: {}, forward: {}}
        service:
          extensions: [health_check, zpages, pprof, jaeger_query, bearertokenauth]
          telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: '${env:POD_IP}', port: 8888}}}}]}}
          pipelines:
            traces: {receivers: [otlp, jaeger], processors: [memory_limiter, batch], exporters: [otlp, otlp/2, spanmetrics, forward]}
            traces/2: {receivers: [forward], exporters: [otlp]}
            metrics: {receivers: [otlp, spanmetrics], exporters: [prometheus]}
        """,
        // An agent on a node: two receivers on two addresses of one port, log receivers, a target allocator.
        """
        receivers:
          otlp/local: {protocols: {grpc: {endpoint: 'localhost:4317'}}}
          otlp/pod: {protocols: {grpc: {endpoint: '${env:POD_IP}:4317'}}}
          tcplog: {listen_address: '0.0.0.0:54525'}
          udplog: {listen_address: '0.0.0.0:54525'}
          filelog: {include: [/var/log/pods/*/*/*.log]}
          prometheus: {config: {scrape_configs: [{job_name: a}]}}
          kubeletstats: {endpoint: 'https://${env:K8S_NODE_NAME}:10250'}
          fluentforward: {endpoint: 'unix:///run/fluent.sock'}
        exporters: {debug: null, nop: null}
        service:
          pipelines:
            traces: {receivers: [otlp/local, otlp/pod], exporters: [debug, nop]}
            logs: {receivers: [tcplog, udplog, filelog, fluentforward], processors: [], exporters: [nop]}
            metrics: {receivers: [prometheus, kubeletstats], exporters: [debug]}
        """,
    ])
    func noFalseAlarms(_ config: String) throws {
        #expect(try CollectorConfiguration.yaml(config).findings == [])
        var defaulted = try JSONObject.yaml(config)
        try ConfigurationDefaults.apply(to: &defaulted)
        #expect(try CollectorConfiguration(defaulted).findings == [])
    }

    /// However many there are, and however long the names are.
    @Test func findingsAndPathsAreBounded() throws {
        let long = String(repeating: "x", count: 1_000)
        let ids = (0..<500).map { "\(long)\($0)" }
        let config: JSONObject = [
            "receivers": .object(JSONObject(ids.map { ($0, .null) })), "exporters": [:],
            "service": [
                "pipelines": [long: ["receivers": .strings(["a"] + ids.map { $0 + "?" }), "exporters": .strings(ids)]]
            ],
        ]
        let configuration = try CollectorConfiguration(config)
        #expect(configuration.findings.count == 41)
        #expect(configuration.findings.last == "there are 1461 more findings like these")
        #expect(configuration.findings.allSatisfy { $0.utf8.count < 500 })
        #expect(configuration.nullPaths.count == 41)
        #expect(configuration.nullPaths.last == "and 460 more")
        #expect(configuration.nullPaths.allSatisfy { $0.utf8.count < 200 })
    }
}
