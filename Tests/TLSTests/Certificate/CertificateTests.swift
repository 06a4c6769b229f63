import TestSupport
import Testing

@testable import TLS

/// Which certificates are loaded, and what is said of those that are not.
@Suite struct CertificateTests {
    private func load(_ certificate: [UInt8], _ key: [UInt8]) throws(TLSError) -> Certificate {
        try Certificate(certificate: certificate, key: key, certificateName: "/etc/tls.crt", keyName: "/etc/tls.key", now: Known.now)
    }

    @Test(arguments: [nil, 2048])
    func aGoodPairIsLoaded(rsaBits: Int?) throws {
        var request = TestAuthority.Request("MX.example.com", "*.example.net")
        request.rsaBits = rsaBits
        let pair = Known.authority.issue(request)
        let certificate = try load(pair.certificate + Known.authority.pem, pair.key)
        #expect(certificate.names == ["mx.example.com", "*.example.net"] && certificate.chain.count == 1)
        #expect(abs(certificate.validUntil - Known.now - 86_400) <= 5)
    }

    @Test func whatCannotBeUsedSaysWhy() throws {
        let good = Known.authority.issue(.init("mx.example.com"))
        let other = Known.authority.issue(.init("mx.example.com"))
        var request = TestAuthority.Request("mx.example.com")
        request.until = -3 * 86_400
        let expired = Known.authority.issue(request)
        request = TestAuthority.Request("mx.example.com")
        request.from = 50_000
        let early = Known.authority.issue(request)
        request = TestAuthority.Request("mx.example.com")
        request.passphrase = "secret"
        let protected = Known.authority.issue(request)
        let broken = Array(good.certificate.prefix(good.certificate.count / 2))
        let cases: [([UInt8], [UInt8], String)] = [
            (good.certificate, other.key, "/etc/tls.key is not the private key of the certificate in /etc/tls.crt"),
            (expired.certificate, expired.key, "the certificate in /etc/tls.crt expired 3 days ago: renew it"),
            (early.certificate, early.key, "the certificate in /etc/tls.crt is not valid for another 13 hours"),
            (protected.certificate, protected.key, "/etc/tls.key is protected by a passphrase"),
            ([], good.key, "/etc/tls.crt holds no certificate"),
            (good.key, good.key, "/etc/tls.crt holds no certificate"),
            (Array("hello".utf8), good.key, "/etc/tls.crt holds no certificate"),
            (broken, good.key, "/etc/tls.crt holds a broken certificate"),
            (good.certificate + broken, good.key, "/etc/tls.crt holds a broken certificate"),
            (good.certificate, good.certificate, "/etc/tls.key holds no private key"),
            (good.certificate, [], "/etc/tls.key holds no private key"),
            ([UInt8](repeating: 0x41, count: 2 * 1024 * 1024), good.key, "/etc/tls.crt is larger than 1 MiB"),
        ]
        for (certificate, key, text) in cases {
            let error = #expect(throws: TLSError.self) { _ = try load(certificate, key) }
            #expect(error?.message.hasPrefix(text) == true, "\(error?.message ?? "nothing") instead of \(text)")
            #expect(error?.message.contains("secret") == false)
        }
    }

    @Test func aSelfMadeCertificateIsForItsName() throws {
        let certificate = try Certificate.selfSigned(for: "mx.example.com")
        #expect(certificate.names == ["mx.example.com"])
        #expect(certificate.validUntil > Known.now + 3600 * 86_400)
        #expect(try Certificate.selfSigned(for: String(repeating: "a", count: 60) + ".example.com").names.count == 1)
        #expect(throws: TLSError.self) { _ = try Certificate.selfSigned(for: "a,DNS:b") }
    }

    @Test func authoritiesThatAreNoneAreRefused() throws {
        #expect(throws: TLSError.self) { _ = try Authorities(Array("nothing".utf8), named: "ca.pem") }
    }
}
