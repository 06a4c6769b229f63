package import NIOCore
import Spool

extension ByteBuffer {
    /// Whether any byte is above 127; eight bytes at a time.
    package var has8bit: Bool {
        withUnsafeReadableBytes { bytes in
            var index = 0
            while index + 8 <= bytes.count {
                if bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 != 0 { return true }
                index += 8
            }
            while index < bytes.count {
                if bytes[index] & 0x80 != 0 { return true }
                index += 1
            }
            return false
        }
    }
}

extension SpoolBody {
    /// Whether any byte is above 127. A body that is not in memory counts as 8-bit: the safe side.
    package var has8bit: Bool {
        switch self {
        case .inline(let buffer): buffer.has8bit
        default: true
        }
    }
}
