import Testing

@testable import RateCheck

/// Records from bytes: every form, every cut, and what is no record.
@Suite struct RecordReaderTests {
    struct Read: Equatable {
        var lines: [String] = []
        var error: String?
    }

    /// Reads the bytes in the pieces that `cut` makes.
    static func read(_ bytes: [UInt8], _ form: RecordForm = .rates, torn: Bool = false, cut: (Int) -> Int = { $0 }) -> Read {
        var reader = RecordReader(form, source: "f")
        var names = NameTable()
        var records: [CheckRecord] = []
        var read = Read()
        do {
            var at = 0
            while at < bytes.count {
                let size = min(max(1, cut(bytes.count - at)), bytes.count - at)
                try reader.read(bytes[at..<(at + size)], names: &names, into: &records)
                at += size
            }
            try reader.finish(allowsTorn: torn, names: &names, into: &records)
        } catch { read.error = error.message }
        read.lines = records.map { "\($0.time) \(names.name($0.key)) \($0.change) \(names.name($0.node))" }
        return read
    }

    static func binary(_ records: [(Int64, UInt32, Int32, Int8)]) -> [UInt8] {
        records.reduce(into: RecordForm.magic) { bytes, record in
            for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: record.0 >> Int64(8 * shift))) }
            for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: record.1 >> UInt32(8 * shift))) }
            for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: record.2 >> Int32(8 * shift))) }
            bytes.append(UInt8(bitPattern: record.3))
            bytes.append(contentsOf: [UInt8](repeating: 0, count: 7))
        }
    }

    static let samples: [(form: RecordForm, bytes: [UInt8], lines: [String])] = [
        (.rates, Array("1 a\n# a comment\n\n2\tb n1\r\n3 a n2".utf8), ["1 a 1 -", "2 b 1 n1", "3 a 1 n2"]),
        (.connections, Array("1 a +1\n2 a -1 n1\n3 b +1 - 17\n".utf8), ["1 a 1 -", "2 a -1 n1", "3 b 1 -"]),
        (.rates, binary([(7, 0, 3, 1), (8, 1, -1, 1)]), ["7 key0 1 node3", "8 key1 1 -"]),
        (.connections, binary([(7, 0, 3, 1), (8, 0, 3, -1)]), ["7 key0 1 node3", "8 key0 -1 node3"]),
        (
            .sink(usesMailTime: true), Array("90\t1\tx@d.test,y@e.test\t<id>\tn1.test\t80\n95\t2\tz@d.test\t\t\t85\n".utf8),
            ["80 d.test 1 n1.test", "85 d.test 1 -"]
        ),
        (.sink(usesMailTime: false), Array("90\t1\tx@d.test\t<id>\tn1.test\t80\n".utf8), ["90 d.test 1 n1.test"]),
    ]

    @Test(arguments: samples.indices) func reads(_ index: Int) {
        let sample = Self.samples[index]
        let whole = Self.read(sample.bytes, sample.form)
        #expect(whole == Read(lines: sample.lines))
        #expect(Self.read(sample.bytes, sample.form) { _ in 1 } == whole)
        for seed in 1...40 as ClosedRange<UInt64> {
            var random = Seeded(seed)
            #expect(Self.read(sample.bytes, sample.form) { Int.random(in: 1...$0, using: &random) } == whole, "seed \(seed)")
        }
    }

    @Test(arguments: [
        ("1 a\nx a\n", "line 2"), ("1\n", "line 1"), ("1 a\n\n-5 a\n", "line 3"), ("1 a b c\n", "line 1"),
        ("9999999999999999999 a\n", "line 1"),
        ("1 " + String(repeating: "k", count: 300) + "\n", "line 1"), ("1 a\n1\u{0} a\n", "line 2"), ("1 a\n2", "line 2"),
    ])
    func namesTheLine(_ text: String, _ place: String) {
        for size in [Int.max, 1, 3] {
            let read = Self.read(Array(text.utf8)) { min($0, size) }
            #expect(read.error?.hasPrefix("f: \(place): ") == true, "\(read)")
        }
    }

    @Test(arguments: [("1 a\n", "line 1"), ("1 a 1\n", "line 1"), ("1 a +1\n2 a +2\n", "line 2"), ("1 a +1 n s x\n", "line 1")])
    func namesTheLineOfConnections(_ text: String, _ place: String) {
        #expect(Self.read(Array(text.utf8), .connections).error?.contains(place) == true)
    }

    @Test(arguments: [("1\t2\tx@d\tid\n", "4 fields"), ("1\t2\tx\tid\tn\t1\n", "no domain"), ("1\t2\tx@\tid\tn\t1\n", "name")])
    func namesWhatTheSinkLacks(_ text: String, _ reason: String) {
        #expect(Self.read(Array(text.utf8), .sink(usesMailTime: true)).error?.contains(reason) == true)
    }

    @Test func binaryThatIsNone() {
        for record in [(-1, 0, 0, 1), (1, 0, -2, 1), (1, 0, 0, 2), (1, 0, 0, -1)] as [(Int64, UInt32, Int32, Int8)] {
            #expect(Self.read(Self.binary([(1, 0, 0, 1), record])).error?.contains("record 2") == true, "\(record)")
        }
        var padded = Self.binary([(1, 0, 0, 1)])
        padded[padded.count - 1] = 1
        #expect(Self.read(padded).error?.contains("record 1") == true)
        let cut = Array(Self.binary([(1, 0, 0, 1), (2, 0, 0, 1)]).dropLast(5))
        #expect(Self.read(cut).error?.contains("record 2") == true)
        #expect(Self.read(cut, torn: true) == Read(lines: ["1 key0 1 node0"]))
    }

    @Test func boundsTheLine() {
        var reader = RecordReader(.rates, source: "f")
        var names = NameTable()
        var records: [CheckRecord] = []
        var error: CheckError?
        var fed = 0
        while error == nil, fed < 1 << 20 {
            do { try reader.read([UInt8](repeating: 0x31, count: 1000), names: &names, into: &records) } catch let caught { error = caught }
            fed += 1000
        }
        #expect(fed <= RecordReader.longestLine + 1000)
        #expect(error?.message.contains("line 1") == true)
    }

    @Test func boundsTheNames() {
        var names = NameTable()
        for n in 0..<NameTable.capacity { #expect(names.number(of: "\(n)".utf8) == Int32(n)) }
        #expect(names.number(of: "one more".utf8) == nil)
        #expect(names.number(of: "7".utf8) == 7)
    }

    @Test(arguments: 1...60) func hostileBytesNeverTrap(_ seed: UInt64) {
        var random = Seeded(seed)
        let alphabet = Array("0123456789 \t\n\r+-@,kn\u{0}APUSREC1".utf8)
        let bytes = (0..<400).map { _ in alphabet.randomElement(using: &random) ?? 0 }
        for form in [RecordForm.rates, .connections, .sink(usesMailTime: true)] {
            let whole = Self.read(bytes, form)
            #expect(Self.read(bytes, form) { _ in 1 } == whole, "seed \(seed)")
            #expect(Self.read(RecordForm.magic + bytes, form) == Self.read(RecordForm.magic + bytes, form) { _ in 7 }, "seed \(seed)")
        }
    }
}
