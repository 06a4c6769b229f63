import Glibc
import Synchronization

/// Appends lines of tab-separated fields to a file.
///
/// *Shared.* Sessions add to a buffer; `flush` writes it, every 50 ms from the sink's own thread. If the disk cannot follow, the session
/// that fills the buffer writes it itself, so memory stays bounded.
final class SinkRecorder: Sendable {
    private static let limit = 8 << 20

    private struct State {
        var lines: [UInt8] = []
        var descriptor: Int32
    }

    private let state: Mutex<State>

    init(path: String) throws(SinkError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw SinkError(.record, "cannot open the record file \(path): \(String(cString: strerror(errno)))")
        }
        state = Mutex(State(descriptor: descriptor))
    }

    /// *Value.* What a detailed line says besides.
    struct Details {
        var client: [UInt8]
        var mailNanoseconds: UInt64
    }

    /// Adds the line of a message. Tabs and control bytes of the parts become "?".
    func add(nanoseconds: UInt64, session: UInt64, recipients: [[UInt8]], header: [UInt8], details: Details?) {
        state.withLock { state in
            Self.append(nanoseconds, to: &state.lines)
            state.lines.append(0x09)
            Self.append(session, to: &state.lines)
            state.lines.append(0x09)
            for (index, recipient) in recipients.enumerated() {
                if index > 0 { state.lines.append(UInt8(ascii: ",")) }
                Self.append(recipient, to: &state.lines)
            }
            state.lines.append(0x09)
            Self.append(header, to: &state.lines)
            if let details {
                state.lines.append(0x09)
                Self.append(details.client, to: &state.lines)
                state.lines.append(0x09)
                Self.append(details.mailNanoseconds, to: &state.lines)
            }
            Self.end(&state)
        }
    }

    /// Adds the line of a connection that opened or closed.
    func add(nanoseconds: UInt64, isOpen: Bool, client: [UInt8], session: UInt64) {
        state.withLock { state in
            Self.append(nanoseconds, to: &state.lines)
            state.lines.append(contentsOf: (isOpen ? "\tconnections\t+1\t" : "\tconnections\t-1\t").utf8)
            Self.append(client.isEmpty ? [UInt8(ascii: "-")] : client, to: &state.lines)
            state.lines.append(0x09)
            Self.append(session, to: &state.lines)
            Self.end(&state)
        }
    }

    private static func end(_ state: inout State) {
        state.lines.append(0x0A)
        if state.lines.count >= limit { flush(&state) }
    }

    /// Gives what was added to the kernel.
    func flush() { state.withLock { Self.flush(&$0) } }

    /// Flushes and closes; lines added later are dropped.
    func close() {
        state.withLock { state in
            Self.flush(&state)
            if state.descriptor >= 0 { _ = Glibc.close(state.descriptor) }
            state.descriptor = -1
        }
    }

    /// Decimal digits, without a `String`: this runs once or more per message.
    private static func append(_ number: UInt64, to lines: inout [UInt8]) {
        let start = lines.count
        var rest = number
        repeat {
            lines.append(UInt8(truncatingIfNeeded: 0x30 + rest % 10))
            rest /= 10
        } while rest > 0
        lines[start...].reverse()
    }

    private static func append(_ bytes: [UInt8], to lines: inout [UInt8]) {
        lines.append(contentsOf: bytes.lazy.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "?") : $0 })
    }

    private static func flush(_ state: inout State) {
        var start = 0
        let descriptor = state.descriptor
        state.lines.withUnsafeBytes { bytes in
            while descriptor >= 0, start < bytes.count {
                let written = write(descriptor, bytes.baseAddress! + start, bytes.count - start)
                if written < 0 {
                    if errno == EINTR { continue }
                    return
                }
                start += written
            }
        }
        // Lines that the disk refuses are lost: this is a record for tests, which then fail, as they should.
        state.lines.removeAll(keepingCapacity: state.lines.capacity <= limit)
    }
}
