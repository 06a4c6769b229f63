import Foundation
import Redis

@testable import Cluster

/// The scripts of the control plane, written a second time in Swift over dictionaries; a test with a real server shows that both say
/// the same. Used by one thread only.
final class FakeStore: @unchecked Sendable {
    /// Everything that a server holds.
    struct Content {
        var texts: [String: String] = [:]
        var hashes: [String: [String: [UInt8]]] = [:]
        var streams: [String: [(id: String, field: String)]] = [:]
        var ends: [String: Int64] = [:]
    }

    var content = Content()
    /// Milliseconds of the server's clock.
    var now: Int64 = WallClock.start / 1_000_000
    /// Events that a stream keeps here, whatever the caller wishes; nil = what it wishes.
    var streamLimit: Int?
    /// Fields of one HSCAN.
    var scanCount: Int?
    var onPublish: (_ channel: String, _ message: String) -> Void = { _, _ in }
    private var lastEvent: (Int64, Int64) = (0, 0)

    func flush() { content = Content() }

    func run(_ command: RedisCommand) -> Result<RedisValue, RedisFailure> {
        let parts = command.parts.map { String(decoding: $0, as: UTF8.self) }
        guard parts.count == 5, parts[0] == "HSCAN", let cursor = UInt64(parts[2]) else { return .failure(.server("ERR unknown command")) }
        let count = scanCount ?? Int(parts[4])!
        let fields = (content.hashes[parts[1]] ?? [:]).map { (Self.place($0.key), $0.key, $0.value) }
            .filter { $0.0 >= cursor }.sorted { ($0.0, $0.1) < ($1.0, $1.1) }
        var page = fields.prefix(count)
        // All of one place belong together: the cursor names a place.
        while page.count < fields.count, fields[page.count].0 == page.last!.0 { page = fields.prefix(page.count + 1) }
        let next = page.count < fields.count ? String(fields[page.count].0) : "0"
        return .success(.array([Self.text(next), .array(page.flatMap { [Self.text($0.1), .bytes($0.2)] })]))
    }

    private static func place(_ key: String) -> UInt64 { key.utf8.reduce(5381) { ($0 &* 33 &+ UInt64($1)) & 0xffff } + 1 }
    /// What an entry looks like in the store.
    static func stored(_ entry: ControlEntry) -> RedisValue {
        text("\(entry.version) \(entry.node) 1-1 \(String(decoding: entry.json, as: UTF8.self))")
    }

    static func text(_ text: String) -> RedisValue { .bytes(Array(text.utf8)) }

    func run(_ call: ScriptCall) -> Result<RedisValue, RedisFailure> {
        let (keys, arguments) = (call.keys, call.arguments)
        return switch call.script.text {
        case ControlScripts.publish.text: .success(publish(keys, arguments))
        case ControlScripts.read.text: .success(read(keys, arguments))
        case ControlScripts.purge.text: .success(purge(keys, arguments))
        case MemberScripts.heartbeat.text: .success(heartbeat(keys[0], arguments))
        case MemberScripts.leave.text: .success(leave(keys[0], arguments))
        case CounterScripts.count.text: .success(count(keys[0], arguments))
        case CounterScripts.claim.text: .success(claim(keys[0], arguments))
        default: .failure(.server("ERR unknown script"))
        }
    }

    private func words(_ value: [UInt8], _ count: Int) -> [String] {
        value.split(separator: 0x20, maxSplits: count, omittingEmptySubsequences: false).prefix(count).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    private func publish(_ keys: [String], _ arguments: [String]) -> RedisValue {
        let version = Int64(arguments[2])!
        if let stored = content.hashes[keys[2]]?[arguments[1]] {
            let words = words(stored, 3)
            if words.count == 3, let other = Int64(words[0]), other > 0, other <= 1 << 50 {
                let isAsGood =
                    arguments.count < 9 || arguments[8].isEmpty || (Self.signed(stored) ?? 0) > Int64(arguments[8])! - 3_600_000_000_000
                if other == version, words[1] == arguments[3], isAsGood { return .array([Self.text("same"), Self.text(words[2])]) }
                if other > version || (other == version && arguments[3].utf8.lexicographicallyPrecedes(words[1].utf8)) {
                    return .array([Self.text("older"), .bytes(stored)])
                }
            }
        } else if (content.hashes[keys[2]]?.count ?? 0) >= Int(arguments[6])! {
            return .array([Self.text("full")])
        }
        if content.texts[keys[0]] == nil { content.texts[keys[0]] = arguments[0] }
        var counter = (content.texts[keys[1]].flatMap { Int64($0) } ?? 0) + 1
        if counter < version || counter > 1 << 50 { counter = version }
        content.texts[keys[1]] = String(counter)
        lastEvent = now > lastEvent.0 ? (now, 0) : (lastEvent.0, lastEvent.1 + 1)
        content.streams[keys[3], default: []].append(("\(lastEvent.0)-\(lastEvent.1)", arguments[1]))
        let value = "\(version) \(arguments[3]) \(lastEvent.0)-\(lastEvent.1) \(arguments[4])"
        content.hashes[keys[2], default: [:]][arguments[1]] = Array(value.utf8)
        let limit = streamLimit ?? Int(arguments[7])!
        content.streams[keys[3]] = content.streams[keys[3]]!.suffix(limit)
        onPublish(arguments[5], arguments[3])
        return .array([Self.text("written"), Self.text("\(lastEvent.0)-\(lastEvent.1)")])
    }

    /// When a value was signed.
    private static func signed(_ stored: [UInt8]) -> Int64? {
        let text = String(decoding: stored, as: UTF8.self)
        guard let start = text.range(of: "\"signed\":", options: .backwards)?.upperBound else { return nil }
        return Int64(text[start...].prefix { $0.isNumber })
    }

    private func read(_ keys: [String], _ arguments: [String]) -> RedisValue {
        let epoch = content.texts[keys[0]] ?? arguments[0]
        content.texts[keys[0]] = epoch
        let version = content.texts[keys[1]] ?? "0"
        let stream = content.streams[keys[3]] ?? []
        let newest = stream.last?.id ?? "0-0"
        func reply(_ state: String, _ last: String, _ rest: [RedisValue] = []) -> RedisValue {
            .array([state, epoch, version, newest, last].map(Self.text) + rest)
        }
        if epoch != arguments[1] || arguments[2].isEmpty { return reply("gap", newest) }
        if newest == arguments[2] { return reply("same", newest) }
        var events = stream[...]
        if arguments[2] == "0-0" {
            // Below a thousand nothing was ever forgotten; here that is the limit.
            if stream.count > streamLimit.map({ $0 - 1 }) ?? 1000 { return reply("gap", newest) }
        } else {
            guard let at = stream.firstIndex(where: { $0.id == arguments[2] }) else { return reply("gap", newest) }
            events = stream[(at + 1)...]
        }
        var values: [RedisValue] = []
        var seen: Set<String> = []
        var bytes = 0
        var last = newest
        for event in events.prefix(Int(arguments[3])!) {
            if seen.insert(event.field).inserted, let value = content.hashes[keys[2]]?[event.field] {
                values += [Self.text(event.field), .bytes(value)]
                bytes += value.count
            }
            last = event.id
            if bytes > Int(arguments[4])! { break }
        }
        return reply("part", last, values)
    }

    private func purge(_ keys: [String], _ arguments: [String]) -> RedisValue {
        var removed: Int64 = 0
        for index in stride(from: 0, to: arguments.count, by: 2) {
            guard content.hashes[keys[2]]?[arguments[index]]?.starts(with: arguments[index + 1].utf8) == true else { continue }
            content.hashes[keys[2]]?[arguments[index]] = nil
            removed += 1
        }
        return .integer(removed)
    }

    private func heartbeat(_ key: String, _ arguments: [String]) -> RedisValue {
        var (joined, previous, returns, contested) = (now, "0", Int64(0), Int64(0))
        if let stored = content.hashes[key]?[arguments[0]] {
            let words = words(stored, 6)
            let numbers = words.map { Int64($0) }
            if words.count == 6, let seen = numbers[0], let j = numbers[1], let r = numbers[4], let c = numbers[5] {
                (returns, contested) = (0, 0)
                if words[2] == arguments[1] {
                    (joined, previous, returns, contested) = (j, words[3], r, c)
                } else {
                    previous = words[2]
                    if words[3] == arguments[1], now - seen < 15_000 { returns = r + 1 }
                    if returns >= 2 { contested = now }
                }
                if contested > 0, now - contested >= 15_000 { (returns, contested) = (0, 0) }
            }
        }
        let field = "\(now) \(joined) \(arguments[1]) \(previous) \(returns) \(contested) \(arguments[2])"
        content.hashes[key, default: [:]][arguments[0]] = Array(field.utf8)
        let size = content.hashes[key]!.count
        var reply = [Self.text(String(now)), Self.text(String(size)), Self.text(contested > 0 ? "1" : "0")]
        if arguments[3] == "1", size <= Int(arguments[5])! {
            for (node, value) in content.hashes[key]! {
                if let seen = Int64(words(value, 1)[0]), now - seen <= Int64(arguments[4])! {
                    reply += [Self.text(node), .bytes(value)]
                } else {
                    content.hashes[key]![node] = nil
                }
            }
        }
        return .array(reply)
    }

    private func leave(_ key: String, _ arguments: [String]) -> RedisValue {
        guard let stored = content.hashes[key]?[arguments[0]] else { return .integer(1) }
        let words = words(stored, 3)
        if arguments[1].isEmpty {
            if let seen = Int64(words[0]), now - seen < 15_000 { return .integer(0) }
        } else if words.count == 3, words[2] != arguments[1] {
            return .integer(0)
        }
        content.hashes[key]![arguments[0]] = nil
        return .integer(1)
    }

    private func count(_ key: String, _ arguments: [String]) -> RedisValue {
        let (bucket, keep, window, amount) = (now / 10_000, Int64(arguments[3])!, Int64(arguments[4])!, Int64(arguments[2])!)
        if let end = content.ends[key], end <= now { content.hashes[key] = nil }
        var hash = content.hashes[key] ?? [:]
        func number(_ field: String) -> Int64 { hash[field].flatMap { Int64(words($0, 1)[0]) } ?? 0 }
        if amount > 0 {
            if Int64(arguments[1])! > number("s" + arguments[0]) {
                hash["b\(bucket)"] = Array(String(number("b\(bucket)") + amount).utf8)
                hash["s" + arguments[0]] = Array("\(arguments[1]) \(bucket)".utf8)
            }
            content.ends[key] = now + keep + 20_000
        }
        var sum = 0.0
        for field in hash.keys where window > 0 && field.hasPrefix("b") {
            let end = Double(Int64(field.dropFirst())! * 10_000 + 10_000 - (now - window))
            sum += Double(number(field)) * min(1, max(0, end / 10_000))
        }
        content.hashes[key] = hash
        return .integer(Int64(sum))
    }

    private func claim(_ key: String, _ arguments: [String]) -> RedisValue {
        if let end = content.ends[key], end > now { return .integer(content.texts[key] == arguments[0] ? 1 : 0) }
        content.texts[key] = arguments[0]
        content.ends[key] = now + Int64(arguments[1])!
        return .integer(1)
    }
}
