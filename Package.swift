// swift-tools-version: 6.2
import PackageDescription

var settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]
// hack/ and CI set it: a warning stops the build. Not always on, so that a newer compiler's warnings stop nobody else.
if Context.environment["SWIFTLET_STRICT"] != nil { settings.append(.treatAllWarnings(as: .error)) }

/// One module of ours: its name, what it may import of ours and of others, and whether it has a test target beside it.
struct Module {
    var name: String
    var ours: [String] = []
    var packages: [(product: String, package: String)] = []
    var testPackages: [(product: String, package: String)] = []
    var testOurs: [String] = []
    var tested = true
    var executable = false
    /// Whether the tests read files from a folder `Fixtures` beside them.
    var fixtures = false
}

// Arrows point down only. Everything above KubeClient is pure: no sockets, no clock, no logger.
let modules: [Module] = [
    Module(name: "JSONTree", fixtures: true),
    Module(name: "YAMLTree", ours: ["JSONTree", "CYAML"], testPackages: [("Yams", "Yams")]),
    Module(name: "KubeModel", ours: ["JSONTree"]),
    Module(name: "TelemetryAPI", ours: ["JSONTree", "KubeModel", "YAMLTree", "CRE2"], fixtures: true),
    Module(name: "CollectorConfig", ours: ["JSONTree", "YAMLTree"], fixtures: true),
    Module(
        name: "CollectorVersions",
        ours: ["JSONTree", "YAMLTree", "KubeModel", "TelemetryAPI", "CollectorConfig"],
        fixtures: true
    ),
    Module(
        name: "Rendering",
        ours: ["JSONTree", "YAMLTree", "KubeModel", "TelemetryAPI", "CollectorConfig", "CollectorVersions"],
        packages: [("Crypto", "swift-crypto")],
        fixtures: true
    ),
    Module(
        name: "PodInjection",
        ours: ["JSONTree", "KubeModel", "TelemetryAPI", "CollectorConfig", "Rendering"],
        testOurs: ["YAMLTree", "FuzzTesting"],
        fixtures: true
    ),
    Module(
        name: "Diagnostics",
        ours: [
            "JSONTree", "YAMLTree", "KubeModel", "TelemetryAPI", "CollectorConfig", "Rendering", "PodInjection",
        ]
    ),
    Module(
        name: "FuzzTesting",
        ours: [
            "JSONTree", "YAMLTree", "KubeModel", "TelemetryAPI", "CollectorVersions", "Rendering", "PodInjection",
            "PrometheusConfig", "PrometheusModel",
        ],
        tested: false
    ),
    Module(
        name: "KubeClient",
        ours: ["JSONTree", "YAMLTree", "KubeModel"],
        packages: [
            ("AsyncHTTPClient", "async-http-client"), ("NIOCore", "swift-nio"), ("NIOPosix", "swift-nio"),
            ("NIOHTTP1", "swift-nio"),
            ("NIOSSL", "swift-nio-ssl"), ("Logging", "swift-log"), ("Metrics", "swift-metrics"),
            ("Subprocess", "swift-subprocess"), ("_NIOFileSystem", "swift-nio"),
            ("Tracing", "swift-distributed-tracing"),
        ],
        testOurs: ["KubeTesting"]
    ),
    Module(
        name: "KubeRuntime",
        ours: ["JSONTree", "KubeModel", "KubeClient"],
        packages: [
            ("ServiceLifecycle", "swift-service-lifecycle"), ("DequeModule", "swift-collections"),
            ("HeapModule", "swift-collections"), ("OrderedCollections", "swift-collections"),
            ("Logging", "swift-log"), ("Metrics", "swift-metrics"), ("NIOCore", "swift-nio"),
            ("Tracing", "swift-distributed-tracing"),
        ],
        testOurs: ["KubeTesting"]
    ),
    Module(
        name: "PrometheusMetrics",
        packages: [("CoreMetrics", "swift-metrics")],
        testPackages: [("Metrics", "swift-metrics")]
    ),
    Module(
        name: "OTLPExport",
        ours: ["JSONTree", "PrometheusMetrics"],
        packages: [
            ("Tracing", "swift-distributed-tracing"), ("AsyncHTTPClient", "async-http-client"),
            ("NIOCore", "swift-nio"),
            ("NIOHTTP1", "swift-nio"), ("NIOSSL", "swift-nio-ssl"), ("Logging", "swift-log"),
            ("Metrics", "swift-metrics"), ("ServiceLifecycle", "swift-service-lifecycle"),
        ],
        testOurs: ["KubeTesting"]
    ),
    Module(
        name: "AdmissionServer",
        ours: ["JSONTree", "KubeModel"],
        packages: [
            ("NIOCore", "swift-nio"), ("NIOPosix", "swift-nio"), ("NIOHTTP1", "swift-nio"), ("NIOTLS", "swift-nio"),
            ("NIOSSL", "swift-nio-ssl"), ("X509", "swift-certificates"), ("SwiftASN1", "swift-asn1"),
            ("Crypto", "swift-crypto"), ("Logging", "swift-log"), ("Metrics", "swift-metrics"),
            ("ServiceLifecycle", "swift-service-lifecycle"), ("Tracing", "swift-distributed-tracing"),
        ],
        testPackages: [
            ("AsyncHTTPClient", "async-http-client"), ("ServiceLifecycleTestKit", "swift-service-lifecycle"),
            ("NIOEmbedded", "swift-nio"), ("InMemoryLogging", "swift-log"),
        ],
        testOurs: ["PrometheusMetrics"]
    ),
    Module(
        name: "PrometheusModel",
        ours: ["JSONTree", "CRE2"],
        packages: [("Crypto", "swift-crypto")],
        fixtures: true
    ),
    Module(name: "PrometheusConfig", ours: ["JSONTree", "YAMLTree", "KubeModel", "PrometheusModel"], fixtures: true),
    Module(
        name: "PrometheusResources",
        ours: ["JSONTree", "KubeModel", "PrometheusModel", "PrometheusConfig"],
        testOurs: ["YAMLTree"],
        fixtures: true
    ),
    Module(
        name: "TargetDiscovery",
        ours: ["JSONTree", "YAMLTree", "KubeModel", "PrometheusModel", "PrometheusConfig"],
        fixtures: true
    ),
    Module(name: "TargetAllocation", ours: ["JSONTree", "PrometheusModel", "PrometheusConfig", "CZlib"]),
    Module(
        name: "TargetAllocator",
        ours: [
            "JSONTree", "YAMLTree", "KubeModel", "PrometheusModel", "PrometheusConfig", "PrometheusResources",
            "TargetDiscovery", "TargetAllocation", "KubeClient", "KubeRuntime", "AdmissionServer", "CDiscovery",
        ],
        packages: [
            ("NIOCore", "swift-nio"), ("NIOPosix", "swift-nio"), ("NIOHTTP1", "swift-nio"), ("NIOTLS", "swift-nio"),
            ("NIOSSL", "swift-nio-ssl"), ("AsyncHTTPClient", "async-http-client"), ("_NIOFileSystem", "swift-nio"),
            ("X509", "swift-certificates"), ("SwiftASN1", "swift-asn1"), ("Crypto", "swift-crypto"),
            ("Logging", "swift-log"), ("Metrics", "swift-metrics"), ("ServiceLifecycle", "swift-service-lifecycle"),
            ("Tracing", "swift-distributed-tracing"),
        ],
        testPackages: [("InMemoryLogging", "swift-log")],
        testOurs: ["KubeTesting", "PrometheusMetrics"]
    ),
    Module(
        name: "Controllers",
        ours: [
            "JSONTree", "YAMLTree", "KubeModel", "TelemetryAPI", "CollectorConfig", "CollectorVersions", "Rendering",
            "PodInjection", "KubeClient", "KubeRuntime", "AdmissionServer",
        ],
        packages: [
            ("Logging", "swift-log"), ("Metrics", "swift-metrics"), ("ServiceLifecycle", "swift-service-lifecycle"),
            ("Crypto", "swift-crypto"), ("NIOCore", "swift-nio"), ("NIOHTTP1", "swift-nio"),
            ("Tracing", "swift-distributed-tracing"),
        ],
        testOurs: ["KubeTesting"]
    ),
    Module(
        name: "swiftlet",
        ours: [
            "JSONTree", "YAMLTree", "KubeModel", "TelemetryAPI", "CollectorConfig", "CollectorVersions", "Rendering",
            "PodInjection", "Diagnostics", "KubeClient", "KubeRuntime", "AdmissionServer", "PrometheusMetrics",
            "OTLPExport",
            "Controllers", "PrometheusModel", "PrometheusConfig", "TargetAllocator",
        ],
        packages: [
            ("ArgumentParser", "swift-argument-parser"), ("Logging", "swift-log"), ("CoreMetrics", "swift-metrics"),
            ("Metrics", "swift-metrics"), ("ServiceLifecycle", "swift-service-lifecycle"),
            ("UnixSignals", "swift-service-lifecycle"),
        ],
        tested: false,
        executable: true
    ),
    Module(
        name: "KubeTesting",
        ours: ["JSONTree", "YAMLTree", "KubeModel"],
        packages: [
            ("NIOCore", "swift-nio"), ("NIOPosix", "swift-nio"), ("NIOHTTP1", "swift-nio"), ("NIOSSL", "swift-nio-ssl"),
        ],
        tested: false
    ),
]

let dependencies: [(name: String, package: Package.Dependency)] = [
    ("Yams", .package(url: "https://github.com/jpsim/Yams", from: "6.2.2")),
    ("swift-crypto", .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2")),
    ("async-http-client", .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0")),
    ("swift-nio", .package(url: "https://github.com/apple/swift-nio", from: "2.101.2")),
    ("swift-nio-ssl", .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6")),
    ("swift-log", .package(url: "https://github.com/apple/swift-log", from: "1.16.2")),
    ("swift-metrics", .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0")),
    (
        "swift-distributed-tracing",
        .package(url: "https://github.com/apple/swift-distributed-tracing.git", from: "1.7.3")
    ),
    ("swift-subprocess", .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: [])),
    (
        "swift-service-lifecycle",
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0")
    ),
    ("swift-collections", .package(url: "https://github.com/apple/swift-collections", from: "1.6.0")),
    ("hummingbird", .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: [])),
    ("swift-certificates", .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1")),
    ("swift-asn1", .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4")),
    ("swift-http-types", .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0")),
    ("swift-argument-parser", .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")),
]

// SWIFTLET_ONLY=JSONTree,YAMLTree leaves out every other module (and the packages they need): a quick build while
// working on the pure modules. Give it a scratch path of its own: `--scratch-path .build-pure`.
var wanted = Set(Context.environment["SWIFTLET_ONLY"]?.split(separator: ",").map(String.init) ?? modules.map(\.name))
let testWanted = wanted
var grew = true
while grew {
    let needed = modules.filter { wanted.contains($0.name) }.flatMap { module in
        module.ours + (module.tested && testWanted.contains(module.name) ? module.testOurs : [])
    }
    grew = !Set(needed).isSubset(of: wanted)
    wanted.formUnion(needed)
}

let chosen = modules.filter { wanted.contains($0.name) }
func reference(_ use: (product: String, package: String)) -> Target.Dependency {
    .product(name: use.product, package: use.package)
}

var targets: [Target] = []
var usedPackages: Set<String> = []
for module in chosen {
    let dependencies = module.ours.map { Target.Dependency(stringLiteral: $0) } + module.packages.map(reference)
    usedPackages.formUnion(module.packages.map(\.package))
    if module.executable {
        targets.append(.executableTarget(name: module.name, dependencies: dependencies, swiftSettings: settings))
    } else {
        targets.append(.target(name: module.name, dependencies: dependencies, swiftSettings: settings))
    }
    if module.tested, testWanted.contains(module.name) {
        usedPackages.formUnion(module.testPackages.map(\.package))
        targets.append(
            .testTarget(
                name: module.name + "Tests",
                dependencies: [Target.Dependency(stringLiteral: module.name)] + dependencies
                    + module.testOurs.map { Target.Dependency(stringLiteral: $0) } + module.testPackages.map(reference),
                exclude: module.fixtures ? ["Fixtures"] : [],
                swiftSettings: settings
            )
        )
    }
}
if wanted.contains("CRE2") {
    // The archive: what we need of it is a fraction of the shared library, which would bring libstdc++ into the image.
    targets.append(.target(name: "CRE2", linkerSettings: [.linkedLibrary(":libre2.a")]))
}
if wanted.contains("CDiscovery") {
    targets.append(.target(name: "CDiscovery", linkerSettings: [.linkedLibrary("resolv")]))
}
if wanted.contains("CZlib") {
    targets.append(.target(name: "CZlib", linkerSettings: [.linkedLibrary("z")]))
}
if wanted.contains("CYAML") {
    targets.append(.systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]))
}

let package = Package(
    name: "swiftlet",
    products: chosen.filter(\.executable).map { .executable(name: $0.name, targets: [$0.name]) },
    dependencies: dependencies.filter { usedPackages.contains($0.name) }.map(\.package),
    targets: targets,
    cxxLanguageStandard: .cxx17
)

// What hack/bench compares the operator with.
if Context.environment["SWIFTLET_BENCHMARKS"] != nil {
    let benchmarks: [(name: String, ours: [String], packages: [(product: String, package: String)])] = [
        (
            "TLSEcho", [],
            [
                ("Hummingbird", "hummingbird"), ("HummingbirdTLS", "hummingbird"), ("NIOCore", "swift-nio"),
                ("NIOPosix", "swift-nio"), ("NIOSSL", "swift-nio-ssl"), ("Logging", "swift-log"),
                ("ArgumentParser", "swift-argument-parser"),
            ]
        ),
        (
            "BareClient", ["JSONTree", "YAMLTree", "KubeModel", "KubeClient"],
            [
                ("NIOCore", "swift-nio"), ("_NIOFileSystem", "swift-nio"), ("Logging", "swift-log"),
                ("ArgumentParser", "swift-argument-parser"),
            ]
        ),
        (
            "ReviewTime", ["JSONTree", "YAMLTree", "KubeModel", "TelemetryAPI", "Rendering", "PodInjection"],
            [("ArgumentParser", "swift-argument-parser")]
        ),
        (
            "RenderTime", ["JSONTree", "YAMLTree", "KubeModel", "TelemetryAPI", "Rendering"],
            [("ArgumentParser", "swift-argument-parser")]
        ),
        (
            "TargetTime", ["JSONTree", "PrometheusModel", "PrometheusConfig", "TargetAllocation"],
            [("ArgumentParser", "swift-argument-parser")]
        ),
    ]
    for (name, ours, packages) in benchmarks where wanted.isSuperset(of: ours) {
        let uses = ours.map { Target.Dependency(stringLiteral: $0) } + packages.map(reference)
        let path = "Tests/Benchmarks/\(name)"
        package.targets.append(
            .executableTarget(name: name, dependencies: uses, path: path, swiftSettings: settings)
        )
        package.products.append(.executable(name: name, targets: [name]))
        for use in packages where usedPackages.insert(use.package).inserted {
            package.dependencies += dependencies.filter { $0.name == use.package }.map(\.package)
        }
    }
}

// What hack/fuzz runs.
if Context.environment["SWIFTLET_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "ReviewFuzz",
            dependencies: ["FuzzTesting", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Tests/Fuzz/ReviewFuzz",
            swiftSettings: settings
        )
    )
    package.products.append(.executable(name: "ReviewFuzz", targets: ["ReviewFuzz"]))
    if wanted.contains("TargetAllocator") {
        let uses = modules.first { $0.name == "TargetAllocator" }
        package.targets.append(
            .executableTarget(
                name: "AllocatorFuzz",
                dependencies: ["FuzzTesting", "TargetAllocator", "PrometheusMetrics"]
                    + (uses?.ours ?? []).map { Target.Dependency(stringLiteral: $0) }
                    + (uses?.packages ?? []).map(reference)
                    + [.product(name: "ArgumentParser", package: "swift-argument-parser")],
                path: "Tests/Fuzz/AllocatorFuzz",
                swiftSettings: settings
            )
        )
        package.products.append(.executable(name: "AllocatorFuzz", targets: ["AllocatorFuzz"]))
    }
    if usedPackages.insert("swift-argument-parser").inserted {
        package.dependencies += dependencies.filter { $0.name == "swift-argument-parser" }.map(\.package)
    }
}
