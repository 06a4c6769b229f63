internal import COpenSSL
internal import NIOCore

/// The encrypted bytes on both sides of an engine. *Loop-confined*: OpenSSL reads and writes the buffers in place, through a BIO of its own kind.
///
/// A memory BIO would copy both ways, and keep the memory of the largest record for as long as the connection lives.
final class TLSWire {
    /// What came from the peer and is not decrypted yet.
    var incoming = ByteBuffer()
    /// What is to be sent.
    var outgoing = ByteBuffer()

    /// A BIO over the two buffers, for `SSL_set_bio`, which takes it over. It does not keep the wire alive.
    func makeBIO() -> OpaquePointer? {
        guard let bio = BIO_new(wireMethod.method) else { return nil }
        BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        BIO_set_init(bio, 1)
        return bio
    }
}

/// The kind of BIO: made once.
private let wireMethod = WireMethod()

private final class WireMethod: @unchecked Sendable {  // written once, before anybody else can see it
    let method: OpaquePointer?

    init() {
        method = BIO_meth_new(BIO_get_new_index() | Int32(BIO_TYPE_SOURCE_SINK), "apus wire")
        guard let method else { return }
        BIO_meth_set_read(method, readWire)
        BIO_meth_set_write(method, writeWire)
        BIO_meth_set_ctrl(method, controlWire)
    }
}

private func wire(_ bio: OpaquePointer?) -> TLSWire? {
    BIO_get_data(bio).map { Unmanaged<TLSWire>.fromOpaque($0).takeUnretainedValue() }
}

private func readWire(_ bio: OpaquePointer?, _ target: UnsafeMutablePointer<CChar>?, _ length: Int32) -> Int32 {
    BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
    guard let wire = wire(bio), let target, length > 0 else { return 0 }
    let count = min(Int(length), wire.incoming.readableBytes)
    guard count > 0 else {
        BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
        return -1
    }
    wire.incoming.withUnsafeReadableBytes { bytes in
        UnsafeMutableRawPointer(target).copyMemory(from: bytes.baseAddress!, byteCount: count)  // not empty: count is not 0
    }
    wire.incoming.moveReaderIndex(forwardBy: count)
    return Int32(count)
}

private func writeWire(_ bio: OpaquePointer?, _ source: UnsafePointer<CChar>?, _ length: Int32) -> Int32 {
    BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
    guard let wire = wire(bio), let source, length > 0 else { return 0 }
    wire.outgoing.writeBytes(UnsafeRawBufferPointer(start: source, count: Int(length)))
    return length
}

private func controlWire(_ bio: OpaquePointer?, _ command: Int32, _ number: Int, _ argument: UnsafeMutableRawPointer?) -> Int {
    command == BIO_CTRL_FLUSH ? 1 : 0
}
