import JSONTree
import KubeModel
import TelemetryAPI
import Testing

/// How a command line is read.
struct CommandLineFlagsTests {
    @Test(arguments: [
        ["--webhook-port=1"], ["--webhook-port", "1"], ["-webhook-port=1"], ["-webhook-port", "1"],
        ["--webhook-port=2", "--webhook-port=1"], ["--webhook-port=1", "--"],
    ])
    func forms(_ arguments: [String]) throws {
        #expect(try CommandLineFlags(parsing: arguments).values["webhook-port"]?.last == "1")
    }

    @Test(arguments: [
        (["--metrics-secure"], "true"), (["-metrics-secure"], "true"), (["--metrics-secure=false"], "false"),
        (["--metrics-secure", "--zap-devel"], "true"), (["--metrics-secure=F"], "F"),
    ])
    func booleans(_ arguments: [String], _ expected: String) throws {
        #expect(try CommandLineFlags(parsing: arguments).values["metrics-secure"] == [expected])
    }

    /// A value may begin with a dash, where that is no flag of ours, and hold anything.
    @Test func oddValues() throws {
        let flags = try CommandLineFlags(
            parsing: ["--feature-gates", "-operand.networkpolicy", "--labels-filter", "a=b,c", "--collector-image="]
        )
        #expect(flags.values["feature-gates"] == ["-operand.networkpolicy"])
        #expect(flags.values["labels-filter"] == ["a=b,c"])
        #expect(flags.values["collector-image"] == [""])
    }

    @Test func helpAndVersion() throws {
        #expect(try CommandLineFlags(parsing: ["-h"]).asksForHelp)
        #expect(try CommandLineFlags(parsing: ["--zap-devel", "--help"]).asksForHelp)
        #expect(try CommandLineFlags(parsing: ["--version"]).asksForVersion)
        #expect(try CommandLineFlags(parsing: []) == CommandLineFlags())
    }

    @Test(arguments: [
        (["--webhok-port", "1"], "unknown flag --webhok-port: did you mean --webhook-port?"),
        (["-webhok-port=secret"], "unknown flag -webhok-port: did you mean --webhook-port?"),
        (["--nothing-like-it"], "unknown flag --nothing-like-it: see --help for those there are"),
        (["---webhook-port=1"], "unknown flag ---webhook-port: did you mean --webhook-port?"),
        (["--Webhook-Port=1"], "unknown flag --Webhook-Port: did you mean --webhook-port?"),
        (["--webhook-port"], "--webhook-port needs a value: --webhook-port=9443"),
        (["--collector-image", "--webhook-port=1"], "--collector-image needs a value"),
        (["--metrics-secure", "false"], "unexpected argument false: write --metrics-secure=false"),
        (["start"], "unexpected argument start"), (["--", "x"], "unexpected argument x"),
        (["-"], "unexpected argument -"),
    ])
    func mistakes(_ arguments: [String], _ expected: String) throws {
        let error = #expect(throws: SettingError.self) { try CommandLineFlags(parsing: arguments) }
        #expect(error?.description.hasPrefix(expected) == true, "\(String(describing: error))")
        #expect(error?.exitCode == 2)
    }
}

/// Which source wins, and what of each is taken.
struct SettingValuesTests {
    private func values(_ flags: [String] = [], _ environment: [String: String] = [:], _ file: String = "")
        throws -> SettingValues
    {
        try SettingValues(
            flags: CommandLineFlags(parsing: flags),
            environment: environment,
            file: ConfigFile(parsing: Array(file.utf8), named: "f.yaml")
        )
    }

    /// One of each type, with what each source says: default, file, environment, flag.
    private static let ladder: [(Setting, file: String, environment: String, flag: String, [String])] = [
        (.metricsAddress, "metrics-addr: :1", ":2", ":3", [":8443", ":1", ":2", ":3"]),
        (.webhookPort, "webhook-port: 1", "2", "3", ["9443", "1", "2", "3"]),
        (.enableCRMetrics, "enable-cr-metrics: true", "0", "T", ["false", "true", "false", "T"]),
        (.watchNamespace, "watch-namespace: a,b", "c, d", "e", ["", "a,b", "c,d", "e"]),
        (.labelsFilter, "labels-filter: [a, b]", "c,d", "e,f", ["", "a,b", "c,d", "e,f"]),
        (
            .tlsMinVersion, "tls: {minVersion: VersionTLS13}", "VersionTLS12", "VersionTLS13",
            ["VersionTLS12", "VersionTLS13", "VersionTLS12", "VersionTLS13"]
        ),
        (.logTimeKey, "zap: {time-key: ts}", "t", "time", ["timestamp", "ts", "t", "time"]),
    ]

    @Test(arguments: ladder.indices) func precedence(_ place: Int) throws {
        let (setting, file, environment, flag, expected) = Self.ladder[place]
        let variable = [try #require(setting.variable): environment]
        let flags = ["--\(setting.name)=\(flag)"]
        let steps = [
            try self.values(), try self.values([], [:], file), try self.values([], variable, file),
            try self.values(flags, variable, file),
        ]
        #expect(steps.map { $0.text(setting) } == expected)
        #expect(steps.map { $0.source(setting) } == [.preset, .file, .environment, .flag])
    }

    @Test func emptyCountsAsNotGiven() throws {
        let values = try self.values(
            ["--collector-image=", "--webhook-port="],
            ["METRICS_ADDR": ""],
            "metrics-addr: ''"
        )
        #expect(values.text(.collectorImage) == Setting.collectorImage.preset)
        #expect(values.number(.webhookPort) == 9443)
        #expect(values.text(.metricsAddress) == ":8443")
        // Of a list, it says that it is to be empty.
        #expect(try self.values(["--watch-namespace="], ["WATCH_NAMESPACE": "a"]).list(.watchNamespace) == [])
        #expect(try self.values([], [:], "annotations-filter: []").list(.annotationsFilter) == [])
    }

    @Test func lists() throws {
        #expect(
            try self.values(["--watch-namespace=a,b", "--watch-namespace=c"]).list(.watchNamespace) == ["a", "b", "c"]
        )
        // An expression may hold a comma.
        #expect(
            try self.values(["--labels-filter=a{1,2}", "--labels-filter=b"]).list(.labelsFilter) == ["a{1,2}", "b"]
        )
        #expect(try self.values().list(.annotationsFilter) == [KeyFilter.lastAppliedPattern])
    }

    /// As for the Go operator: what is no word for true is false, in the environment.
    @Test(arguments: [("1", true), ("T", true), ("true", true), ("yes", false), ("on", false), ("0", false)])
    func booleansOfTheEnvironment(_ text: String, _ expected: Bool) throws {
        #expect(try self.values([], ["METRICS_SECURE": text]).isOn(.metricsSecure) == expected)
    }

    /// The kubelet names variables after Services.
    @Test func serviceLinksAreNoSettings() throws {
        let values = try self.values([], ["WEBHOOK_PORT": "tcp://10.0.0.1:443"])
        #expect(values.number(.webhookPort) == 9443 && values.source(.webhookPort) == .preset)
    }

    @Test(
        arguments: [
            (["--webhook-port=x"], [:], "", "--webhook-port: \"x\": must be a number from 1 to 65535", 2),
            ([], ["WEBHOOK_PORT": "0"], "", "WEBHOOK_PORT: \"0\": must be a number", 1),
            ([], [:], "webhook-port: 0", "f.yaml: webhook-port: must be a number from 1 to 65535, not 0", 1),
            (["--metrics-secure=maybe"], [:], "", "--metrics-secure: \"maybe\": must be true or false", 2),
            (["--zap-encoder=xml"], [:], "", "--zap-encoder: \"xml\": must be one of json, console", 2),
            (["--webhook-port=1"], [:], "webhook-port: many", "f.yaml: webhook-port: must be a number", 1),
            ([], [:], "webhok-port: 1", "f.yaml: unknown key webhok-port: did you mean webhook-port?", 1),
            (
                [], [:], "target-allocator-image: a",
                "f.yaml: unknown key target-allocator-image: did you mean targetallocator-image?", 1
            ),
            ([], [:], "zap-log-level: info", "f.yaml: unknown key zap-log-level: did you mean zap.log-level?", 1),
            ([], [:], "zap: {levelkey: a}", "f.yaml: unknown key zap.levelkey: did you mean zap.level-key?", 1),
            ([], [:], "zap: json", "f.yaml: zap: must be a mapping", 1),
            (
                [], [:], "tls: {minVersion: VersionTLS12, min-version: VersionTLS13}",
                "f.yaml: tls.minversion: given twice", 1
            ),
            ([], [:], "tls: {minversion: [a]}", "f.yaml: tls.minversion: must be a single value", 1),
            ([], [:], "tls.minversion: VersionTLS13", "f.yaml: unknown key tls.minversion", 1),
            ([], [:], "config-file: other.yaml", "f.yaml: unknown key config-file", 1),
        ] as [([String], [String: String], String, String, Int32)]
    )
    func mistakes(
        _ flags: [String],
        _ environment: [String: String],
        _ file: String,
        _ expected: String,
        _ code: Int32
    ) throws {
        let error = #expect(throws: SettingError.self) { try self.values(flags, environment, file) }
        #expect(error?.description.hasPrefix(expected) == true, "\(String(describing: error))")
        #expect(error?.exitCode == code)
        #expect(error?.line.hasPrefix(code == 2 ? "error: " : "configuration error: ") == true)
    }

    @Test func warnings() throws {
        let values = try self.values(
            ["--pprof-addr=:6060", "--create-rbac-permissions=false", "--zap-stacktrace-level=panic"],
            ["OPENSHIFT_CREATE_DASHBOARD": "true", "RELATED_IMAGE_COLECTOR": "x", "PATH": "/bin", "METRICS": "1"],
            "collector-configmap-entry: collector.yaml\ntarget-allocator-configmap-entry: other.yaml"
        )
        #expect(
            values.warnings == [
                "--pprof-addr has no effect: Swift has no pprof; perf and heaptrack work on the process from outside",
                "OPENSHIFT_CREATE_DASHBOARD has no effect: Swiftlet makes no OpenShift dashboard",
                "--zap-stacktrace-level has no effect: Swiftlet's log lines carry no stack traces",
                "target-allocator-configmap-entry has no effect: the name is fixed",
                "the variable RELATED_IMAGE_COLECTOR is unknown: did you mean RELATED_IMAGE_COLLECTOR?",
            ]
        )
        #expect(try self.values().warnings == [])
    }

    @Test func summary() throws {
        let values = try self.values(
            ["--collector-image=otel:1"],
            ["HTTPS_PROXY": "http://user:password@proxy"],
            "instrumentations: {spec: {env: [{name: TOKEN, value: password}]}}"
        )
        let summary = values.summary
        #expect(summary.contains { $0 == ("collector-image", "otel:1") })
        #expect(summary.contains { $0 == ("tls.minversion", "VersionTLS12") })
        #expect(!summary.contains { $0.value.contains("password") })
    }
}

/// How a log line looks.
struct LogFormatTests {
    private static let time = Timestamp("2026-11-28T02:50:17.120045Z") ?? Timestamp(seconds: 0)

    @Test(
        arguments: [
            (.epoch, "1795834217.120045"), (.millis, "1795834217120.045"), (.nano, "1795834217120045000"),
            (.iso8601, "\"2026-11-28T02:50:17.120Z\""), (.rfc3339, "\"2026-11-28T02:50:17Z\""),
            (.rfc3339nano, "\"2026-11-28T02:50:17.120045Z\""),
        ] as [(LogFormat.TimeEncoding, String)]
    )
    func times(_ encoding: LogFormat.TimeEncoding, _ expected: String) throws {
        let format = LogFormat(timeEncoding: encoding)
        let line = format.line(level: "INFO", time: Self.time, message: "m", members: ["a": 1, "level": "x"])
        #expect(
            String(decoding: line, as: UTF8.self)
                == "{\"level\":\"INFO\",\"timestamp\":\(expected),\"message\":\"m\",\"a\":1}\n"
        )
    }

    @Test func keysAndLevels() {
        let format = LogFormat(messageKey: "msg", levelKey: "", timeKey: "", isUppercase: false)
        let line = format.line(level: "INFO", time: Self.time, message: "m", members: [:])
        #expect(String(decoding: line, as: UTF8.self) == "{\"msg\":\"m\"}\n")
        let console = LogFormat(encoder: .console, timeEncoding: .rfc3339, isUppercase: false)
        let text = console.line(level: "WARN", time: Self.time, message: "a\nb", members: ["k": "v"])
        #expect(String(decoding: text, as: UTF8.self) == "2026-11-28T02:50:17Z\twarn\ta b\t{\"k\":\"v\"}\n")
    }

    @Test(
        arguments: [
            ("debug", .debug), ("INFO", .info), ("warn", .warning), ("error", .error), ("panic", .critical),
            ("0", .info),
            ("1", .debug), ("2", .trace), ("10", .trace), ("-1", nil), ("loud", nil), ("", nil),
        ] as [(String, LogFormat.Threshold?)]
    )
    func thresholds(_ text: String, _ expected: LogFormat.Threshold?) { #expect(LogFormat.Threshold(text) == expected) }
}
