import AdmissionServer
import JSONTree
import PrometheusConfig
import PrometheusModel
import PrometheusResources
import TargetAllocation
import YAMLTree

/// Pages for people.
struct AllocatorPages: Sendable {
    /// Rows of a page; more are on the next one.
    static let rows = 200

    let core: AllocatorCore

    // MARK: Addresses

    private static func job(_ name: String) -> String { "/debug/job?job_id=\(name.queryEscaped)" }
    private static func collector(_ name: String) -> String { "/debug/collector?collector_id=\(name.queryEscaped)" }
    private static func target(_ hash: UInt64) -> String { "/debug/target?target_hash=\(hash)" }
    private static func dropped(_ job: String) -> String { "/debug/dropped?job_id=\(job.queryEscaped)" }
    private static func targets(job: String? = nil, collector: String? = nil, page: Int = 1) -> String {
        var query: [String] = []
        if let job { query.append("job_id=\(job.queryEscaped)") }
        if let collector { query.append("collector_id=\(collector.queryEscaped)") }
        if page > 1 { query.append("page=\(page)") }
        return "/debug/targets" + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    }

    // MARK: Pages

    func index() -> ServerResponse {
        let overview = self.core.lists.read { $0.overview() }
        let jobs = self.core.jobs
        var page = HTMLPage("Target allocator")
        if !self.core.isReady { page.paragraph("The first discovery is not complete; nothing is given out yet.") }
        let dropped = overview.jobs.reduce(0) { $0 + $1.dropped.values.reduce(0, +) }
        let handingOver = overview.collectors.reduce(0) { $0 + $1.handingOver }
        page.table(
            ["What", "How many"],
            [
                ["Scrape configs", .number(jobs.all.count, "/debug/scrape_configs")],
                ["Jobs", .number(overview.jobs.count { $0.targets > 0 }, "/debug/jobs")],
                ["Targets", .number(overview.targets, "/debug/targets")],
                ["Unassigned targets", .number(overview.unassigned, "/debug/unassigned")],
                ["Targets dropped by relabel rules", .number(dropped, "/debug/jobs")],
                ["Targets being handed over", .number(handingOver)],
                ["Collectors", .number(overview.collectors.count)],
            ]
        )
        page.heading("Collectors")
        page.table(
            ["Collector", "Node", "Jobs", "Targets", "Handing over"],
            overview.collectors.prefix(1000).map { collector in
                [
                    .link(collector.name, Self.collector(collector.name)), .text(collector.nodeName),
                    .number(collector.jobs.count), .number(collector.targets, Self.targets(collector: collector.name)),
                    .number(collector.handingOver),
                ]
            },
            empty: "No collector pod is found, so every target is nobody's."
        )
        page.heading("Jobs")
        Self.table(of: overview.jobs, &page)
        page.heading("Jobs that can't be used")
        page.table(["Problem"], jobs.problems.map { [.text($0)] })
        page.heading("Resources that are rejected")
        page.table(
            ["Kind", "Resource", "Job", "Reason", "Message"],
            jobs.rejected.prefix(1000).map { rejected in
                [
                    .text(rejected.id.kind.rawValue), .text("\(rejected.id.key)"), .text(rejected.job ?? "all"),
                    .text(rejected.reason.rawValue), .text(rejected.message),
                ]
            }
        )
        return page.response()
    }

    private static func table(of jobs: [AllocationOverview.Job], _ page: inout HTMLPage) {
        page.table(
            ["Job", "Discovered", "Dropped", "Targets", "Unassigned"],
            jobs.prefix(1000).map { job in
                [
                    .link(job.name, Self.job(job.name)), .number(job.discovered),
                    .number(job.dropped.values.reduce(0, +), Self.dropped(job.name)),
                    .number(job.targets, Self.targets(job: job.name)), .number(job.unassigned),
                ]
            }
        )
        if jobs.count > 1000 { page.paragraph(.text("\(jobs.count - 1000) more jobs are not shown.")) }
    }

    func jobs() -> ServerResponse {
        var page = HTMLPage("Jobs")
        Self.table(of: self.core.lists.read { $0.overview() }.jobs, &page)
        return page.response()
    }

    func scrapeConfigs() -> ServerResponse {
        var page = HTMLPage("Scrape configurations")
        page.paragraph("Secrets are never shown here.")
        for job in self.core.jobs.all.prefix(200) {
            page.heading(job.name)
            page.preformatted(YAMLWriter.text(.object(job.served(masked: true))))
        }
        return page.response()
    }

    /// - Returns: `nil` where there is no such page.
    func debug(_ name: String, _ query: String?) -> ServerResponse? {
        switch name {
        case "style.css": HTMLPage.style
        case "jobs": self.jobs()
        case "scrape_configs": self.scrapeConfigs()
        case "collector": self.collector(query)
        case "job": self.job(query)
        case "target": self.target(query)
        case "targets": self.targets(query)
        case "dropped": self.dropped(query)
        case "unassigned": self.unassigned()
        default: nil
        }
    }

    private static func refuse(_ status: Int, _ message: String) -> ServerResponse {
        var page = HTMLPage(status == 404 ? "Not found" : "Bad request")
        page.paragraph(.text(message))
        return page.response(status: status)
    }

    private func collector(_ query: String?) -> ServerResponse {
        guard let id = QueryText.values("collector_id", in: query).first, !id.isEmpty else {
            return Self.refuse(
                400,
                "Expected collector_id in the query string, as /debug/collector?collector_id=my-collector-1"
            )
        }
        guard let collector = self.core.lists.read({ $0.overview() }).collectors.first(where: { $0.name == id }) else {
            return Self.refuse(404, "There is no such collector.")
        }
        var page = HTMLPage("Collector \(id)")
        page.paragraph(
            .text("On node \(collector.nodeName). It has "),
            .link("\(collector.targets) targets", Self.targets(collector: id)),
            .text(", and keeps \(collector.handingOver) until others have fetched them.")
        )
        page.table(
            ["Job", "Targets", "List"],
            collector.jobs.map { count in
                let list = "/jobs/\(count.job.queryEscaped)/targets?collector_id=\(id.queryEscaped)"
                return [
                    .link(count.job, Self.job(count.job)),
                    .number(count.targets, Self.targets(job: count.job, collector: id)), .link("JSON", list),
                ]
            }
        )
        return page.response()
    }

    private func job(_ query: String?) -> ServerResponse {
        let ids = QueryText.values("job_id", in: query)
        guard ids.count == 1, let id = ids.first else {
            return Self.refuse(400, "Expected job_id in the query string once, as /debug/job?job_id=my-job")
        }
        let overview = self.core.lists.read { $0.overview() }
        var page = HTMLPage("Job \(id)")
        let configuration = self.core.jobs.all.first { $0.name == id }
        guard let job = overview.jobs.first(where: { $0.name == id }) else {
            page.paragraph("There is no such job.")
            return page.response(status: configuration == nil ? 404 : 200)
        }
        page.paragraph(
            .text("\(job.discovered) discovered, \(job.targets) targets, \(job.unassigned) unassigned. "),
            .link("All targets", Self.targets(job: id)),
            ", ",
            .link("JSON", "/jobs/\(id.queryEscaped)/targets")
        )
        page.heading("Collectors")
        page.table(
            ["Collector", "Targets"],
            overview.collectors.compactMap { collector in
                guard let count = collector.jobs.first(where: { $0.job == id }) else { return nil }
                return [
                    .link(collector.name, Self.collector(collector.name)),
                    .number(count.targets, Self.targets(job: id, collector: collector.name)),
                ]
            }
        )
        page.heading("Dropped by relabel rules")
        page.table(
            ["Rule", "What it says", "Targets"],
            job.dropped.sorted { $0.key < $1.key }.map { rule, count in
                [
                    .text("relabel_configs[\(rule)]"), .code(Self.rule(rule, of: configuration)),
                    .number(count, Self.dropped(id)),
                ]
            }
        )
        if let configuration {
            page.heading("Scrape configuration")
            page.preformatted(
                YAMLWriter.text(.object(configuration.served(masked: true)))
            )
        }
        return page.response()
    }

    private static func rule(_ index: Int, of job: ScrapeJob?) -> String {
        guard let rules = job?.json[array: "relabel_configs"], rules.indices.contains(index) else { return "" }
        return String(decoding: rules[index].bytes(), as: UTF8.self)
    }

    private func target(_ query: String?) -> ServerResponse {
        guard let text = QueryText.values("target_hash", in: query).first, let hash = UInt64(text), hash != 0 else {
            return Self.refuse(400, "Expected target_hash in the query string, a decimal number that is not 0")
        }
        guard let target = self.core.lists.read({ $0.target(hash) }) else {
            return Self.refuse(404, "There is no such target.")
        }
        var page = HTMLPage("Target \(Self.address(target.labels))")
        page.table(
            ["What", ""],
            [
                ["Job", .link(target.job, Self.job(target.job))],
                ["Collector", Self.owner(target)],
                ["Still kept by", target.previousCollector.map { .link($0, Self.collector($0)) } ?? "nobody"],
                [
                    "Found in",
                    .text(target.sources.map { "discovery \($0.discovery): \($0.name)" }.joined(separator: "; ")),
                ],
                ["Hash", .text("\(hash)")],
            ]
        )
        page.heading("Labels, before relabelling")
        page.table(["Name", "Value"], target.labels.map { [.code($0.name), .code($0.value)] })
        return page.response()
    }

    private static func owner(_ target: TargetDetails) -> HTMLPage.Content {
        if let collector = target.collector { return .link(collector, Self.collector(collector)) }
        switch target.unassigned {
        case .waitingForDiscovery: return "nobody: the first discovery is not complete"
        case .noCollectors: return "nobody: there is no collector"
        case .noNode: return "nobody: no label says on which node it is, and no fallback strategy is set"
        case .noCollectorOnNode: return "nobody: no collector is on its node"
        case nil: return "nobody"
        }
    }

    private static func address(_ labels: [Label]) -> String { labels.first { $0.name == "__address__" }?.value ?? "" }

    private static func table(of targets: [TargetDetails], _ page: inout HTMLPage) {
        page.table(
            ["Target", "Job", "Collector", "Found in"],
            targets.map { target in
                [
                    .link(Self.address(target.labels), Self.target(target.hash)),
                    .link(target.job, Self.job(target.job)), Self.owner(target),
                    .text(target.sources.map(\.name).joined(separator: ", ")),
                ]
            }
        )
    }

    private func targets(_ query: String?) -> ServerResponse {
        let job = QueryText.values("job_id", in: query).first
        let collector = QueryText.values("collector_id", in: query).first
        let number = QueryText.values("page", in: query).first.flatMap { Int($0) } ?? 1
        guard (1...100_000).contains(number) else { return Self.refuse(400, "page is a number from 1") }
        let end = number * Self.rows
        // While the state is read nobody changes it: only hashes are taken of all, and the rest of those that are shown.
        let hashes = self.core.lists.read { $0.hashes(job: job, collector: collector) }
        let shown = Self.page(hashes, after: end - Self.rows)
        let targets = self.core.lists.read { $0.targets(shown) }
        var page = HTMLPage("Targets")
        let filters = [job.map { "of job \($0)" }, collector.map { "of collector \($0)" }].compactMap { $0 }
        if !filters.isEmpty { page.paragraph(.text("Only those " + filters.joined(separator: " and ") + ".")) }
        Self.table(of: targets, &page)
        if number > 1 {
            page.paragraph(.link("previous page", Self.targets(job: job, collector: collector, page: number - 1)))
        }
        if hashes.count > end {
            page.paragraph(.link("next page", Self.targets(job: job, collector: collector, page: number + 1)))
        }
        return page.response()
    }

    /// Hashes in order, as many as a page has rows.
    private static func page(_ hashes: [UInt64], after count: Int) -> [UInt64] {
        guard count < hashes.count else { return [] }
        return Array(hashes.sorted().dropFirst(count).prefix(Self.rows))
    }

    private func dropped(_ query: String?) -> ServerResponse {
        guard let job = QueryText.values("job_id", in: query).first else {
            return Self.refuse(400, "Expected job_id in the query string, as /debug/dropped?job_id=my-job")
        }
        let dropped = self.core.lists.read { $0.droppedTargets(job: job, limit: Self.rows) }
        let configuration = self.core.jobs.all.first { $0.name == job }
        var page = HTMLPage("Dropped targets of \(job)")
        page.paragraph(.text("At most \(Self.rows) are shown."))
        page.table(
            ["Target", "Rule", "What it says", "Found in", "Labels"],
            dropped.map { target in
                [
                    .text(Self.address(target.labels)), .text("relabel_configs[\(target.rule)]"),
                    .code(Self.rule(target.rule, of: configuration)), .text(target.source),
                    .code(target.labels.map { "\($0.name)=\($0.value)" }.joined(separator: " ")),
                ]
            }
        )
        return page.response()
    }

    private func unassigned() -> ServerResponse {
        var page = HTMLPage("Unassigned targets")
        page.paragraph(.text("At most \(Self.rows) are shown."))
        let shown = Self.page(self.core.lists.read { $0.unassignedHashes }, after: 0)
        Self.table(of: self.core.lists.read { $0.targets(shown) }, &page)
        return page.response()
    }
}
