internal import COpenSSL

/// An authority that issues certificates for tests, good and bad ones. *Shared*: it does not change.
package final class TestAuthority: @unchecked Sendable {
    /// What a certificate says. *Value.*
    package struct Request: Sendable {
        /// The name in the subject.
        package var commonName: String
        /// The alternative names, in OpenSSL's notation: `DNS:mx.example.com`.
        package var names: [String]
        /// Seconds from now at which it becomes valid.
        package var from = -3600
        /// Seconds from now at which it expires.
        package var until = 86_400
        /// Bits of an RSA key; nil for P-256.
        package var rsaBits: Int?
        /// The passphrase of the key's file.
        package var passphrase: String?

        /// A good certificate for these names, the first of which is the subject's.
        package init(_ names: String...) {
            commonName = names.first ?? "nobody"
            self.names = names.map { "DNS:\($0)" }
        }
    }

    /// A certificate with its key. *Value*: PEM texts.
    package struct Pair: Sendable {
        /// The certificate.
        package let certificate: [UInt8]
        /// Its key.
        package let key: [UInt8]
    }

    private let certificate: OpaquePointer
    private let key: OpaquePointer

    /// An authority of its own.
    package init() {
        let key = Self.newKey(rsaBits: nil)
        self.key = key
        certificate = Self.make(
            Request("Test Authority"), key: key, issuer: nil, signer: key,
            extensions: [(NID_basic_constraints, "critical,CA:TRUE"), (NID_key_usage, "critical,keyCertSign,cRLSign")])
    }

    deinit {
        X509_free(certificate)
        EVP_PKEY_free(key)
    }

    /// Its own certificate.
    package var pem: [UInt8] { Self.pem { PEM_write_bio_X509($0, certificate) } }

    /// Issues a certificate.
    package func issue(_ request: Request) -> Pair {
        let own = Self.newKey(rsaBits: request.rsaBits)
        defer { EVP_PKEY_free(own) }
        let issued = Self.make(
            request, key: own, issuer: certificate, signer: key,
            extensions: request.names.isEmpty ? [] : [(NID_subject_alt_name, request.names.joined(separator: ","))])
        defer { X509_free(issued) }
        let passphrase = request.passphrase.map { Array($0.utf8) }
        return Pair(
            certificate: Self.pem { PEM_write_bio_X509($0, issued) },
            key: Self.pem { bio in
                guard var passphrase else { return PEM_write_bio_PrivateKey(bio, own, nil, nil, 0, nil, nil) }
                return PEM_write_bio_PrivateKey(bio, own, EVP_aes_256_cbc(), &passphrase, Int32(passphrase.count), nil, nil)
            })
    }

    private static func newKey(rsaBits: Int?) -> OpaquePointer {
        guard let key = rsaBits.map({ apus_tls_new_rsa(Int32($0)) }) ?? apus_tls_new_p256() else { fatalError("no key can be made") }
        return key
    }

    private static func make(
        _ request: Request, key: OpaquePointer, issuer: OpaquePointer?, signer: OpaquePointer, extensions: [(Int32, String)]
    ) -> OpaquePointer {
        guard let made = X509_new(), let subject = X509_get_subject_name(made) else { fatalError("no certificate can be made") }
        X509_set_version(made, 2)
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(made), UInt64.random(in: 1...(UInt64.max >> 1)))
        X509_gmtime_adj(X509_getm_notBefore(made), request.from)
        X509_gmtime_adj(X509_getm_notAfter(made), request.until)
        X509_set_pubkey(made, key)
        X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, "Apus Tests", -1, -1, 0)
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, request.commonName, -1, -1, 0)
        X509_set_issuer_name(made, issuer.map { X509_get_subject_name($0) } ?? subject)
        for (kind, text) in extensions {
            guard let one = X509V3_EXT_conf_nid(nil, nil, kind, text) else { fatalError("'\(text)' is no extension") }
            X509_add_ext(made, one, -1)
            X509_EXTENSION_free(one)
        }
        guard X509_sign(made, signer, EVP_sha256()) > 0 else { fatalError("the certificate cannot be signed") }
        return made
    }

    private static func pem(_ write: (OpaquePointer?) -> Int32) -> [UInt8] {
        let bio = BIO_new(BIO_s_mem())
        defer { BIO_free(bio) }
        guard write(bio) == 1 else { fatalError("no PEM can be written") }
        var text = [UInt8](repeating: 0, count: 64 * 1024)
        let count = BIO_read(bio, &text, Int32(text.count))
        return Array(text.prefix(Int(max(count, 0))))
    }
}
