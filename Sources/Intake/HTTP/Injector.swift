package import Delivery
import Message
package import NIOCore
import Options
import Policy
import Resources
import SMTP
import Shaping
import Spool
import Synchronization
import Telemetry

/// *Value*: the way of injected mail into the node: from a decoded request to durable messages, on one shard after the other in turn.
package struct Injector: Sendable {
    private let shards: Shards
    private var services: DeliveryServices { shards.services }

    /// Injects into the node of these shards.
    package init(_ shards: Shards) { self.shards = shards }

    /// Why no mail is taken over HTTP now; `nil` when all is well.
    package var refusal: String? {
        if services.state.phase != .ready { return "shutting down" }
        return Intake.refusal(services).map { $0.lines.joined(separator: " ") }
    }

    /// Takes the messages of one request; answers when they are durable.
    package func inject(_ injection: Injection, peer: SocketAddress?) async -> InjectionResult {
        let turn = Self.nextShard.wrappingAdd(1, ordering: .relaxed).oldValue
        return await inject(injection, peer: peer, on: shards.all[turn % shards.all.count])
    }

    private func inject(_ injection: Injection, peer: SocketAddress?, on shard: isolated Shard) async -> InjectionResult {
        await withCheckedContinuation { continuation in
            inject(injection, peer: peer, on: shard.ground) { continuation.resume(returning: $0) }
        }
    }

    private static let nextShard = Atomic<Int>(0)

    private func inject(
        _ injection: Injection, peer: SocketAddress?, on ground: ShardGround, completion: @escaping (InjectionResult) -> Void
    ) {
        // The content of each recipient, from here to the queue.
        let bytes = injection.items.reduce(0) { $0 + $1.content.count }
        let resident = services.resident
        guard resident.hasRoom(for: bytes) else {
            var result = InjectionResult(ids: [], failures: injection.failures)
            result.unavailable = "load shedding. Try later"
            return completion(result)
        }
        resident.change(.http, by: bytes)
        var generator = MessageIDGenerator(node: UInt64.random(in: .min ... .max), seed: UInt64.random(in: .min ... .max))
        let now = Clock.wall()
        let from = peer.map { "\($0.ipAddress ?? "?"):\($0.port ?? 0)" } ?? ""
        let base: [(key: String, value: ConfigValue)] =
            [
                ("reception_protocol", .string("HTTP")), ("received_from", .string(from)),
                ("hostname", .string(services.hostname)),
            ] + injection.meta.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        let stored = base.map { (key: $0.key, value: $0.value.jsonText) }
        let trace = injection.trace
        let origin = TraceHeaders.Origin(
            ehlo: peer?.ipAddress ?? "unknown", peer: peer?.ipAddress ?? "unknown", hostname: services.hostname, local: services.hostname,
            with: "HTTP")
        let date = MessageDate.rfc5322(unixSeconds: now / 1_000_000_000)
        // Recipients of one content share its bytes: the spool writes them once.
        var last: (bytes: [UInt8], content: ReceivedContent)?
        let messages = injection.items.map { item in
            let id = generator.next(unixNanoseconds: now)
            let content: ReceivedContent
            if let last, last.bytes.isSameStorage(as: item.content) {
                content = last.content
            } else {
                content = ReceivedContent(ByteBuffer(bytes: item.content))
                last = (item.content, content)
            }
            var headers = ByteBuffer()
            trace.write(into: &headers, origin: origin, id: id.hex, recipients: [item.recipient], date: date, meta: stored)
            trace.write(content.seam, into: &headers)
            headers.writeImmutableBuffer(content.headers)
            let message = ReceivedMessage(
                id: id, sender: injection.sender, recipients: [item.recipient], created: now, headers: headers,
                body: content.body, bodyLength: content.bodyLength, is8bit: headers.has8bit || content.body.has8bit, sessionMeta: stored)
            for (key, value) in item.meta { message.setMeta(key, value) }
            return message
        }
        let intake = Intake(
            ground: ground, hook: .httpMessageGenerated, service: services.metrics.receivedHTTP, receptionProtocol: "HTTP",
            peer: LogRecord.Peer(name: "", address: from), durability: injection.deferredSpool ? .memory : services.durability)
        intake.take(messages, connection: nil) { outcome in
            resident.change(.http, by: -bytes)
            var result = InjectionResult(ids: outcome.accepted.map(\.hex), failures: injection.failures)
            for refusal in outcome.refused {
                result.failures.append((injection.items[refusal.index].recipient.text, refusal.reply.oneLine))
            }
            if outcome.accepted.isEmpty, let first = outcome.refused.first, first.reply.code == 452 {
                result.unavailable = first.reply.oneLine
            }
            completion(result)
        }
    }
}

extension [UInt8] {
    /// Whether both are the same bytes in memory: copies of one array that nobody has changed.
    fileprivate func isSameStorage(as other: [UInt8]) -> Bool {
        count == other.count && withUnsafeBufferPointer { mine in other.withUnsafeBufferPointer { mine.baseAddress == $0.baseAddress } }
    }
}
