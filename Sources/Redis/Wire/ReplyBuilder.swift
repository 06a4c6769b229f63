import CHiredis

/// Builds the values that hiredis' reader finds. *Loop-confined.*
///
/// hiredis calls in the order of the wire, so a stack of open arrays is all it takes; what it is given as "object" is a mark without
/// content.
final class ReplyBuilder {
    private struct OpenArray {
        var elements: [RedisValue] = []
        var missing: Int
    }

    private let maxValues: Int
    private var open: [OpenArray] = []
    private var root: RedisValue?
    private var values = 0
    /// Whether the reply has more values than allowed.
    private(set) var isTooLarge = false

    init(maxValues: Int) { self.maxValues = maxValues }

    /// The complete value; the next reply starts afresh.
    func take() -> RedisValue? {
        defer {
            root = nil
            open = []
            values = 0
        }
        return root
    }

    private func admit() -> Bool {
        values += 1
        if values > maxValues { isTooLarge = true }
        return !isTooLarge
    }

    private func add(_ value: RedisValue) -> Bool {
        guard admit() else { return false }
        close(value)
        return true
    }

    private func begin(_ count: Int) -> Bool {
        guard count > 0 else { return add(.array([])) }
        guard admit(), count <= maxValues else {
            isTooLarge = true
            return false
        }
        open.append(OpenArray(missing: count))
        return true
    }

    /// Puts a finished value where it belongs, and finishes the arrays it completes.
    private func close(_ value: RedisValue) {
        var value = value
        while let last = open.indices.last {
            open[last].elements.append(value)
            open[last].missing -= 1
            guard open[last].missing == 0 else { return }
            value = .array(open.removeLast().elements)
        }
        root = value
    }

    /// The functions hiredis calls. Nil as an answer means "no memory" to it, and ends the reading.
    static var functions: redisReplyObjectFunctions {
        redisReplyObjectFunctions(
            createString: { task, bytes, count in
                ReplyBuilder.build(task) { builder, type in
                    let bytes = Array(UnsafeRawBufferPointer(start: bytes, count: count))
                    switch type {
                    case REDIS_REPLY_STATUS: return builder.add(.simple(String(decoding: bytes, as: UTF8.self)))
                    case REDIS_REPLY_ERROR: return builder.add(.error(String(decoding: bytes, as: UTF8.self)))
                    default: return builder.add(.bytes(bytes))
                    }
                }
            },
            createArray: { task, count in ReplyBuilder.build(task) { builder, _ in builder.begin(Int(count)) } },
            createInteger: { task, value in ReplyBuilder.build(task) { builder, _ in builder.add(.integer(value)) } },
            createNil: { task in ReplyBuilder.build(task) { builder, _ in builder.add(.null) } },
            freeObject: { _ in })
    }

    private static func build(
        _ task: UnsafePointer<redisReadTask>?, _ body: (ReplyBuilder, Int32) -> Bool
    ) -> UnsafeMutableRawPointer? {
        guard let task, let context = task.pointee.privdata else { return nil }
        let builder = Unmanaged<ReplyBuilder>.fromOpaque(context).takeUnretainedValue()
        return body(builder, task.pointee.type) ? context : nil
    }
}
