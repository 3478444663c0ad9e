import Foundation
import JSONTree
import PrometheusConfig
import Testing
import YAMLTree

/// Large configurations. `MEASURE=1 swift test -c release` prints figures; without it the test is about the outcome.
struct LoadTimeTests {
    /// Jobs as a large installation has them: a tenth of them with an error.
    private static func text(megabytes: Int) -> (text: String, jobs: Int) {
        var text = "global: {scrape_interval: 30s}\nscrape_configs:\n"
        var number = 0
        while text.utf8.count < megabytes << 20 {
            text += """
                - job_name: team-\(number % 97)/service-\(number)
                  scrape_interval: \(number % 10 == 9 ? "soon" : "15s")
                  metrics_path: /metrics/\(number)
                  basic_auth:
                    username: user-\(number)
                    password: word-\(number)
                  kubernetes_sd_configs:
                  - role: endpoints
                    namespaces:
                      names: [team-\(number % 97)]
                  static_configs:
                  - targets: ['10.0.\(number % 250).1:9090', '10.0.\(number % 250).2:9090', 'host-\(number):80']
                    labels: {env: prod, shard: '\(number)'}
                  relabel_configs:
                  - source_labels: [__meta_kubernetes_service_label_app, __meta_kubernetes_service_labelpresent_app]
                    regex: (app-\(number));true
                    action: keep
                  - source_labels: [__meta_kubernetes_namespace]
                    target_label: namespace
                  - source_labels: [__meta_kubernetes_pod_name]
                    target_label: pod
                    regex: (.+)
                    replacement: ${1}
                  metric_relabel_configs:
                  - regex: (id|name)
                    action: labeldrop

                """
            number += 1
        }
        return (text, number)
    }

    private static func resident() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
        return line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    }

    @Test func manyJobs() throws {
        let measures = ProcessInfo.processInfo.environment["MEASURE"] != nil
        let (text, count) = Self.text(megabytes: measures ? 10 : 1)
        let before = Self.resident()
        let clock = ContinuousClock()
        var document = PrometheusDocument()
        let time = try clock.measure { document = try PrometheusDocument(yaml: text) }
        #expect(document.scrapeConfigCount == count)
        #expect(document.problems.count == count / 10)
        #expect(document.jobs.count == count - count / 10)
        guard measures else { return }
        let reading = try clock.measure { _ = try YAMLReader.document(in: text, dialect: .trueFalseOnly) }
        let held = Self.resident() - before
        var bytes = 0
        let writing = clock.measure {
            for job in document.jobs { bytes += JSONValue.object(job.json).text().utf8.count }
        }
        bytes = 0
        let serving = clock.measure {
            for job in document.jobs { bytes += JSONValue.object(job.served(masked: true)).text().utf8.count }
        }
        let seconds = time / .seconds(1)
        print(
            "MEASURED \(count) jobs, \(text.utf8.count) bytes: read in \(time), "
                + "\(Double(text.utf8.count) / 1e6 / seconds) MB/s (YAML alone \(reading)), \(held) KiB resident; served masked in \(serving) (writing alone \(writing)), "
                + "\(bytes) bytes"
        )
    }
}
