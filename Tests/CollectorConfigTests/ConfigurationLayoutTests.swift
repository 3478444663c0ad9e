import CollectorConfig
import JSONTree
import Testing
import YAMLTree

/// The hash input and the two layouts of `collector.yaml` (specification sections 4.5 and 4.6).
struct ConfigurationLayoutTests {
    static let batch = """
        receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}, http: {endpoint: "0.0.0.0:4318"}}}}
        processors: {batch: {timeout: 10s, send_batch_size: 10000}}
        exporters: {debug: {}}
        service:
          pipelines: {traces: {receivers: [otlp], processors: [batch], exporters: [debug]}}
          telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {port: 8888, host: 0.0.0.0}}}}]}}
        """

    @Test func hashInputIsGosJSON() throws {
        #expect(
            String(decoding: try CollectorConfiguration.yaml(Self.batch).hashInput, as: UTF8.self)
                == #"{"receivers":{"otlp":{"protocols":{"grpc":{"endpoint":"0.0.0.0:4317"},"http":{"endpoint":"0.0.0.0:4318"}}}},"exporters":{"debug":{}},"processors":{"batch":{"send_batch_size":10000,"timeout":"10s"}},"service":{"telemetry":{"metrics":{"readers":[{"pull":{"exporter":{"prometheus":{"host":"0.0.0.0","port":8888}}}}]}},"pipelines":{"traces":{"exporters":["debug"],"processors":["batch"],"receivers":["otlp"]}}}}"#
        )
    }

    @Test(arguments: [
        ("{}", #"{"receivers":null,"exporters":null,"service":{"pipelines":null}}"#),
        (
            "{receivers: null, exporters: {}, processors: null, extensions: {}, service: {extensions: [], telemetry: null, pipelines: {}}}",
            #"{"receivers":null,"exporters":{},"extensions":{},"service":{"pipelines":{}}}"#
        ),
        (
            "{receivers: {a: null, A: {x: 1.0, w: [1000.0, true, null]}}, exporters: {}, connectors: {}, service: {pipelines: {b: null, a: {}}}}",
            #"{"receivers":{"A":{"w":[1000,true,null],"x":1},"a":null},"exporters":{},"connectors":{},"service":{"pipelines":{"a":{"exporters":null,"receivers":null},"b":null}}}"#
        ),
        (
            "{receivers: {a: {x: '<&>', u: \"\\u2028\"}}, exporters: {}, unknown: 1, service: {other: 1, pipelines: {a: {x: 1, receivers: [], processors: [], exporters: []}}}}",
            #"{"receivers":{"a":{"u":"\u2028","x":"\u003c\u0026\u003e"}},"exporters":{},"service":{"pipelines":{"a":{"exporters":[],"receivers":[]}}}}"#
        ),
    ])
    func hashInputOfEdges(_ config: String, _ json: String) throws {
        #expect(String(decoding: try CollectorConfiguration.yaml(config).hashInput, as: UTF8.self) == json)
    }

    @Test func layoutWithoutTargetAllocator() throws {
        #expect(
            try CollectorConfiguration.yaml(
                Self.batch + "\n  extensions: [z, a]\nextensions: {z: {}, a: null}\nconnectors: {c: {}}"
            ).yaml == """
                receivers:
                  otlp:
                    protocols:
                      grpc:
                        endpoint: 0.0.0.0:4317
                      http:
                        endpoint: 0.0.0.0:4318
                exporters:
                  debug: {}
                processors:
                  batch:
                    send_batch_size: 10000
                    timeout: 10s
                connectors:
                  c: {}
                extensions:
                  a: null
                  z: {}
                service:
                  extensions:
                    - z
                    - a
                  telemetry:
                    metrics:
                      readers:
                        - pull:
                            exporter:
                              prometheus:
                                host: 0.0.0.0
                                port: 8888
                  pipelines:
                    traces:
                      exporters:
                        - debug
                      processors:
                        - batch
                      receivers:
                        - otlp

                """
        )
    }

    @Test func layoutWithTargetAllocator() throws {
        #expect(
            try CollectorConfiguration.yaml(Self.batch).targetAllocatorYAML == """
                exporters:
                    debug: {}
                processors:
                    batch:
                        send_batch_size: 10000
                        timeout: 10s
                receivers:
                    otlp:
                        protocols:
                            grpc:
                                endpoint: 0.0.0.0:4317
                            http:
                                endpoint: 0.0.0.0:4318
                service:
                    pipelines:
                        traces:
                            exporters:
                                - debug
                            processors:
                                - batch
                            receivers:
                                - otlp
                    telemetry:
                        metrics:
                            readers:
                                - pull:
                                      exporter:
                                          prometheus:
                                              host: 0.0.0.0
                                              port: 8888

                """
        )
    }

    /// What the conversion to v1alpha1 shows for a configuration that says nothing.
    @Test func layoutOfAnEmptyConfiguration() throws {
        var config = try JSONObject.yaml("{receivers: {}, exporters: {}, service: {pipelines: {}}}")
        try ConfigurationDefaults.apply(to: &config)
        #expect(
            try CollectorConfiguration(config).yaml == """
                receivers: {}
                exporters: {}
                service:
                  telemetry:
                    metrics:
                      readers:
                        - pull:
                            exporter:
                              prometheus:
                                host: 0.0.0.0
                                port: 8888
                  pipelines: {}

                """
        )
    }

    @Test func layoutOfNulls() throws {
        #expect(
            try CollectorConfiguration.yaml(
                "{receivers: {otlp: {protocols: {grpc: null}}}, exporters: {debug: null}, processors: null, connectors: {}, service: {pipelines: {traces: null, a: {receivers: [], exporters: null}}}}"
            ).yaml == """
                receivers:
                  otlp:
                    protocols:
                      grpc: null
                exporters:
                  debug: null
                connectors: {}
                service:
                  pipelines:
                    a:
                      exporters: null
                      receivers: []
                    traces: null

                """
        )
    }

    @Test(arguments: [
        (
            2,
            """
            "*": "%{x}"
            "8888": 8888
            big: 1e+06
            block: |-
              one
                two
            ··
              three
            closed: |
              one
              two
            flag: true
            half: 0.5
            kept: |+
              one

            list:
              - - a
                - b
              - c:
                  d: 1
                e:
                  - 2
              - []
              - {}
              - |-
                one

                two
              - null
            quoted: "a: b\\nc"
            """
        ),
        (
            4,
            """
            "*": "%{x}"
            "8888": 8888
            big: 1e+06
            block: |-
                one
                  two
            ····
                three
            closed: |
                one
                two
            flag: true
            half: 0.5
            kept: |+
                one

            list:
                - - a
                  - b
                - c:
                      d: 1
                  e:
                      - 2
                - []
                - {}
                - |-
                    one
            ········
                    two
                - null
            quoted: "a: b\\nc"
            """
        ),
    ])
    func shapes(_ indentation: Int, _ text: String) throws {
        let value: JSONObject = [
            "*": "%{x}", "8888": 8888, "big": 1_000_000, "block": "one\n  two\n\nthree", "closed": "one\ntwo\n",
            "flag": true,
            "half": 0.5, "kept": "one\n\n",
            "list": [["a", "b"], ["c": ["d": 1], "e": [2]], [], [:], "one\n\ntwo", nil], "quoted": "a: b\nc",
        ]
        // Spaces at the end of a line, made visible.
        let expected = String(text.map { $0 == "·" ? " " : $0 })
        #expect(CollectorYAML(indentation: indentation).text(value) == expected + "\n")
        #expect(try YAMLReader.document(in: CollectorYAML(indentation: indentation).text(value)) == .object(value))
    }

    /// Readers look for the colon of a key within 1024 characters only.
    @Test func longKeysReadBack() throws {
        let key = String(repeating: "k", count: 2_000)
        let value: JSONObject = [
            key: [key: 1, "a": [[key: "one\ntwo\n", "b": [key: []]]]], key + ":": "x", "short": [key: [key: nil]],
        ]
        for indentation in [2, 4] {
            #expect(try YAMLReader.document(in: CollectorYAML(indentation: indentation).text(value)) == .object(value))
        }
    }

    /// Whatever a string holds, the collector reads the same.
    @Test func stringsReadBack() throws {
        let pieces = [
            "a", " ", "\n", ":", "-", "#", "1", ".", "e", "0", "_", "x", "\t", "\"", "'", "\\", "{", "*", "é", "\r",
            "~", "T", "|",
        ]
        var state: UInt64 = 1
        for _ in 0..<5_000 {
            var text = ""
            for _ in 0..<Int(state >> 33 % 7) {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text += pieces[Int(state >> 33) % pieces.count]
            }
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            for indentation in [2, 4] {
                let value: JSONObject = ["k": .string(text), "l": [.string(text)], "m": [["n": .string(text)]]]
                let written = CollectorYAML(indentation: indentation).text(value)
                let read = try YAMLReader.document(in: written)
                try #require(read == .object(value), "\(text.debugDescription) is written as \(written)")
            }
        }
    }
}
