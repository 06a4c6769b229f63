/// Something that goes wrong at a moment, for a while. *Value.*
package struct Fault: Sendable, Equatable {
    /// What goes wrong.
    package enum Kind: String, Sendable, CaseIterable {
        /// kill -9 of a node; it starts again after `length` (0: never).
        case kill
        /// SIGSTOP of a node for `length`.
        case pause
        /// A node leaves in good order.
        case leave
        /// A node's connection breaks; what was on its way may arrive later.
        case breakLink = "break"
        /// Nothing passes between a node and the store for `length`.
        case partition
        /// Requests and replies of everybody take up to 5 s for `length`.
        case slow
        /// The store's wall clock moves by `amount`.
        case clockStep = "clock-step"
        /// The store does nothing for `length`, then does everything at once.
        case storePause = "store-pause"
        /// The store's process dies; after `length` it runs again with the data it had `amount` before.
        case restart
        /// The store's process dies; after `length` it runs again with nothing.
        case restartEmpty = "restart-empty"
        /// The data are flushed; the process goes on.
        case flush
        /// Another store takes over after `length`, with the data of `amount` before.
        case failOver = "fail-over"
    }

    /// What goes wrong.
    package var kind: Kind
    /// When, in true nanoseconds.
    package var at: Int64
    /// For how long.
    package var length: Int64
    /// Which node, if it is about one.
    package var node: Int
    /// A clock step, or how old a copy is.
    package var amount: Int64

    /// A fault.
    package init(_ kind: Kind, at: Int64, length: Int64 = 0, node: Int = 0, amount: Int64 = 0) {
        self.kind = kind
        self.at = at
        self.length = length
        self.node = node
        self.amount = amount
    }

    /// Whether it is about one node.
    var isOfNode: Bool {
        switch kind {
        case .kill, .pause, .leave, .breakLink, .partition: true
        case .slow, .clockStep, .storePause, .restart, .restartEmpty, .flush, .failOver: false
        }
    }

    /// Whether the store's process is down for a while, so that connecting to it is refused.
    var isOutage: Bool { kind == .restart || kind == .restartEmpty }

    /// One line.
    package var text: String {
        var text = "\(Time.text(at))  \(kind.rawValue)"
        if isOfNode { text += " of node \(node)" }
        if length > 0 { text += " for \(Time.text(length))" }
        switch kind {
        case .clockStep: text += " by \(Time.text(amount))"
        case .restart, .failOver: text += " with data \(Time.text(amount)) old"
        default: break
        }
        return text
    }
}
