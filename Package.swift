// swift-tools-version: 6.2
import PackageDescription

/// Every target is built with the same language features; see docs/decisions/.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")

// From the top floor down: a target imports only what stands below it.
let package = Package(
    name: "apus",
    products: [
        .executable(name: "apus", targets: ["apus"]),
        // What the package in Fuzz/ may see.
        .library(name: "ApusFuzzing", targets: ["JSON", "Message", "SMTP", "Spool"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    ],
    targets: [
        .executableTarget(
            name: "apus",
            dependencies: [
                lifecycle, "Resources", "Options", "Shaping", "Node", "Delivery", "Sink", "Client", "Spool", "Message", "DNS", "Telemetry",
                "Platform", "JSON",
                "CAllocator",
                nioCore,
                nioPosix,
                argumentParser,
            ],
            swiftSettings: settings),
        .target(
            name: "Node",
            dependencies: [
                "TLS",
                lifecycle, "Resources", "API", "Control", "Intake", "Delivery", "Cluster", "Policy", "Options", "Shaping", "Redis", "Spool",
                "SMTP",
                "DNS",
                "Message",
                "Telemetry", "Platform", "JSON", nioCore, nioPosix, nioHTTP, httpClient,
            ],
            swiftSettings: settings),
        .target(
            name: "API",
            dependencies: [
                "Resources", "Control", "Intake", "Delivery", "Client", "Cluster", "Options", "Shaping", "Policy", "SMTP", "DNS", "Spool",
                "Message",
                "Telemetry", "Platform", "JSON", nioCore, nioPosix, nioHTTP, hummingbird, httpTypes,
                logging,
            ],
            swiftSettings: settings),
        .target(
            name: "Control",
            dependencies: [
                "Delivery", "Resources", "Client", "Cluster", "Policy", "Options", "Shaping", "Spool", "Message", "Telemetry", "Platform",
                "JSON",
                nioCore,
                nioPosix,
                nioHTTP, httpClient,
            ],
            swiftSettings: settings),
        .target(
            name: "Intake",
            dependencies: [
                "TLS",
                "Delivery", "Resources", "Policy", "SMTP", "Spool", "DNS", "Options", "Shaping", "Message", "Telemetry", "Platform", "JSON",
                nioCore,
                nioPosix,
            ],
            swiftSettings: settings),
        .target(
            name: "Delivery",
            dependencies: [
                "TLS",
                "Resources", "Cluster", "Policy", "Options", "Shaping", "Spool", "SMTP", "DNS", "Message", "Telemetry", "Client",
                "Platform", "JSON",
                nioCore,
                nioPosix,
                deque,
            ],
            swiftSettings: settings),
        // What the node has and must neither lose nor exceed: state files, what limits gave out, memory, descriptors, its metrics.
        .target(
            name: "Resources",
            dependencies: ["Cluster", "Options", "Shaping", "Spool", "SMTP", "Message", "Telemetry", "Platform", nioCore],
            swiftSettings: settings),
        .target(
            name: "Cluster", dependencies: ["Redis", "Options", "Shaping", "Telemetry", "Platform", "JSON", "COpenSSL", nioCore],
            swiftSettings: settings),
        .target(name: "Redis", dependencies: ["CHiredis", nioCore, nioPosix], swiftSettings: settings),
        .target(name: "Client", dependencies: ["JSON", nioCore, nioHTTP, httpClient], swiftSettings: settings),
        .target(name: "Sink", dependencies: [nioCore, nioPosix], swiftSettings: settings),
        .target(
            name: "Policy", dependencies: ["CLuaShim", "CLua", "Message", "Options", "Shaping", "JSON"], swiftSettings: settings),
        .target(name: "Shaping", dependencies: ["Options", "Platform", "JSON"], swiftSettings: settings),
        .target(name: "Options", dependencies: ["Platform", "JSON"], swiftSettings: settings),
        .target(
            name: "Spool", dependencies: ["CChecksum", "Message", "Telemetry", "Platform", nioCore], swiftSettings: settings),
        .target(name: "SMTP", dependencies: ["TLS", "Message", "Platform", nioCore], swiftSettings: settings),
        .target(name: "TLS", dependencies: ["COpenSSL", nioCore, deque], swiftSettings: settings),
        .target(name: "DNS", dependencies: ["CUnbound", "Platform"], swiftSettings: settings),
        .target(name: "Message", dependencies: ["Platform"], swiftSettings: settings),
        .target(name: "Telemetry", dependencies: ["CZstd", "Platform", "JSON", logging], swiftSettings: settings),
        // What everything else stands on: the clocks of the machine, and how addresses are written.
        .target(name: "Platform", swiftSettings: settings),
        // The one reader and writer of JSON; imports nothing.
        .target(name: "JSON", swiftSettings: settings),
        .testTarget(
            name: "SpoolTests", dependencies: ["Spool", "Message", "Telemetry", "Platform", "CChecksum", "spool-torture", nioCore],
            swiftSettings: settings),
        // The process that the kill -9 test of the spool kills.
        .executableTarget(
            name: "spool-torture", dependencies: ["Spool", "Message", "Telemetry", nioCore], path: "Tests/spool-torture",
            swiftSettings: settings),
        .executableTarget(
            name: "spool-bench", dependencies: ["Spool", "Message", "Telemetry", nioCore], path: "Benchmarks/spool-bench",
            swiftSettings: settings),
        // Real redis-server processes for the tests.
        // Checks records of sends against a limit, in every window: the judge of script/cluster-test.
        .target(name: "RateCheck", swiftSettings: settings),
        .executableTarget(
            name: "rate-check", dependencies: ["RateCheck", argumentParser], path: "Benchmarks/rate-check", swiftSettings: settings),
        .testTarget(name: "RateCheckTests", dependencies: ["RateCheck"], swiftSettings: settings),
        .executableTarget(
            name: "limit-bench", dependencies: ["RateCheck", "Cluster", "Redis", "Options", "Shaping", nioCore, nioPosix, argumentParser],
            path: "Benchmarks/limit-bench", swiftSettings: settings),
        // The floor and the load of script/bench.
        .executableTarget(
            name: "bare-loop", dependencies: [nioCore, nioPosix, argumentParser], path: "Benchmarks/bare-loop", swiftSettings: settings),
        .executableTarget(
            name: "mail-load", dependencies: [nioCore, nioPosix, argumentParser], path: "Benchmarks/mail-load", swiftSettings: settings),
        .target(name: "RedisFixture", dependencies: ["TestSupport"], path: "Tests/RedisFixture", swiftSettings: settings),
        .testTarget(
            name: "RedisTests", dependencies: ["Redis", "RedisFixture", "TestSupport", nioCore, nioPosix, nioEmbedded],
            swiftSettings: settings),
        .target(
            name: "ClusterModel", dependencies: ["Cluster", "Options", "Shaping", "CLua"], path: "Tests/ClusterModel",
            swiftSettings: settings),
        // The proof by model: histories of nodes, clocks, network and store in virtual time.
        .executableTarget(
            name: "cluster-model", dependencies: ["ClusterModel"], path: "Tests/cluster-model", swiftSettings: settings),
        .testTarget(
            name: "ClusterTests",
            dependencies: [
                "ClusterModel", "Cluster", "Redis", "RedisFixture", "Options", "Shaping", "Telemetry", "Platform", nioCore, nioPosix,
                nioEmbedded,
            ],
            swiftSettings: settings),
        .testTarget(name: "JSONTests", dependencies: ["JSON"], swiftSettings: settings),
        .testTarget(name: "MessageTests", dependencies: ["Message"], swiftSettings: settings),
        .testTarget(
            name: "OptionsTests", dependencies: ["Options", "Shaping", "Platform", "JSON", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "ShapingTests", dependencies: ["Shaping", "Options", "Platform", "JSON", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "TelemetryTests", dependencies: ["Telemetry", "Platform", "JSON", "CZstd", logging], swiftSettings: settings),
        .testTarget(name: "PlatformTests", dependencies: ["Platform", "TestSupport"], swiftSettings: settings),
        .testTarget(name: "DNSTests", dependencies: ["DNS", "Platform", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "SMTPTests", dependencies: ["SMTP", "TLS", "TestSupport", "Platform", "Message", "Sink", nioCore, nioPosix, nioEmbedded],
            swiftSettings: settings),
        .testTarget(
            name: "TLSTests", dependencies: ["TLS", "COpenSSL", "Platform", "TestSupport", nioCore, nioEmbedded], swiftSettings: settings),
        .testTarget(name: "SinkTests", dependencies: ["Sink", nioCore, nioPosix], swiftSettings: settings),
        .testTarget(
            name: "IntegrationTests", dependencies: ["apus", "Options", "RedisFixture", "Sink", nioCore, nioPosix], swiftSettings: settings),
        .testTarget(
            name: "ResourcesTests", dependencies: ["Resources", "Options", "Shaping", "Platform", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "DeliveryTests",
            dependencies: [
                "TLS", "Resources", "Delivery", "Client", "Cluster", "Policy", "Options", "Shaping", "Spool", "SMTP", "DNS", "Message",
                "Telemetry",
                "Platform",
                "TestSupport",
                nioCore,
                nioPosix, nioEmbedded,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "IntakeTests",
            dependencies: [
                "TLS", "TestSupport", "Cluster", "DNS", "Platform", nioPosix, "Resources", "Intake", "Delivery", "Policy", "Options",
                "Shaping",
                "Spool",
                "SMTP", "Message", "Telemetry", nioCore, nioEmbedded,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ControlTests", dependencies: ["Resources", "Control", "Delivery", "Cluster", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "APITests",
            dependencies: [
                "Resources", "API", "Intake", "Cluster", "Options", "Shaping", "Message", "JSON", nioCore, nioHTTP, hummingbird,
            ],
            swiftSettings: settings),
        // What the tests of several targets need.
        .target(
            name: "TestSupport", dependencies: ["TLS", "Platform", "COpenSSL", nioCore, nioPosix], path: "Tests/TestSupport",
            swiftSettings: settings),
        .testTarget(
            name: "NodeTests",
            dependencies: [
                "TLS", "Resources", "Node", "API", "Control", "Intake", "Delivery", "Cluster", "Sink", "Client", "Policy", "Options",
                "Shaping",
                "Spool",
                "SMTP", "DNS",
                "Message", "Telemetry", "Platform", "JSON",
                "CZstd",
                "RedisFixture", "TestSupport", nioCore, nioPosix, nioEmbedded, nioHTTP, hummingbird,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "PolicyTests", dependencies: ["Policy", "CLua", "Options", "Shaping", "Message", "JSON"], swiftSettings: settings),
        .target(name: "CChecksum"),
        .target(name: "CLuaShim", dependencies: ["CLua"]),
        .systemLibrary(name: "CLua", pkgConfig: "lua5.4", providers: [.apt(["liblua5.4-dev"])]),
        .systemLibrary(name: "CUnbound", providers: [.apt(["libunbound-dev"])]),
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CAllocator", providers: [.apt(["libjemalloc-dev"])]),
    ],
    swiftLanguageModes: [.v6]
)

// A build with a sanitizer (script/sanitize) has only what is tested with it: no executable, so no allocator of its own beside the sanitizer's.
if let sanitizer = Context.environment["APUS_SANITIZE"] {
    let tested =
        sanitizer.hasPrefix("thread")
        ? [
            "PlatformTests", "JSONTests", "MessageTests", "OptionsTests", "ShapingTests", "TLSTests", "SMTPTests", "TelemetryTests",
            "ResourcesTests",
            "DeliveryTests",
            "IntakeTests", "SpoolTests",
        ] + (sanitizer == "thread" ? ["NodeTests"] : []) : ["PolicyTests"]
    var wanted = Set(tested)
    for _ in package.targets {
        for target in package.targets where wanted.contains(target.name) {
            for case .byNameItem(let name, _) in target.dependencies { wanted.insert(name) }
        }
    }
    package.targets.removeAll { !wanted.contains($0.name) }
    package.products = []
}
