import Glibc
import Options
import Shaping
import TestSupport
import Testing

@testable import Node
@testable import Resources
@testable import TLS

/// The certificate of a listener: which files are taken, and what a change of them does.
@Suite struct CertificateWatchTests {
    private static let authority = TestAuthority()
    private let folder = TestFolder()

    private func write(_ pair: TestAuthority.Pair, to name: String = "now") {
        mkdir(folder.file(name), 0o700)
        folder.write("\(name)/tls.crt", String(decoding: pair.certificate, as: UTF8.self))
        folder.write("\(name)/tls.key", String(decoding: pair.key, as: UTF8.self))
    }

    private func config(_ name: String = "now") throws -> ESMTPListenerConfig {
        try ESMTPListenerConfig([
            "listen": .string("127.0.0.1:2525"), "tls_certificate": .string(folder.file("\(name)/tls.crt")),
            "tls_private_key": .string(folder.file("\(name)/tls.key")),
        ])
    }

    private func pair(until seconds: Int) -> TestAuthority.Pair {
        var request = TestAuthority.Request("mx.example.com")
        request.until = seconds
        return Self.authority.issue(request)
    }

    @Test func aChangedPairIsUsedAndABrokenOneIsNot() throws {
        write(pair(until: 10_000))
        let identity = try ListenerIdentity(config(), hostname: "node.test")
        let watch = try #require(identity.watch)
        let first = identity.current.current
        watch.look()
        #expect(identity.current.current === first, "nothing has changed")
        write(pair(until: 20_000))
        watch.look()
        let second = identity.current.current
        #expect(second !== first && second.validUntil - first.validUntil > 9000)
        // The certificate is there and its key is not yet: the pair of a moment ago goes on.
        let third = pair(until: 30_000)
        folder.write("now/tls.crt", String(decoding: third.certificate, as: UTF8.self))
        watch.look()
        #expect(identity.current.current === second)
        folder.write("now/tls.key", String(decoding: third.key, as: UTF8.self))
        watch.look()
        #expect(identity.current.current.validUntil - second.validUntil > 9000)
        unlink(folder.file("now/tls.crt"))
        watch.look()
        #expect(identity.current.current.validUntil - second.validUntil > 9000)
    }

    /// Kubernetes changes a secret by one symbolic link.
    @Test func aSwappedLinkIsNoticed() throws {
        write(pair(until: 10_000), to: "..v1")
        write(pair(until: 20_000), to: "..v2")
        symlink("..v1", folder.file("now"))
        let identity = try ListenerIdentity(config(), hostname: "node.test")
        let first = identity.current.current
        symlink("..v2", folder.file("next"))
        rename(folder.file("next"), folder.file("now"))
        try #require(identity.watch).look()
        #expect(identity.current.current.validUntil - first.validUntil > 9000)
    }

    @Test func whatCannotBeUsedEndsTheStart() throws {
        write(pair(until: -86_400 * 3))
        for (name, text) in [("now", "expired 3 days ago"), ("nowhere", "there is no file \(folder.file("nowhere/tls.crt"))")] {
            let error = #expect(throws: NodeError.self) { _ = try ListenerIdentity(config(name), hostname: "node.test") }
            #expect(error?.message.hasPrefix("the listener on 127.0.0.1:2525 has no certificate: ") == true, "\(error?.message ?? "")")
            #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
        }
    }

    @Test func aKeyMayStandInThePolicy() throws {
        let pair = pair(until: 10_000)
        let config = try ESMTPListenerConfig([
            "listen": .string("127.0.0.1:2525"),
            "tls_certificate": .table(["key_data": .string(String(decoding: pair.certificate, as: UTF8.self))]),
            "tls_private_key": .table(["key_data": .string(String(decoding: pair.key, as: UTF8.self))]),
        ])
        #expect(try ListenerIdentity(config, hostname: "node.test").current.current.validUntil > 0)
    }

    @Test(
        arguments: [
            (["tls_certificate": .string("a")], "tls_private_key"), (["tls_private_key": .string("a")], "tls_certificate"),
            (["tls_certificate": .table(["vault_path": .string("x")])], "is not supported yet by this version with 'vault_path'"),
            (["tls_certificate": .table(["data": .string("SECRET")])], "give a path, or { key_data"),
            (["tls_private_key": .integer(7)], "must be a path"), (["tls_private_key": .table(["key_data": .string("")])], "not empty"),
            (["tls_private_key": .list([.string("SECRET")])], "must be a path"),
        ] as [([String: ConfigValue], String)])
    func aWrongSourceIsRefused(options: [String: ConfigValue], text: String) throws {
        let error = #expect(throws: ConfigError.self) {
            _ = try ESMTPListenerConfig(["listen": .string("127.0.0.1:2525")].merging(options) { $1 })
        }
        #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("SECRET") == false)
    }
}
