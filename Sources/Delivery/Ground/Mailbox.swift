package import NIOCore
import Synchronization

/// *Shared*: work for one shard, posted from any thread.
///
/// One wake-up moves everything that waits: a hop between loops costs tens of microseconds, so posting to a shard whose wake-up is
/// already under way costs only the lock.
package final class Mailbox<Item: Sendable>: Sendable {
    private struct State: Sendable {
        package var items: [Item] = []
        var isScheduled = false
    }

    private let state = Mutex(State())
    private let loop: any EventLoop
    private let drain: @Sendable ([Item]) -> Void

    /// - Parameter drain: runs on `loop` with everything that was posted, in order.
    package init(loop: any EventLoop, drain: @escaping @Sendable ([Item]) -> Void) {
        self.loop = loop
        self.drain = drain
    }

    /// Adds one item; from any thread.
    package func post(_ item: Item) {
        let wakes = state.withLock { state in
            state.items.append(item)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if wakes { wake() }
    }

    /// Adds several items in order; from any thread.
    package func post(contentsOf items: [Item]) {
        guard !items.isEmpty else { return }
        let wakes = state.withLock { state in
            state.items.append(contentsOf: items)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if wakes { wake() }
    }

    private func wake() {
        loop.execute { [self] in
            let items = state.withLock { state in
                state.isScheduled = false
                defer { state.items = [] }
                return state.items
            }
            drain(items)
        }
    }
}
