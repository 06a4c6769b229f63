internal import COpenSSL

/// A certificate, its chain and its private key, checked and ready for use. *Shared.*
///
/// *Diagnostics.* Files that cannot be used throw a `TLSError` that names them: unreadable, no PEM, protected by a passphrase, key and
/// certificate of different pairs, expired, not valid yet.
package final class Certificate: @unchecked Sendable {  // OpenSSL counts its objects atomically, and nobody changes them after `init`.
    let leaf: OpaquePointer
    let chain: [OpaquePointer]
    let key: OpaquePointer
    /// The DNS names it is good for, in lower case; `*.example.com` among them.
    package let names: [String]

    /// Reads both parts from PEM texts.
    /// - Parameters:
    ///   - certificate: the certificate, followed by its chain.
    ///   - key: its private key, without a passphrase.
    ///   - certificateName: how errors call the first: a file's path, say.
    ///   - keyName: how errors call the second.
    ///   - now: seconds since 1970.
    package convenience init(
        certificate: [UInt8], key: [UInt8], certificateName: String, keyName: String, now: Int64
    ) throws(TLSError) {
        var all = try Self.certificates(certificate, named: certificateName)
        let leaf = all.removeFirst()
        let pkey: OpaquePointer
        do throws(TLSError) {
            try Self.check(leaf, named: certificateName, now: now)
            pkey = try Self.privateKey(key, named: keyName)
        } catch {
            ([leaf] + all).forEach { X509_free($0) }
            throw error
        }
        guard X509_check_private_key(leaf, pkey) == 1 else {
            ErrorQueue.clear()
            ([leaf] + all).forEach { X509_free($0) }
            EVP_PKEY_free(pkey)
            throw TLSError(
                "\(keyName) is not the private key of the certificate in \(certificateName): give the pair that was issued together")
        }
        self.init(leaf: leaf, chain: all, key: pkey)
    }

    /// Takes over what it is given.
    init(leaf: OpaquePointer, chain: [OpaquePointer], key: OpaquePointer) {
        self.leaf = leaf
        self.chain = chain
        self.key = key
        names = Self.names(of: leaf)
    }

    deinit {
        X509_free(leaf)
        chain.forEach { X509_free($0) }
        EVP_PKEY_free(key)
    }

    /// Seconds since 1970 after which it is no longer valid.
    package var validUntil: Int64 { Self.seconds(X509_get0_notAfter(leaf)) }

    // MARK: Reading

    static func certificates(_ bytes: [UInt8], named name: String) throws(TLSError) -> [OpaquePointer] {
        guard bytes.count <= PEMReader.longest else { throw TLSError("\(name) is larger than 1 MiB: that is not a certificate") }
        var found: [OpaquePointer] = []
        var isComplete = false
        bytes.withUnsafeBytes { raw in
            guard var reader = PEMReader(raw) else { return }
            while let certificate = reader.certificate() { found.append(certificate) }
            isComplete = ErrorQueue.isEndOfPEM
        }
        guard isComplete, !found.isEmpty else {
            found.forEach { X509_free($0) }
            let reason = isComplete || bytes.isEmpty ? "holds no certificate" : "holds a broken certificate"
            ErrorQueue.clear()
            throw TLSError("\(name) \(reason): it must be PEM text with '-----BEGIN CERTIFICATE-----', the server's own certificate first")
        }
        ErrorQueue.clear()
        return found
    }

    private static func privateKey(_ bytes: [UInt8], named name: String) throws(TLSError) -> OpaquePointer {
        guard bytes.count <= PEMReader.longest else { throw TLSError("\(name) is larger than 1 MiB: that is not a private key") }
        var isProtected = false
        let key = bytes.withUnsafeBytes { raw -> OpaquePointer? in
            guard var reader = PEMReader(raw) else { return nil }
            return reader.privateKey(isProtected: &isProtected)
        }
        ErrorQueue.clear()
        if let key { return key }
        throw TLSError(
            isProtected
                ? "\(name) is protected by a passphrase, which a server cannot enter: write it without one by 'openssl pkey -in \(name) -out NEW'"
                : "\(name) holds no private key: it must be PEM text with '-----BEGIN PRIVATE KEY-----'")
    }

    private static func check(_ leaf: OpaquePointer, named name: String, now: Int64) throws(TLSError) {
        let (from, until) = (seconds(X509_get0_notBefore(leaf)), seconds(X509_get0_notAfter(leaf)))
        if until <= now { throw TLSError("the certificate in \(name) expired \(age(now - until)) ago: renew it") }
        if from > now {
            throw TLSError(
                "the certificate in \(name) is not valid for another \(age(from - now)): wait, or check the clock of this machine")
        }
    }

    private static func age(_ seconds: Int64) -> String {
        seconds >= 2 * 86_400 ? "\(seconds / 86_400) days" : seconds >= 7200 ? "\(seconds / 3600) hours" : "\(max(seconds, 1)) seconds"
    }

    /// Seconds since 1970 of a moment in a certificate.
    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
        var days: Int32 = 0
        var seconds: Int32 = 0
        guard let epoch = ASN1_TIME_set(nil, 0) else { return 0 }
        defer { ASN1_TIME_free(epoch) }
        guard ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else { return 0 }
        return Int64(days) * 86_400 + Int64(seconds)
    }

    private static func names(of leaf: OpaquePointer) -> [String] {
        guard let found = X509_get_ext_d2i(leaf, NID_subject_alt_name, nil, nil) else { return [] }
        let names = OpaquePointer(found)
        defer { GENERAL_NAMES_free(names) }
        return (0..<apus_tls_name_count(names)).compactMap { index in
            apus_tls_dns_name(names, index).map { string in
                let bytes = UnsafeBufferPointer(start: ASN1_STRING_get0_data(string), count: Int(ASN1_STRING_length(string)))
                return String(decoding: bytes, as: UTF8.self).lowercased()
            }
        }
    }
}
