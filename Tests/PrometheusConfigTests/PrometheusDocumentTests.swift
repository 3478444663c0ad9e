import Foundation
import JSONTree
import PrometheusConfig
import PrometheusModel
import Testing

/// Documents that are taken: what is served, against golden files and against what a real Prometheus prints.
struct PrometheusDocumentTests {
    private static let accepted = Fixture.cases("accepted.yaml")

    private static func served(_ document: PrometheusDocument, masked: Bool) -> JSONObject {
        JSONObject(document.jobs.map { ($0.name, .object($0.served(masked: masked))) })
    }

    @Test(arguments: accepted) func isServed(_ example: Fixture.Case) throws {
        let document = try PrometheusDocument(json: #require(example.json[object: "document"]))
        #expect(document.problems == [])
        let served = Self.served(document, masked: true)
        if Fixture.updates { return }
        let expected = try Fixture.object("accepted.json")[object: example.name]
        #expect(served == expected)
    }

    /// Reading what is served gives the same again: collectors read it as we do.
    @Test(arguments: accepted) func isStable(_ example: Fixture.Case) throws {
        let document = try PrometheusDocument(json: #require(example.json[object: "document"]))
        for job in document.jobs {
            let again = try ScrapeJob(json: job.served(masked: false), global: GlobalConfig())
            #expect(again.served(masked: false) == job.served(masked: false))
            #expect(again.discoveries == job.discoveries)
            #expect(again.relabelRules == job.relabelRules)
            #expect(again.seeds() == job.seeds())
        }
    }

    /// What says nothing may be left out or not; defaults that 2.42 does not know are ours alone.
    private static func comparable(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let object):
            var result = JSONObject()
            for (name, value) in object where name != "scrape_protocols" && name != "enable_compression" {
                let value = Self.comparable(value)
                if !value.isDeeplyEmpty { result[name] = value }
            }
            return .object(result)
        case .array(let elements): return .array(elements.map(Self.comparable))
        default: return value
        }
    }

    /// The differences there are to be: `regex` of keepequal and dropequal, which receivers refuse.
    private static func withoutUnwanted(_ job: JSONValue) -> JSONValue {
        guard case .object(var object) = job else { return job }
        for name in ["relabel_configs", "metric_relabel_configs"] {
            guard let rules = object[array: name] else { continue }
            object[name] = .array(
                rules.map { rule in
                    guard case .object(var fields) = rule, let action = fields[string: "action"] else { return rule }
                    if action == "keepequal" || action == "dropequal" { fields.remove("regex") }
                    return .object(fields)
                }
            )
        }
        // 2.42 prints TLS versions as numbers, which it can't read itself.
        if var tls = object[object: "tls_config"] {
            for name in ["min_version", "max_version"] {
                if let number = tls[int: name] { tls[string: name] = "TLS1\(number - 0x0301)" }
            }
            object["tls_config"] = .object(tls)
        }
        return .object(object)
    }

    @Test(arguments: accepted) func isWhatPrometheusPrints(_ example: Fixture.Case) throws {
        let recorded = try #require(Fixture.object("accepted.prometheus.json")[object: example.name])
        guard let printed = recorded[array: "printed"] else {
            // Only because of fields, kinds and names that 2.42, or Debian's build of it, does not know.
            let complaint = try #require(recorded[string: "refused"])
            let reasons = ["not found in type", "invalid DNS-SD records type NS", "is not a valid label name"]
            #expect(reasons.contains { complaint.contains($0) })
            return
        }
        let document = try PrometheusDocument(json: #require(example.json[object: "document"]))
        #expect(document.jobs.count == printed.count)
        for (job, expected) in zip(document.jobs, printed) {
            let ours = Self.comparable(.object(job.served(masked: true)))
            var theirs = Self.comparable(Self.withoutUnwanted(expected))
            if example.name == "http with a password in the url" {
                // Prometheus hides passwords in other URLs, but not in this one.
                let text = theirs.text().split(separator: "user:word@").joined(separator: "user:xxxxx@")
                theirs = try JSONValue(parsing: Array(text.utf8))
            }
            #expect(ours == theirs)
        }
    }

    /// Writes accepted.json anew; read the difference.
    @Test(.enabled(if: Fixture.updates)) func updateGolden() throws {
        var golden = JSONObject()
        for example in Self.accepted {
            let document = try PrometheusDocument(json: #require(example.json[object: "document"]))
            golden[example.name] = .object(Self.served(document, masked: true))
        }
        try Fixture.write(golden, to: "accepted.json")
    }

    // MARK: - Refused

    @Test(arguments: Fixture.cases("refused.yaml")) func isRefused(_ example: Fixture.Case) throws {
        let says = try #require(example.json[string: "says"])
        if let global = example.json["global"] {
            do {
                _ = try PrometheusDocument(json: ["global": global, "scrape_configs": [["job_name": "other"]]])
                Issue.record("it was taken")
            } catch {
                #expect(error.description == says)
            }
            return
        }
        let job = try #require(example.json["job"])
        let document = try PrometheusDocument(json: ["scrape_configs": [job, ["job_name": "other"]]])
        #expect(document.problems.count == 1)
        #expect(document.jobs.map(\.name) == ["other"])
        #expect(document.scrapeConfigCount == 2)
        let text = document.problems.first?.description ?? ""
        if example.json[bool: "model"] == true {
            // The words after that are those of another module.
            #expect(text.hasPrefix(says) && text.utf8.count > says.utf8.count + 5)
        } else {
            #expect(text == says)
        }
        #expect(!text.contains("hunter2"))
    }

    /// A real Prometheus refuses it, too, unless we mean to be stricter.
    @Test(arguments: Fixture.cases("refused.yaml")) func prometheusRefusesToo(_ example: Fixture.Case) throws {
        let recorded = try #require(Fixture.object("refused.prometheus.json")[example.name])
        #expect(recorded.isNull == (example.json[bool: "stricter"] ?? false))
    }

    @Test func oneErrorStopsNoOther() throws {
        let document = try PrometheusDocument(json: [
            "scrape_configs": [
                ["job_name": "a"], ["job_name": "b", "scrape_interval": "x"],
                ["job_name": "c", "consul_sd_configs": [[:]]],
                nil, ["job_name": "d"], ["job_name": "a"],
            ]
        ])
        #expect(document.jobs.map(\.name) == ["a", "d"])
        #expect(document.problems.map(\.job) == ["b", "c", nil, "a"])
        #expect(document.scrapeConfigCount == 6)
    }

    @Test func anotherShapeOfDocument() {
        for (json, says) in [
            (["scrape_configs": ["job_name": "a"]], "scrape_configs: must be a list, not a mapping"),
            (["scrape_configs": "x"], "scrape_configs: must be a list, not a text"),
        ] as [(JSONObject, String)] {
            let error = #expect(throws: ConfigProblem.self) { try PrometheusDocument(json: json) }
            #expect(error?.description == says)
        }
    }

    // MARK: - Text

    @Test func plainWordsOfYAML() throws {
        let document = try PrometheusDocument(
            yaml: """
                scrape_configs:
                - job_name: yes
                  honor_labels: yes
                  honor_timestamps: off
                  static_configs:
                  - targets: ['a:1']
                    labels: {on: y, number: 0, n: no}
                """
        )
        let job = try #require(document.jobs.first)
        #expect(job.name == "yes")
        #expect(job.json[bool: "honor_labels"] == true)
        #expect(job.json[bool: "honor_timestamps"] == false)
        guard case .statics(let groups)? = job.discoveries.first else {
            Issue.record("no static configuration")
            return
        }
        #expect(
            groups.first?.labels == [
                Label(name: "on", value: "y"), Label(name: "number", value: "0"), Label(name: "n", value: "no"),
            ]
        )
    }

    @Test func emptyText() throws {
        #expect(try PrometheusDocument(yaml: "").jobs.isEmpty)
        #expect(try PrometheusDocument(yaml: "# nothing\n").problems.isEmpty)
        #expect(throws: ConfigProblem.self) { try PrometheusDocument(yaml: "- a") }
        #expect(throws: (any Error).self) { try PrometheusDocument(yaml: "a: [") }
    }

    /// What would make the reader swell is refused, in time.
    @Test func hostileText() {
        let laughs = (1...9).map {
            "a\($0): &a\($0) [\(Array(repeating: "*a\($0 - 1)", count: 9).joined(separator: ","))]"
        }
        let bomb = "a0: &a0 [lol,lol,lol,lol,lol,lol,lol,lol,lol]\n" + laughs.joined(separator: "\n")
        let deep = String(repeating: "[", count: 100_000)
        let nested = "scrape_configs:\n" + (0..<5000).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
        for text in [bomb, deep, nested, "a: *a", "a: &a [*a]", "a: 1\na: 2"] {
            #expect(throws: (any Error).self) { try PrometheusDocument(yaml: text) }
        }
    }

    @Test func warnings() throws {
        let document = try PrometheusDocument(json: [
            "global": ["scrape_intervall": "5s", "evaluation_interval": "1m", "external_labels": ["a": "b"]],
            "scrape_config": [], "scrape_config_files": ["x"], "rule_files": ["y"],
            "scrape_configs": [["job_name": "a", "quantum_scraping": true]],
        ])
        #expect(
            document.warnings.map(\.description) == [
                "global.scrape_intervall: unknown field, left out: did you mean scrape_interval?",
                "scrape_config_files: has no effect in a target allocator: put the scrape configurations under "
                    + "scrape_configs",
                "scrape_config: unknown field, left out: did you mean scrape_configs?",
                "job \"a\": scrape_configs[0].quantum_scraping: unknown field, handed on as it is: collectors whose "
                    + "Prometheus does not know it refuse all jobs",
            ]
        )
        #expect(document.jobs.first?.served(masked: true)["quantum_scraping"] == true)
    }
}
