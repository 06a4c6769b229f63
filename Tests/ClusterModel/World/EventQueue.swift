/// What is going to happen. *Value.*
struct Event {
    /// Whom it concerns and what.
    enum Kind: UInt8 {
        /// The driver of bucket `a` looks whether something is due.
        case tick
        /// The deadline of message `a`.
        case deadline
        /// Message `a` reaches the store.
        case arrival
        /// The reply to message `a` reaches its node.
        case reply
        /// The link is up again (`a` = its generation).
        case connected
        /// The sender of rate `a` looks at its slots.
        case rate
        /// The pool of cap `a` looks for work.
        case pool
        /// The pool of cap `a` looks at its lease.
        case watch
        /// Connection `b` of cap `a` takes its next step.
        case connection
        /// Fault `a` begins.
        case fault
        /// Fault `a` ends.
        case faultEnd
        /// A node starts.
        case start
        /// A look from outside, for figures.
        case sample
    }

    /// True time, in nanoseconds.
    var time: Int64
    /// Breaks ties: earlier pushed, earlier done.
    var order: UInt32 = 0
    let kind: Kind
    let node: UInt16
    /// The life of the node it was meant for; a kill makes it void.
    let life: UInt32
    let a: Int32
    let b: Int32
}

/// Events by time: a binary heap. *State machine.*
struct EventQueue {
    private var heap: [Event] = []
    private var pushed: UInt32 = 0

    /// The next one.
    var next: Event? { heap.first }

    /// Forgets everything, keeps the memory.
    mutating func clear() {
        heap.removeAll(keepingCapacity: true)
        pushed = 0
    }

    /// Adds one.
    mutating func push(_ event: Event) {
        var event = event
        pushed &+= 1
        event.order = pushed
        heap.append(event)
        heap.withUnsafeMutableBufferPointer { h in
            var i = h.count - 1
            while i > 0 {
                let parent = (i - 1) >> 1
                guard Self.before(event, h[parent]) else { break }
                h[i] = h[parent]
                i = parent
            }
            h[i] = event
        }
    }

    /// Takes the next one.
    @discardableResult
    mutating func pop() -> Event? {
        guard let last = heap.popLast() else { return nil }
        guard let first = heap.first else { return last }
        heap.withUnsafeMutableBufferPointer { h in
            let count = h.count
            var i = 0
            while true {
                var child = 2 * i + 1
                guard child < count else { break }
                if child + 1 < count, Self.before(h[child + 1], h[child]) { child += 1 }
                guard Self.before(h[child], last) else { break }
                h[i] = h[child]
                i = child
            }
            h[i] = last
        }
        return first
    }

    @inline(__always)
    private static func before(_ a: Event, _ b: Event) -> Bool { a.time != b.time ? a.time < b.time : a.order < b.order }
}
