import Foundation

/// *Value* (namespace): the records of a log directory, read as an operator reads them.
enum Logs {
    static func records(_ directory: String, _ scratch: Scratch) throws -> [[String: Any]] {
        let files = try FileManager.default.contentsOfDirectory(atPath: directory).sorted().map { directory + "/" + $0 }
        guard !files.isEmpty else { return [] }
        let output = scratch.file("records-\(UInt32.random(in: .min ... .max))")
        // A segment that a killed node left has no end: zstd says so and shows what is there.
        let program = try scratch.run("/usr/bin/env", ["zstd", "-dcf"] + files, output: output)
        guard program.wait(60) != nil else { throw Failure("zstdcat does not end") }
        return try Data(contentsOf: URL(fileURLWithPath: output)).split(separator: 10).map { line in
            guard let record = try? JSONSerialization.jsonObject(with: line) as? [String: Any] else {
                throw Failure("a log record is not JSON: \(String(decoding: line.prefix(200), as: UTF8.self))")
            }
            return record
        }
    }
}
