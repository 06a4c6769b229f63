import Glibc
import Message
import NIOCore
import Spool
import Synchronization
import Telemetry

final class Count: SpoolMailbox {
    let good = Atomic<Int>(0)
    let bad = Atomic<Int>(0)
    func deliver(_ completions: [SpoolCompletion]) {
        for completion in completions {
            switch completion.result {
            case .success(let handles): good.add(handles.count, ordering: .relaxed)
            case .failure: bad.add(1, ordering: .relaxed)
            }
        }
    }
}

/// `spool-bench DIRECTORY [MESSAGES] [BODY-BYTES]`: appends, closes, recovers; prints what each took.
@main
struct Bench {
    static func now() -> Double {
        var t = timespec()
        clock_gettime(CLOCK_MONOTONIC, &t)
        return Double(t.tv_sec) + Double(t.tv_nsec) / 1e9
    }
    static func resident() -> Int {
        guard let f = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(f) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, 128, f) != nil else { return 0 }
        let fields = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: " ")
        return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * 4096
    }
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 2 else {
            print("usage: spool-bench DIRECTORY [MESSAGES] [BODY-BYTES]")
            exit(2)
        }
        let total = arguments.count > 2 ? Int(arguments[2]) ?? 0 : 1_000_000
        let size = arguments.count > 3 ? Int(arguments[3]) ?? 0 : 1024
        let options = SpoolOptions(directory: arguments[1], nodeID: "bench", minFreeSpace: 0, minFreeInodes: 0)
        let body = ByteBuffer(repeating: 0x61, count: size)
        let headers = ByteBuffer(repeating: 0x62, count: 300)
        do {
            let spool = try Spool(options, metrics: MetricRegistry())
            let count = Count()
            let start = now()
            for i in 0..<total {
                while i - count.good.load(ordering: .relaxed) - count.bad.load(ordering: .relaxed) > 400 { usleep(20) }
                let envelope = SpoolEnvelope(
                    sender: "sender@example.com", recipients: ["user\(i)@example\(i % 100).com"], queue: "example\(i % 100).com",
                    created: 1, due: 2)
                spool.append(
                    [SpoolDraft(id: MessageID(high: 7, low: UInt64(i + 1)), envelope: envelope, headers: headers, body: .inline(body))],
                    durability: .fsync, ticket: UInt64(i), to: count)
            }
            while count.good.load(ordering: .relaxed) + count.bad.load(ordering: .relaxed) < total { usleep(100) }
            let seconds = now() - start
            print(
                "append: \(total) messages of \(size) bytes in \(seconds) s, \(Int(Double(total) / seconds))/s fsync, failed \(count.bad.load(ordering: .relaxed))"
            )
            spool.close()
        }
        let before = resident()
        let spool = try Spool(options, metrics: MetricRegistry())
        let start = now()
        let finished = Atomic<Bool>(false)
        nonisolated(unsafe) var summary = RecoverySummary()
        spool.recover(
            batch: { _ in },
            finished: {
                summary = $0
                finished.store(true, ordering: .releasing)
            })
        while !finished.load(ordering: .acquiring) { usleep(1000) }
        print(
            "recover: \(summary.messages) messages, \(summary.segments) segments, \(summary.bytesScanned >> 20) MiB in \(now() - start) s; resident +\((resident() - before) / max(1, summary.messages)) bytes a message"
        )
        spool.close()
    }
}
