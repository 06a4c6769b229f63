import Foundation
import NIOCore
import NIOPosix
import Sink

/// *Value*: what arrived at the sinks: every arrival of every Message-ID, with its time.
struct Arrivals {
    /// Monotonic nanoseconds of each arrival, in order.
    var times: [String: [Int64]] = [:]
    /// The arrivals after which nothing came on their connection: their reply may never have been read.
    private var last: [String: Int64] = [:]
    private var lastTimes: Set<Int64> = []

    init(_ files: [String]) throws {
        for file in files {
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
            for line in bytes.split(separator: 10) {
                let fields = line.split(separator: 9, omittingEmptySubsequences: false)
                guard fields.count == 4, let time = Int64(String(decoding: fields[0], as: UTF8.self)) else {
                    throw Failure("a damaged line in \(file): \(String(decoding: line.prefix(200), as: UTF8.self))")
                }
                let id = String(decoding: fields[3].filter { $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">") }, as: UTF8.self)
                times[id, default: []].append(time)
                last[file + String(decoding: fields[1], as: UTF8.self)] = time
            }
        }
        lastTimes = Set(last.values)
        for id in times.keys { times[id]?.sort() }
    }

    /// Whether nothing arrived later on the connection of this arrival.
    func wasLastOnItsConnection(_ time: Int64) -> Bool { lastTimes.contains(time) }

    var count: Int { times.values.reduce(0) { $0 + $1.count } }
    var duplicates: Int { times.values.reduce(0) { $0 + $1.count - 1 } }
}

extension Sink {
    /// Starts a sink in this process.
    static func local(_ port: Int = 0, record: String? = nil, rules: [String] = [], seed: UInt64 = 1) async throws -> Sink {
        var configuration = SinkConfiguration(listen: "127.0.0.1:\(port)")
        configuration.recordFile = record
        configuration.rules = try rules.map { try SinkRule(parsing: $0) }
        configuration.seed = seed
        return try await Sink.start(configuration, group: MultiThreadedEventLoopGroup.singleton)
    }

    var port: Int { address.port ?? 0 }
}
