package import NIOCore
import Resources
import Synchronization
package import TLS

/// *Shared*: where a shard takes its commands, from any thread.
package final class ShardAddress: Sendable {
    /// Which of the node's shards it is.
    package let index: Int
    /// The event loop of the shard.
    package let loop: any EventLoop
    private let mailbox: Mailbox<ShardCommand>
    private let turns: NIOLoopBoundBox<HandshakeTurns>

    init(index: Int, loop: any EventLoop) {
        self.index = index
        self.loop = loop
        mailbox = Mailbox(loop: loop)
        turns = .makeBoxSendingValue(HandshakeTurns(on: loop), eventLoop: loop)
    }

    /// When the handshakes of this loop take their steps. On the loop.
    package var handshakes: HandshakeTurns { turns.value }

    /// Commands are carried out by `drain` from now on, in order, on the loop. Called once, when the shard begins.
    func open(_ drain: @escaping @Sendable (inout [ShardCommand]) -> Void) { mailbox.open(drain) }

    /// Adds a command; it is carried out with the next turn of the loop, never within the caller.
    package func post(_ command: consuming ShardCommand) { mailbox.post(command) }

    /// Adds a command after a while.
    package func post(_ command: ShardCommand, in time: TimeAmount) {
        loop.scheduleTask(in: time) { [mailbox] in mailbox.post(command) }
    }
}
