import CHiredis
import NIOCore

/// Writes commands as the protocol wants them, by hiredis' formatter. A namespace.
enum CommandEncoder {
    /// Bytes of the parts of one command.
    static let maxBytes = 16 << 20
    /// Parts of one command.
    static let maxParts = 1 << 20

    /// Appends the command; false when it is empty or beyond the bounds, then nothing is appended.
    static func encode(_ parts: [[UInt8]], into buffer: inout ByteBuffer) -> Bool {
        var total = 0
        for part in parts { total += part.count }
        guard !parts.isEmpty, parts.count <= maxParts, total <= maxBytes else { return false }

        var flat: [CChar] = []
        flat.reserveCapacity(total + 1)
        for part in parts { for byte in part { flat.append(CChar(bitPattern: byte)) } }
        // An array without storage has no address.
        flat.append(0)
        let lengths = parts.map(\.count)
        var target: UnsafeMutablePointer<CChar>?
        let count = flat.withUnsafeBufferPointer { flat in
            var position = flat.baseAddress
            var pointers: [UnsafePointer<CChar>?] = []
            pointers.reserveCapacity(lengths.count)
            for length in lengths {
                pointers.append(position)
                position = position.map { $0 + length }
            }
            return redisFormatCommandArgv(&target, Int32(lengths.count), &pointers, lengths)
        }
        guard count > 0, let target else { return false }
        buffer.writeBytes(UnsafeRawBufferPointer(start: target, count: Int(count)))
        redisFreeCommand(target)
        return true
    }
}
