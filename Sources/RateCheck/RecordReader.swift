/// Reads records from bytes that come in pieces of any size. *State machine.*
///
/// Everything is bounded: a line has at most `longestLine` bytes, names are those of a `NameTable`. The first thing that is no record ends
/// the reading with an error that names its line (or the number of the binary record).
package struct RecordReader: Sendable {
    /// Bytes a line may have, its end not counted. A message of a sink may have many recipients.
    package static let longestLine = 64 << 10

    private enum Mode { case unknown, text, binary }

    private let form: RecordForm
    private let source: String
    private var mode = Mode.unknown
    private var rest: [UInt8] = []
    private var number = 0

    /// A reader at the beginning of `source`, which errors name.
    package init(_ form: RecordForm, source: String) {
        self.form = form
        self.source = source
        if case .sink = form { mode = .text }
    }

    /// The number of the last line or binary record, from 1.
    package var position: Int { number }

    /// Reads what is complete in `bytes` and what was left over.
    package mutating func read(
        _ bytes: some Collection<UInt8>, names: inout NameTable, into records: inout [CheckRecord]
    ) throws(CheckError) {
        rest.append(contentsOf: bytes)
        if mode == .unknown {
            let seen = rest.prefix(RecordForm.magic.count)
            if !RecordForm.magic.starts(with: seen) {
                mode = .text
            } else if seen.count == RecordForm.magic.count {
                mode = .binary
                rest.removeFirst(seen.count)
            } else {
                return
            }
        }
        var at = 0
        if mode == .binary {
            while rest.count - at >= RecordForm.binarySize {
                number += 1
                records.append(try binary(at, names: &names))
                at += RecordForm.binarySize
            }
        } else {
            while let end = rest[at...].firstIndex(of: 0x0A) {
                try line(rest[at..<end], names: &names, into: &records)
                at = end + 1
            }
            if rest.count - at > Self.longestLine { throw wrong("the line is longer than \(Self.longestLine) bytes", line: number + 1) }
        }
        rest.removeFirst(at)
    }

    /// The bytes have ended. A last line without its end is taken: a process that was killed may leave a *part* of a line, which then is an
    /// error unless `allowsTorn`.
    package mutating func finish(
        allowsTorn: Bool = false, names: inout NameTable, into records: inout [CheckRecord]
    ) throws(CheckError) {
        guard !rest.isEmpty else { return }
        defer { rest = [] }
        if allowsTorn { return }
        if mode == .binary { throw wrong("the last record is cut short (allow it with --torn)", line: number + 1) }
        try line(rest[...], names: &names, into: &records)
    }

    private func wrong(_ reason: String, line: Int) -> CheckError {
        CheckError(.record, "\(source): \(mode == .binary ? "record" : "line") \(line): \(reason)")
    }

    // MARK: Text

    private mutating func line(
        _ bytes: ArraySlice<UInt8>, names: inout NameTable, into records: inout [CheckRecord]
    ) throws(CheckError) {
        number += 1
        guard bytes.count <= Self.longestLine else { throw wrong("the line is longer than \(Self.longestLine) bytes", line: number) }
        if bytes.isEmpty || bytes.first == UInt8(ascii: "#") { return }
        if case .sink(let usesMailTime) = form {
            records.append(try sinkRecord(bytes, usesMailTime: usesMailTime, names: &names))
            return
        }
        let fields = bytes.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D })
        let takesChange = form == .connections
        guard (takesChange ? 3...5 : 2...3).contains(fields.count) else {
            throw wrong("it must be 'nanoseconds key \(takesChange ? "+1|-1 " : "")[node]'", line: number)
        }
        var record = CheckRecord(time: try time(fields[0]), key: try name(fields[1], names: &names))
        var next = 2
        if takesChange {
            switch String(decoding: fields[2], as: UTF8.self) {
            case "+1": record.change = 1
            case "-1": record.change = -1
            default: throw wrong("the third field must be +1 or -1", line: number)
            }
            next = 3
        }
        if fields.count > next { record.node = try name(fields[next], names: &names) }
        records.append(record)
    }

    private func sinkRecord(_ bytes: ArraySlice<UInt8>, usesMailTime: Bool, names: inout NameTable) throws(CheckError) -> CheckRecord {
        let fields = bytes.split(separator: 0x09, omittingEmptySubsequences: false)
        guard fields.count == 6 else {
            throw wrong("it has \(fields.count) fields instead of 6; 'apus sink --record' must run with --record-details", line: number)
        }
        guard let at = fields[2].firstIndex(of: UInt8(ascii: "@")) else { throw wrong("the recipient has no domain", line: number) }
        let domain = fields[2][(at + 1)...].prefix { $0 != UInt8(ascii: ",") }
        var record = CheckRecord(time: try time(fields[usesMailTime ? 5 : 0]), key: try name(domain, names: &names))
        if !fields[4].isEmpty { record.node = try name(fields[4], names: &names) }
        return record
    }

    private func time(_ field: ArraySlice<UInt8>) throws(CheckError) -> Int64 {
        var value: Int64 = 0
        guard !field.isEmpty, field.count <= 18 else { throw wrong("the time must be nanoseconds, at most 18 digits", line: number) }
        for byte in field {
            guard byte &- 0x30 < 10 else { throw wrong("the time must be nanoseconds, at most 18 digits", line: number) }
            value = value * 10 + Int64(byte &- 0x30)
        }
        return value
    }

    private func name(_ field: some Collection<UInt8>, names: inout NameTable) throws(CheckError) -> Int32 {
        guard let number = names.number(of: field) else {
            throw wrong(
                "a name is empty, longer than \(NameTable.longest) bytes, or one more than \(NameTable.capacity)", line: number)
        }
        return number
    }

    // MARK: Binary

    private func binary(_ at: Int, names: inout NameTable) throws(CheckError) -> CheckRecord {
        func integer(_ offset: Int, _ count: Int) -> UInt64 {
            (0..<count).reduce(0) { $0 | UInt64(rest[at + offset + $1]) << UInt64(8 * $1) }
        }
        let time = Int64(bitPattern: integer(0, 8))
        let key = UInt32(truncatingIfNeeded: integer(8, 4))
        let node = Int32(bitPattern: UInt32(truncatingIfNeeded: integer(12, 4)))
        let change = Int8(bitPattern: rest[at + 16])
        guard time >= 0, time < 1_000_000_000_000_000_000 else { throw wrong("the time is not in monotonic nanoseconds", line: number) }
        guard change == 1 || change == -1 && form == .connections else { throw wrong("the change is not +1 or -1", line: number) }
        guard integer(17, 7) == 0 else { throw wrong("the padding is not zero", line: number) }
        guard node >= -1 else { throw wrong("the node is negative", line: number) }
        var record = CheckRecord(time: time, key: try name("key\(key)".utf8, names: &names), change: change)
        if node >= 0 { record.node = try name("node\(node)".utf8, names: &names) }
        return record
    }
}
