internal import COpenSSL

extension Certificate {
    /// Makes a key pair of P-256 and a certificate that vouches for itself, without an end: enough to encrypt, for clients that do not
    /// verify (RFC 7435), until a real one is installed.
    /// - Parameter hostname: the name it is for.
    package static func selfSigned(for hostname: String) throws(TLSError) -> Certificate {
        ErrorQueue.clear()
        guard let key = apus_tls_new_p256() else { throw TLSError("no key pair can be made: \(ErrorQueue.take() ?? "OpenSSL failed")") }
        guard let certificate = X509_new() else {
            EVP_PKEY_free(key)
            throw TLSError("no certificate can be made: no memory")
        }
        guard fill(certificate, hostname, key) else {
            EVP_PKEY_free(key)
            X509_free(certificate)
            throw TLSError("no certificate can be made for '\(hostname)': \(ErrorQueue.take() ?? "OpenSSL failed")")
        }
        return Certificate(leaf: certificate, chain: [], key: key)
    }

    private static func fill(_ certificate: OpaquePointer, _ hostname: String, _ key: OpaquePointer) -> Bool {
        // A common name has at most 64 characters (RFC 5280, appendix A.1); the name that counts is the alternative one.
        let common = hostname.utf8.count <= 64 ? hostname : "apus"
        guard X509_set_version(certificate, 2) == 1,
            ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), UInt64.random(in: 1...(UInt64.max >> 1))) == 1,
            // Whatever the clock says: a node starts in any year, and RFC 5280, 4.1.2.5 has a date for "no end".
            ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), "20000101000000Z") == 1,
            ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), "99991231235959Z") == 1,
            X509_set_pubkey(certificate, key) == 1,
            let name = X509_get_subject_name(certificate),
            X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, common, -1, -1, 0) == 1,
            X509_set_issuer_name(certificate, name) == 1,
            hostname.utf8.allSatisfy({ $0 > 0x20 && $0 != UInt8(ascii: ",") && $0 < 0x7F }),
            let names = X509V3_EXT_conf_nid(nil, nil, NID_subject_alt_name, "DNS:\(hostname)")
        else { return false }
        defer { X509_EXTENSION_free(names) }
        return X509_add_ext(certificate, names, -1) == 1 && X509_sign(certificate, key, EVP_sha256()) > 0
    }
}
