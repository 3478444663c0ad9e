package import JSONTree
package import PrometheusConfig

/// The jobs that resources make, and the resources that make none.
package struct ResourceOutcome: Sendable, Equatable {
    /// In the order of the resources (``PrometheusResourceID``), and of the endpoints within one.
    package var jobs: [ScrapeJob] = []
    /// In the same order.
    package var rejected: [RejectedResource] = []

    package init(jobs: [ScrapeJob] = [], rejected: [RejectedResource] = []) {
        self.jobs = jobs
        self.rejected = rejected
    }
}

/// The jobs of all resources that are taken.
package func scrapeJobs(
    of resources: PrometheusResourceSet,
    assets: AssetStore,
    settings: ResourceSettings
) -> ResourceOutcome {
    let taken = resources.resources
        .filter { settings.selects($0, namespaceLabels: resources.namespaces[$0.namespace]) }
        .sorted { $0.id < $1.id }
    let translator = ResourceTranslator(settings: settings)
    var outcome = ResourceOutcome()
    for resource in taken {
        let one = translator.translate(resource, assets: assets)
        outcome.jobs += one.jobs
        outcome.rejected += one.rejected
    }
    return outcome
}

/// Translates single resources.
package struct ResourceTranslator: Sendable {
    package let settings: ResourceSettings
    private let global: Result<GlobalConfig, ConfigProblem>

    package init(settings: ResourceSettings) {
        self.settings = settings
        do throws(ConfigProblem) {
            self.global = .success(try GlobalConfig(json: settings.global))
        } catch {
            self.global = .failure(error)
        }
    }

    /// Its jobs, or one rejection for all of it; besides a rejection for each job that reads a file and must not.
    package func translate(_ resource: PrometheusResource, assets: AssetStore) -> ResourceOutcome {
        do throws(Rejection) {
            var outcome = ResourceOutcome()
            let written = try self.written(resource, assets: assets)
            outcome.rejected = written.denied
            for json in written.jobs { outcome.jobs.append(try self.checked(json)) }
            return outcome
        } catch {
            return ResourceOutcome(rejected: [Self.rejected(resource, error)])
        }
    }

    /// The jobs as they are written, before Prometheus' defaults and checks; for those who want to see them so.
    package func scrapeConfigurations(
        of resource: PrometheusResource,
        assets: AssetStore
    ) -> (jobs: [JSONObject], rejected: [RejectedResource]) {
        do throws(Rejection) {
            let written = try self.written(resource, assets: assets)
            return (written.jobs, written.denied)
        } catch {
            return ([], [Self.rejected(resource, error)])
        }
    }

    private func written(
        _ resource: PrometheusResource,
        assets: AssetStore
    ) throws(Rejection) -> (jobs: [JSONObject], denied: [RejectedResource]) {
        var translation = try Translation(resource, settings: self.settings, assets: AssetReader(assets))
        var jobs: [JSONObject] = []
        var denied: [RejectedResource] = []
        for job in try translation.jobs() {
            if self.settings.deniesFileAccess, let file = Self.fileRead(by: job) {
                denied.append(Self.fileRejection(resource, job: job[string: "job_name"] ?? "", file))
            } else {
                jobs.append(job)
            }
        }
        return (jobs, denied)
    }

    private static func rejected(_ resource: PrometheusResource, _ rejection: Rejection) -> RejectedResource {
        RejectedResource(resource.id, uid: resource.uid, reason: rejection.reason, message: rejection.message)
    }

    /// The Secrets and ConfigMaps that a resource names, each once, in the order of its fields. Those of a resource that is
    /// rejected for what it says itself are not of interest.
    package func references(of resource: PrometheusResource) -> [AssetReference] {
        var references: [AssetReference] = []
        do throws(Rejection) {
            var translation = try Translation(resource, settings: self.settings, assets: .collecting)
            defer { references = translation.assets.references }
            _ = try translation.jobs()
        } catch {
            // What it is rejected for, `translate` tells.
        }
        var seen: Set<AssetReference> = []
        return references.filter { seen.insert($0).inserted }
    }

    private func checked(_ json: JSONObject) throws(Rejection) -> ScrapeJob {
        do throws(ConfigProblem) {
            return try ScrapeJob(json: json, global: try self.global.get())
        } catch {
            throw Rejection(.invalidConfiguration, error.description)
        }
    }

    /// The setting of a job that has a file read.
    private static func fileRead(by job: JSONObject) -> String? {
        if job[path: "authorization", "credentials_file"] != nil { return "authorization.credentials_file" }
        for key in ["ca_file", "cert_file", "key_file"] where job[path: "tls_config", key] != nil {
            return "tls_config.\(key)"
        }
        return nil
    }

    private static func fileRejection(
        _ resource: PrometheusResource,
        job: String,
        _ file: String
    ) -> RejectedResource {
        RejectedResource(
            resource.id,
            uid: resource.uid,
            job: job,
            reason: .fileAccessDenied,
            message: "\(job) has \(file), and the allocator's deny_fs_access_through_sms is on; "
                + "use a Secret or ConfigMap instead"
        )
    }
}
