import Glibc
import Platform
import Telemetry

/// *Value*: small state files: read whole, replaced atomically and durably.
package enum FileText {
    /// The file's text; `nil` when there is none.
    package static func read(_ path: String) throws(NodeError) -> String? {
        let file = DescriptorReserve.shared.open { open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw NodeError("cannot read \(path): \(NodeError.errnoText)")
        }
        defer { close(file) }
        guard FileKind.isRegular(file) else { throw NodeError("\(path) is not a file") }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(file, &chunk, chunk.count)
            guard count >= 0 else { throw NodeError("cannot read \(path): \(NodeError.errnoText)") }
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
            guard bytes.count < 64 << 20 else { throw NodeError("\(path) is too large to be a state file") }
        }
    }

    /// Writes a new file beside the old one, syncs it, and renames it over.
    package static func replace(_ path: String, with text: String) throws(NodeError) {
        let temporary = path + ".new"
        // Whatever a crash or a person left under that name is no hindrance.
        if unlink(temporary) != 0, errno == EISDIR || errno == EPERM { rename(temporary, "\(temporary).\(Clock.wall())") }
        let file = DescriptorReserve.shared.open { open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o640) }
        guard file >= 0 else { throw NodeError("cannot write \(temporary): \(NodeError.errnoText)") }
        let bytes = Array(text.utf8)
        var offset = 0
        while offset < bytes.count {
            let count = bytes[offset...].withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            guard count > 0 else {
                let text = NodeError.errnoText
                close(file)
                throw NodeError("cannot write \(temporary): \(text)")
            }
            offset += count
        }
        let synced = fsync(file)
        close(file)
        guard synced == 0, rename(temporary, path) == 0 else {
            throw NodeError("cannot replace \(path): \(NodeError.errnoText)")
        }
    }
}
