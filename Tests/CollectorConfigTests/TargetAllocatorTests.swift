import CollectorConfig
import JSONTree
import Testing

/// The prometheus receiver of a collector with a target allocator (specification section 4.4).
struct TargetAllocatorTests {
    @Test(arguments: [
        (
            "{config: {global: {a: 1}, scrape_configs: [{job_name: x}]}}", TargetAllocatorEndpoint(service: "ta"),
            "{config: {global: {a: 1}}, target_allocator: {endpoint: 'http://ta:80', interval: 30s, collector_id: '${POD_NAME}'}}"
        ),
        (
            "{config: {scrape_configs: []}, target_allocator: {endpoint: x, interval: 1s, http_sd_config: {y: 1}}}",
            TargetAllocatorEndpoint(service: "ta", reloadInterval: "90s"),
            "{config: {}, target_allocator: {endpoint: 'http://ta:80', interval: 1m30s, collector_id: '${POD_NAME}', http_sd_config: {y: 1}}}"
        ),
        (
            "null", TargetAllocatorEndpoint(service: "ta", usesMutualTLS: true),
            "{target_allocator: {endpoint: 'https://ta:443', interval: 30s, collector_id: '${POD_NAME}', tls: {ca_file: /tls/ca.crt, cert_file: /tls/tls.crt, key_file: /tls/tls.key, reload_interval: 5m}}}"
        ),
        (
            "{config: null, target_allocator: null}", TargetAllocatorEndpoint(service: "ta"),
            "{config: null, target_allocator: {endpoint: 'http://ta:80', interval: 30s, collector_id: '${POD_NAME}'}}"
        ),
        (
            "{target_allocator: {tls: {insecure: false, ca_file: x}}}",
            TargetAllocatorEndpoint(service: "ta", usesMutualTLS: true, reloadInterval: "nonsense"),
            "{target_allocator: {endpoint: 'https://ta:443', interval: 30s, collector_id: '${POD_NAME}', tls: {insecure: false, ca_file: /tls/ca.crt, cert_file: /tls/tls.crt, key_file: /tls/tls.key, reload_interval: 5m}}}"
        ),
    ])
    func rewrite(_ receiver: String, _ endpoint: TargetAllocatorEndpoint, _ expected: String) throws {
        let configuration = try CollectorConfiguration.yaml("{receivers: {prometheus: \(receiver), other: {}}}").asking(
            endpoint
        )
        #expect(configuration.receivers?["prometheus"] == (try .yaml(expected)))
        #expect(configuration.receivers?["other"] == [:])
    }

    @Test(arguments: [
        ("{}", "receivers: no receivers available as part of the configuration"),
        (
            "{receivers: {prometheus/a: {}}}",
            "receivers.prometheus: no prometheus available as part of the configuration"
        ),
        (
            "{receivers: {prometheus: []}}",
            "receivers.prometheus: prometheus property in the configuration doesn't contain valid prometheus"
        ),
        (
            "{receivers: {prometheus: {config: []}}}",
            "receivers.prometheus: config property in the configuration doesn't contain valid config"
        ),
    ])
    func refused(_ config: String, _ message: String) throws {
        let configuration = try CollectorConfiguration.yaml(config)
        let error = #expect(throws: ConfigurationError.self) {
            try configuration.asking(TargetAllocatorEndpoint(service: "ta"))
        }
        #expect(error?.description == message)
    }
}
