import JSONTree
import PrometheusConfig
import PrometheusModel
import Testing

/// What a job is to other modules: discoveries, seeds, and its secrets.
struct ScrapeJobTests {
    private static func job(_ json: JSONObject) throws -> ScrapeJob {
        var json = json
        json["job_name"] = "a"
        return try ScrapeJob(json: json, global: GlobalConfig())
    }

    @Test func seeds() throws {
        let job = try Self.job([
            "scrape_interval": "90s", "scheme": "https", "metrics_path": "/probe",
            "params": ["target": ["x", "y"], "module": ["m"], "empty": []],
        ])
        #expect(
            job.seeds() == [
                Label(name: "job", value: "a"), Label(name: "__scrape_interval__", value: "1m30s"),
                Label(name: "__scrape_timeout__", value: "10s"), Label(name: "__metrics_path__", value: "/probe"),
                Label(name: "__scheme__", value: "https"), Label(name: "__param_module", value: "m"),
                Label(name: "__param_target", value: "x"),
            ]
        )
    }

    @Test func statics() throws {
        let job = try Self.job([
            "static_configs": [["targets": ["x:1", "y:2"], "labels": ["l": "v"]], ["targets": ["z:3"]]]
        ])
        #expect(
            job.discoveries == [
                .statics([
                    TargetGroup(
                        source: "0",
                        labels: [Label(name: "l", value: "v")],
                        targets: [
                            [Label(name: "__address__", value: "x:1")], [Label(name: "__address__", value: "y:2")],
                        ]
                    ),
                    TargetGroup(source: "1", labels: [], targets: [[Label(name: "__address__", value: "z:3")]]),
                ])
            ]
        )
    }

    @Test func kubernetes() throws {
        let job = try Self.job([
            "kubernetes_sd_configs": [
                [
                    "role": "endpoints", "api_server": "https://api", "namespaces": ["names": ["n"]],
                    "selectors": [
                        ["role": "pod", "label": "a=b"], ["role": "endpoints", "field": "metadata.name=x"],
                    ],
                    "attach_metadata": ["node": true, "namespace": true],
                    "authorization": ["credentials_file": "/t"], "tls_config": ["insecure_skip_verify": true],
                ],
                ["role": "node"],
            ]
        ])
        #expect(
            job.discoveries == [
                .kubernetes(
                    KubernetesDiscovery(
                        role: .endpoints,
                        apiServer: "https://api",
                        http: HTTPClientSettings(
                            authorization: HTTPClientSettings.Authorization(credentialsFile: "/t"),
                            tls: HTTPClientSettings.TLS(insecureSkipVerify: true)
                        ),
                        namespaces: ["n"],
                        selectors: [
                            KubernetesDiscovery.Selector(role: .pod, label: "a=b"),
                            KubernetesDiscovery.Selector(role: .endpoints, field: "metadata.name=x"),
                        ],
                        attachNode: true,
                        attachNamespace: true
                    )
                ),
                .kubernetes(KubernetesDiscovery(role: .node)),
            ]
        )
    }

    @Test func kubeconfigAndOwnNamespace() throws {
        let job = try Self.job([
            "kubernetes_sd_configs": [
                ["role": "pod", "kubeconfig_file": "/k"], ["role": "pod", "namespaces": ["own_namespace": true]],
            ]
        ])
        #expect(
            job.discoveries == [
                .kubernetes(KubernetesDiscovery(role: .pod, kubeconfigFile: "/k")),
                .kubernetes(KubernetesDiscovery(role: .pod, ownNamespace: true)),
            ]
        )
    }

    @Test func filesAndNames() throws {
        let job = try Self.job([
            "file_sd_configs": [["files": ["a.json"]], ["files": ["b.yml", "*.yaml"], "refresh_interval": "10s"]],
            "dns_sd_configs": [
                ["names": ["n"]], ["names": ["m"], "type": "aaaa", "port": 80, "refresh_interval": "1m"],
            ],
        ])
        #expect(
            job.discoveries == [
                .file(FileDiscovery(files: ["a.json"])),
                .file(FileDiscovery(files: ["b.yml", "*.yaml"], refreshInterval: .init(milliseconds: 10_000))),
                .dns(DNSDiscovery(names: ["n"])),
                .dns(DNSDiscovery(names: ["m"], type: .aaaa, port: 80, refreshInterval: .init(milliseconds: 60_000))),
            ]
        )
    }

    @Test func http() throws {
        let job = try Self.job([
            "http_sd_configs": [
                ["url": "http://x"],
                [
                    "url": "https://y", "refresh_interval": "5s", "follow_redirects": false, "enable_http2": false,
                    "basic_auth": ["username_file": "/u", "password": "p"],
                    "proxy_url": "http://proxy", "no_proxy": "z", "proxy_connect_header": ["H": ["1", "2"]],
                    "http_headers": ["A": ["values": ["v"], "secrets": ["s"], "files": ["/f"]]],
                    "tls_config": [
                        "ca": "CA", "cert_file": "/c", "key": "KEY", "server_name": "n", "min_version": "TLS12",
                        "max_version": "TLS13",
                    ],
                ],
                [
                    "url": "https://z",
                    "oauth2": [
                        "client_id": "i", "client_secret_file": "/s", "scopes": ["a"], "token_url": "https://t",
                        "endpoint_params": ["p": "q"], "proxy_from_environment": true, "tls_config": ["ca_file": "/ca"],
                    ],
                ],
            ]
        ])
        let second = HTTPClientSettings(
            basicAuth: HTTPClientSettings.Basic(usernameFile: "/u", password: "p"),
            tls: HTTPClientSettings.TLS(
                ca: "CA",
                key: "KEY",
                certFile: "/c",
                serverName: "n",
                minVersion: "TLS12",
                maxVersion: "TLS13"
            ),
            proxy: HTTPClientSettings.Proxy(url: "http://proxy", noProxy: "z", connectHeaders: ["H": ["1", "2"]]),
            headers: [HTTPClientSettings.Header(name: "A", values: ["v"], secrets: ["s"], files: ["/f"])],
            followRedirects: false,
            enableHTTP2: false
        )
        let third = HTTPClientSettings(
            oauth2: HTTPClientSettings.OAuth2(
                clientID: "i",
                clientSecretFile: "/s",
                scopes: ["a"],
                tokenURL: "https://t",
                endpointParams: ["p": "q"],
                tls: HTTPClientSettings.TLS(caFile: "/ca"),
                proxy: HTTPClientSettings.Proxy(fromEnvironment: true)
            )
        )
        #expect(
            job.discoveries == [
                .http(HTTPDiscovery(url: "http://x")),
                .http(HTTPDiscovery(url: "https://y", refreshInterval: .init(milliseconds: 5000), http: second)),
                .http(HTTPDiscovery(url: "https://z", http: third)),
            ]
        )
    }

    // MARK: - Secrets

    /// Everything that can hold a secret holds `hunter2`; where it is not one, `visible`.
    private static let secretive: JSONObject = [
        "authorization": ["credentials": "hunter2", "type": "visible"],
        "tls_config": ["cert": "visible", "key": "hunter2", "ca": "visible"],
        "proxy_url": "http://visible:hunter2@visible/visible",
        "proxy_connect_header": ["Visible": ["hunter2", "hunter2"]],
        "http_headers": ["X-Visible": ["values": ["visible"], "secrets": ["hunter2"], "files": ["/visible"]]],
        "params": ["token": ["visible"]],
        "http_sd_configs": [
            ["url": "http://visible:hunter2@visible", "basic_auth": ["username": "visible", "password": "hunter2"]],
            ["url": "http://visible", "bearer_token": "hunter2"],
            [
                "url": "http://visible",
                "oauth2": [
                    "client_id": "visible", "client_secret": "hunter2", "token_url": "http://visible:hunter2@visible",
                    "endpoint_params": ["password": "hunter2", "audience": "visible"],
                    "tls_config": ["cert": "visible", "key": "hunter2"],
                    "proxy_url": "http://visible:hunter2@visible",
                    "proxy_connect_header": ["Visible": ["hunter2"]],
                ],
            ],
        ],
        "kubernetes_sd_configs": [
            [
                "role": "pod", "api_server": "https://visible:hunter2@visible",
                "tls_config": ["cert_file": "/visible", "key": "hunter2"],
                "basic_auth": ["username": "visible", "password": "hunter2"],
                "selectors": [["role": "pod", "label": "token=visible"]],
            ]
        ],
        "newer_field": ["nested": [["account_key": "hunter2", "api_key": "hunter2", "auth_password": "hunter2"]]],
        "newer_token": "hunter2",
        "relabel_configs": [["target_label": "secret", "replacement": "visible"]],
        "static_configs": [["targets": ["visible:1"], "labels": ["password": "visible"]]],
    ]

    private static func count(_ word: String, _ json: JSONObject) -> Int {
        JSONValue.object(json).text().split(separator: word, omittingEmptySubsequences: false).count - 1
    }

    @Test func everySecretIsMasked() throws {
        let job = try Self.job(Self.secretive)
        let masked = job.served(masked: true)
        #expect(Self.count("hunter2", masked) == 0)
        #expect(Self.count("visible", masked) == Self.count("visible", Self.secretive))
        #expect(Self.count("<secret>", masked) + Self.count(":xxxxx@", masked) == Self.count("hunter2", Self.secretive))
    }

    @Test func secretsAreThereInClear() throws {
        let clear = try Self.job(Self.secretive).served(masked: false)
        #expect(Self.count("hunter2", clear) == Self.count("hunter2", Self.secretive))
        #expect(Self.count("<secret>", clear) == 0)
    }

    @Test func nothingIsMaskedThatIsNotThere() throws {
        let json = try Self.job(["basic_auth": ["username": "u"]]).served(masked: true)
        #expect(json[object: "basic_auth"] == ["username": "u"])
    }

    /// An error about a field with a secret says nothing of it.
    @Test(
        arguments: [
            ["basic_auth": ["password": ["hunter2"]]], ["authorization": "hunter2"], ["bearer_token": ["hunter2": "x"]],
            ["proxy_url": "http://a:hunter2@x:port"], ["proxy_url": "hunter2"], ["tls_config": ["key": "hunter2"]],
            ["oauth2": ["client_id": "a", "client_secret": "hunter2"]], ["proxy_connect_header": ["A": "hunter2"]],
            ["http_sd_configs": [["url": "http://a:hunter2@"]]], ["http_sd_configs": [["url": "ftp://a:hunter2@b"]]],
            ["kubernetes_sd_configs": [["role": "pod", "api_server": "https://a:hunter2@b:c"]]],
        ] as [JSONObject]
    )
    func errorsAreDiscreet(_ json: JSONObject) {
        let error = #expect(throws: ConfigProblem.self) { try Self.job(json) }
        #expect(error?.description.contains("hunter2") == false)
    }

    @Test func regexIsLeftOutOnlyWhereItMust() throws {
        let job = try Self.job([
            "relabel_configs": [
                ["action": "keepequal", "source_labels": ["a"], "target_label": "b"],
                ["action": "keep", "source_labels": ["a"], "regex": "b"],
            ],
            "metric_relabel_configs": [["action": "dropequal", "source_labels": ["a"], "target_label": "b"]],
        ])
        let served = job.served(masked: false)
        #expect(served[path: "relabel_configs"]?[0]?["regex"] == nil)
        #expect(served[path: "relabel_configs"]?[1]?["regex"] == "b")
        #expect(served[path: "metric_relabel_configs"]?[0]?["regex"] == nil)
        #expect(job.relabelRules.count == 2)
    }

    @Test func longNamesDoNotFillMessages() throws {
        let long = String(repeating: "x", count: 1 << 20)
        for json in [[long + "_sd_configs": [[:]]], ["scheme": .string(long)], ["tls_config": [long: 1]]]
            as [JSONObject]
        {
            let error = #expect(throws: ConfigProblem.self) { try Self.job(json) }
            #expect((error?.description.utf8.count ?? .max) < 1000)
        }
    }
}
