import NIOCore
import Synchronization

@testable import SMTP

/// Hears what a streamed body is asked for, and answers when the test says so. *Shared.*
final class PullRecorder: Sendable {
    private let state = Mutex<(offsets: [Int], reply: (@Sendable (Result<ByteBuffer, any Error>) -> Void)?)>(([], nil))

    /// A body of that length that asks this recorder.
    func body(length: Int) -> ClientBody {
        .streamed(length: length) { [self] offset, reply in
            state.withLock { state in
                state.offsets.append(offset)
                state.reply = reply
            }
        }
    }

    /// The offsets asked for so far.
    var offsets: [Int] { state.withLock { $0.offsets } }

    /// Answers the last question.
    func answer(_ text: String) { state.withLock { $0.reply }?(.success(ByteBuffer(string: text))) }
}
