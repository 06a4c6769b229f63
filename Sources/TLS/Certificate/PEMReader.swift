internal import COpenSSL

/// Reads the blocks of one PEM text. *Value*, used up by reading; the objects it returns belong to the caller.
struct PEMReader: ~Copyable {
    private let bio: OpaquePointer

    /// The most that is looked at: a chain of certificates has a few kilobytes.
    static let longest = 1024 * 1024

    /// Copies nothing: `bytes` must outlive the reader. Nil without memory.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, let bio = BIO_new_mem_buf(base, Int32(clamping: bytes.count)) else { return nil }
        self.bio = bio
    }

    deinit { BIO_free(bio) }

    /// The next certificate; nil when none follows. `ErrorQueue.isEndOfPEM` tells the end from a broken block.
    mutating func certificate() -> OpaquePointer? {
        ErrorQueue.clear()
        return PEM_read_bio_X509(bio, nil, refusePassphrase, nil)
    }

    /// The private key.
    /// - Parameter isProtected: set when the key asks for a passphrase.
    mutating func privateKey(isProtected: inout Bool) -> OpaquePointer? {
        ErrorQueue.clear()
        return withUnsafeMutablePointer(to: &isProtected) { PEM_read_bio_PrivateKey(bio, nil, refusePassphrase, $0) }
    }
}

/// Nobody sits at the terminal of a server: a passphrase is never given. Notes in a `Bool` that one was asked for.
private func refusePassphrase(
    _ buffer: UnsafeMutablePointer<CChar>?, _ size: Int32, _ isWriting: Int32, _ note: UnsafeMutableRawPointer?
) -> Int32 {
    note?.assumingMemoryBound(to: Bool.self).pointee = true
    return -1
}
