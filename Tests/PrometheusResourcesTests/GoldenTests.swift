import Foundation
import JSONTree
import KubeModel
import PrometheusConfig
import PrometheusResources
import Testing
import YAMLTree

/// Resources and the jobs made of them, each file of `Fixtures/cases` with its namesake in `Fixtures/expected`.
/// `UPDATE_GOLDEN=1` writes the expected files anew; `hack/check-prometheus-resources` has Prometheus read them.
struct GoldenTests {
    @Test func thereAreCases() {
        #expect(ResourceCase.names.count >= 60)
    }

    @Test(arguments: ResourceCase.names) func jobs(_ name: String) throws {
        let example = try ResourceCase(name)
        let translator = ResourceTranslator(settings: example.settings)
        // In the order and the choice of the whole.
        let outcome = scrapeJobs(of: example.set, assets: example.assets, settings: example.settings)
        var written: [JSONValue] = []
        for resource in example.set.resources.sorted(by: { $0.id < $1.id }) {
            for job in translator.scrapeConfigurations(of: resource, assets: example.assets).jobs
            where outcome.jobs.contains(where: { $0.name == job[string: "job_name"] }) {
                written.append(.object(job))
            }
        }
        #expect(outcome.jobs.map(\.name) == written.map { $0["job_name"]?.string ?? "" })
        let result: JSONValue = ["jobs": .array(written), "rejected": .array(outcome.rejected.map(\.json))]

        let file = ResourceCase.root.appending(path: "expected/\(name).yaml")
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
            try Data(YAMLWriter.text(result).utf8).write(to: file)
            return
        }
        let expected = try YAMLReader.document(in: String(decoding: Data(contentsOf: file), as: UTF8.self))
        let jobs = (result["jobs"]?.array ?? [], expected["jobs"]?.array ?? [])
        for (job, wanted) in zip(jobs.0, jobs.1) where job != wanted {
            Issue.record("\(name): made\n\(YAMLWriter.text(job))\nexpected\n\(YAMLWriter.text(wanted))")
        }
        #expect(jobs.0.count == jobs.1.count)
        #expect(result["rejected"] == expected["rejected"])
    }
}
