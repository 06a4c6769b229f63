import Glibc
import Message
import Platform
import Telemetry
import Testing

@testable import Spool

/// A real process on the real disk, killed with SIGKILL at random instants, again and again on the same directory.
@Suite struct TortureTests {
    /// The helper lies beside the test bundle.
    private static func helper() -> String? {
        guard let maps = fopen("/proc/self/maps", "r") else { return nil }
        defer { fclose(maps) }
        var line = [CChar](repeating: 0, count: 4096)
        var bundle: String?
        while bundle == nil, fgets(&line, 4096, maps) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            guard let start = text.firstIndex(of: "/"), text.contains(".xctest") else { continue }
            bundle = String(text[start...])
        }
        guard let path = bundle else { return nil }
        guard let slash = path.lastIndex(of: "/") else { return nil }
        let candidate = path[..<slash] + "/spool-torture"
        return access(String(candidate), X_OK) == 0 ? String(candidate) : nil
    }

    @Test func killNine() throws {
        let helper = try #require(Self.helper())
        let folder = Folder()
        let directory = folder.path + "/spool"
        let seed = UInt64.random(in: 0..<1_000_000)
        var random = SplitMix(seed)
        var acknowledged: Set<UInt64> = []
        var asked: Set<UInt64> = []
        var next: UInt64 = 1
        for round in 0..<12 {
            let lines = try run(helper, [directory, String(next)], killAfter: UInt32.random(in: 1_000...120_000, using: &random))
            for line in lines {
                guard let number = UInt64(line.dropFirst(2)) else { continue }
                if line.hasPrefix("A ") { acknowledged.insert(number) } else { asked.insert(number) }
            }
            next = max(next, (acknowledged.max() ?? 0) + 10_000)
            var options = SpoolOptions(directory: directory, nodeID: "torture", segmentSize: 256 << 10, minFreeSpace: 0, minFreeInodes: 0)
            options.compactionLivePercent = 0
            let spool = try Spool.reopened(options)
            let (found, summary) = spool.recovered()
            let present = Set(found.map(\.id.low))
            #expect(present.count == found.count, "seed \(seed) round \(round): a message twice")
            // The helper finishes multiples of three, and recovered messages with even numbers.
            let lost = acknowledged.filter { !present.contains($0) && $0 % 3 != 0 && $0 % 2 != 0 }
            #expect(lost.isEmpty, "seed \(seed) round \(round): lost \(lost.sorted().prefix(5))")
            #expect(summary.corruptRecords == 0 && summary.damagedBodies == 0, "seed \(seed) round \(round): \(summary)")
            for message in found.prefix(200) {
                let read = try spool.message(message.handle).get()
                #expect(read.bodyLength == Int(message.id.low % 4000))
            }
            spool.close()
        }
        #expect(!acknowledged.isEmpty && !asked.isEmpty, "seed \(seed): nothing was written")
    }

    private func run(_ helper: String, _ arguments: [String], killAfter microseconds: UInt32) throws -> [Substring] {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var pid = pid_t()
        let words = ([helper] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        try #require(posix_spawn(&pid, helper, &actions, nil, words, environ) == 0)
        close(ends[1])
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        // The clock starts with the first acknowledgement, so that a slow machine is killed at work too.
        var killer: WorkerThread?
        while true {
            let n = read(ends[0], &chunk, chunk.count)
            if n <= 0 { break }
            output += chunk[..<n]
            if killer == nil {
                let victim = pid
                killer = try? WorkerThread(name: "killer") {
                    usleep(microseconds)
                    kill(victim, SIGKILL)
                }
            }
        }
        close(ends[0])
        killer?.join()
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        // A line cut off by the kill was not acknowledged.
        let text = String(decoding: output, as: UTF8.self)
        let complete = text.lastIndex(of: "\n").map { text[..<$0] } ?? ""
        return complete.split(separator: "\n")
    }
}
