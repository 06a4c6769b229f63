import CZstd
import Foundation

/// One delivery log record as a test reads it. *Value.*
struct LoggedRecord: Decodable {
    struct Response: Decodable {
        struct Enhanced: Decodable {
            var `class`: Int
            var subject: Int
            var detail: Int
        }
        var code: Int
        var enhanced_code: Enhanced?
        var content: String
        var command: String?

        var enhanced: String { enhanced_code.map { "\($0.class).\($0.subject).\($0.detail)" } ?? "" }
    }

    /// *Value*: one recipient, or a list of them.
    struct Recipients: Decodable {
        var all: [String]
        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let one = try? container.decode(String.self) { all = [one] } else { all = try container.decode([String].self) }
        }
    }

    struct Source: Decodable { var address: String }

    var type: String
    var id: String
    var recipient: Recipients
    var queue: String?
    var tls_protocol_version: String?
    var reception_protocol: String?
    var site: String?
    var response: Response
    var num_attempts: Int
    var egress_source: String?
    var source_address: Source?
    var event_time: Double?
    var meta: [String: String]

    private enum CodingKeys: String, CodingKey {
        case type, id, recipient, queue, tls_protocol_version, reception_protocol, site, response, num_attempts, egress_source,
            source_address, event_time, meta
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        type = try values.decode(String.self, forKey: .type)
        id = try values.decode(String.self, forKey: .id)
        recipient = try values.decode(Recipients.self, forKey: .recipient)
        queue = try values.decodeIfPresent(String.self, forKey: .queue)
        tls_protocol_version = try values.decodeIfPresent(String.self, forKey: .tls_protocol_version)
        reception_protocol = try values.decodeIfPresent(String.self, forKey: .reception_protocol)
        site = try values.decodeIfPresent(String.self, forKey: .site)
        response = try values.decode(Response.self, forKey: .response)
        num_attempts = try values.decode(Int.self, forKey: .num_attempts)
        egress_source = try values.decodeIfPresent(String.self, forKey: .egress_source)
        source_address = try values.decodeIfPresent(Source.self, forKey: .source_address)
        event_time = (try? values.decodeIfPresent(Double.self, forKey: .event_time)) ?? nil
        meta = (try? values.decode([String: String].self, forKey: .meta)) ?? [:]
    }
}

/// Reads a directory of zstd segments. *Value* (a namespace).
enum LogFiles {
    /// Every record of the closed segments, in order of the files' names.
    static func records(in directory: String) throws -> [LoggedRecord] {
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted()
        return try names.flatMap { name -> [LoggedRecord] in
            let bytes = FileManager.default.contents(atPath: "\(directory)/\(name)") ?? Data()
            return try text(Array(bytes)).split(separator: "\n").map { try JSONDecoder().decode(LoggedRecord.self, from: Data($0.utf8)) }
        }
    }

    private static func text(_ bytes: [UInt8]) -> String {
        let context = ZSTD_createDCtx()
        defer { ZSTD_freeDCtx(context) }
        var out: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: ZSTD_DStreamOutSize())
        bytes.withUnsafeBytes { source in
            var input = ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: 0)
            while true {
                let before = input.pos
                let (result, produced) = chunk.withUnsafeMutableBytes { target in
                    var output = ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
                    return (ZSTD_decompressStream(context, &output, &input), output.pos)
                }
                if ZSTD_isError(result) != 0 { return }
                out += chunk[..<produced]
                if produced == 0, input.pos == before { return }
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
