import Glibc
import NIOCore

extension ByteBuffer {
    /// The length of the content in front of the line that ends it (RFC 5321 4.1.1.4), its last CRLF included; nil when that has not come.
    var lengthBeforeFinalDot: Int? {
        withUnsafeReadableBytes { bytes in
            guard let base = bytes.baseAddress else { return nil }
            var start = 0
            while start < bytes.count, let found = memchr(base + start, 0x2E, bytes.count - start) {
                let dot = UnsafeRawPointer(found) - base
                if dot >= 2, dot + 2 < bytes.count, bytes[dot - 2] == 13, bytes[dot - 1] == 10, bytes[dot + 1] == 13, bytes[dot + 2] == 10 {
                    return dot
                }
                start = dot + 1
            }
            return nil
        }
    }
}
