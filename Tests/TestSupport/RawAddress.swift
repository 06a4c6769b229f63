package import Glibc

/// An IPv4 socket address in the layout of C. *Value.*
///
/// The C struct itself cannot be used beside NIO: depending on how the compiler batches files, its members belong to one of NIO's C modules.
package struct RawAddress {
    private var family = sa_family_t(AF_INET)
    private var bigEndianPort: UInt16
    private var host: UInt32 = 0
    private var padding: UInt64 = 0

    /// - Parameter host: in text, such as `127.0.0.1`.
    package init(_ host: String, _ port: Int) {
        bigEndianPort = UInt16(port).bigEndian
        inet_pton(AF_INET, host, &self.host)
    }

    package static let size = socklen_t(MemoryLayout<RawAddress>.size)

    package var port: Int { Int(UInt16(bigEndian: bigEndianPort)) }

    /// The host in text.
    package var text: String {
        var host = host
        var text = [CChar](repeating: 0, count: 64)
        inet_ntop(AF_INET, &host, &text, 64)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
