// swift-tools-version: 6.2
import PackageDescription

// Each executable is one libFuzzer target; script/fuzz builds and runs them.
let targets: [(name: String, module: String)] = [
    ("fuzz-address", "Message"), ("fuzz-header", "Message"), ("fuzz-command", "SMTP"), ("fuzz-session", "SMTP"),
    ("fuzz-reply", "SMTP"), ("fuzz-spool-record", "Spool"), ("fuzz-json", "JSON"),
]

let package = Package(
    name: "apus-fuzz",
    products: targets.map { .executable(name: $0.name, targets: [$0.name]) },
    dependencies: [.package(name: "apus", path: "..")],
    targets: targets.map {
        .executableTarget(
            name: $0.name, dependencies: [.product(name: "ApusFuzzing", package: "apus")], path: "Sources/\($0.name)")
    },
    swiftLanguageModes: [.v6]
)
