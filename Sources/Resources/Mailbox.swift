package import NIOCore
import Synchronization

/// *Shared*: work for one shard, posted from any thread.
///
/// One wake-up moves everything that waits: a hop between loops costs tens of microseconds, so posting to a shard whose wake-up is
/// already under way costs only the lock.
package final class Mailbox<Item: Sendable>: Sendable {
    private struct State: Sendable {
        var items: [Item] = []
        var isScheduled = false
        var drain: (@Sendable (inout [Item]) -> Void)?

        /// Whether the caller is to wake the loop for what was just posted.
        mutating func schedule() -> Bool {
            guard drain != nil, !isScheduled else { return false }
            isScheduled = true
            return true
        }
    }

    private let state = Mutex(State())
    private let loop: any EventLoop

    /// A mailbox that keeps what is posted until it is opened.
    package init(loop: any EventLoop) { self.loop = loop }

    /// Everything that was and will be posted goes to `drain`, in order, on `loop`. Once. The items are the drain's, to be moved out of the array.
    package func open(_ drain: @escaping @Sendable (inout [Item]) -> Void) {
        let wakes = state.withLock { state in
            state.drain = drain
            defer { state.isScheduled = state.isScheduled || !state.items.isEmpty }
            return !state.isScheduled && !state.items.isEmpty
        }
        if wakes { wake() }
    }

    /// Adds one item; from any thread.
    package func post(_ item: Item) {
        let wakes = state.withLock { state in
            state.items.append(item)
            return state.schedule()
        }
        if wakes { wake() }
    }

    /// Adds several items in order; from any thread.
    package func post(contentsOf items: [Item]) {
        guard !items.isEmpty else { return }
        let wakes = state.withLock { state in
            state.items.append(contentsOf: items)
            return state.schedule()
        }
        if wakes { wake() }
    }

    private func wake() {
        loop.execute { [self] in
            var items: [Item] = []
            let drain = state.withLock { state in
                state.isScheduled = false
                swap(&items, &state.items)
                return state.drain
            }
            drain?(&items)
        }
    }
}
