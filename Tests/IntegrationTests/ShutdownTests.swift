import Foundation
import Glibc
import Sink
import Testing

extension IntegrationTests {
    /// SIGTERM while mail comes in and goes out.
    @Suite(.serialized, .timeLimit(.minutes(10))) struct ShutdownTests {
        @Test func stopsCleanlyUnderLoad() async throws {
            try await Scratch.with("term") { scratch in
                let record = scratch.file("record")
                // Slow enough that there is always something in flight.
                let sink = try await Sink.local(record: record, rules: ["dot=delay=20ms"])
                let policy = Policy(sink: sink.port)
                let load = Load("term", size: 3000, domains: ["a.test", "b.test"])
                load.start(sessions: 6)
                let first = try scratch.node(policy)
                load.aim(at: first.smtp)
                _ = eventually(within: 20) { load.acceptedCount > 500 }
                let (ending, seconds) = first.stop(within: 20)
                load.aim(at: 0)
                print("shutdown: \(load.acceptedCount) accepted, exit after \(Int(seconds * 1000)) ms")
                #expect(ending == .exited(0))
                #expect(seconds < 10)
                #expect(load.stop())

                let second = try scratch.node(policy)
                let isEmpty = try second.becomesEmpty(within: 60)
                #expect(isEmpty)
                #expect(second.stop().ending == .exited(0))
                await sink.stop()
                let arrivals = try Arrivals([record])
                #expect(load.accepted.subtracting(arrivals.times.keys).isEmpty)
                #expect(arrivals.duplicates == 0, "a clean stop leaves nothing to repeat")
            }
        }

        @Test func stopsAtOnceWhenIdle() async throws {
            try await Scratch.with("idle") { scratch in
                for signal in [SIGTERM, SIGINT] {
                    let node = try scratch.node(Policy(sink: 1))
                    let idle = try Wire.session(port: node.smtp)
                    let start = Now.seconds
                    node.program.signal(signal)
                    #expect(node.program.wait(15) == .exited(0))
                    #expect(Now.seconds - start < 5)
                    // An idle session is told why.
                    #expect(String(decoding: idle.rest(), as: UTF8.self).hasPrefix("421 "))
                }
            }
        }
    }
}
