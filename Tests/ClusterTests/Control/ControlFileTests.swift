import Glibc
import Synchronization
import Testing

@testable import Cluster

@Suite struct ControlFileTests {
    private let scratch = ScratchDirectory()
    private let wall = WallClock()

    private func open(_ name: String = "a") throws -> ControlState {
        try ControlState(directory: scratch.sub(name), node: "node-a", settlesItself: false, clock: wall.read, steady: wall.readSteady)
    }

    private func filled(_ count: Int = 5) throws -> ControlState {
        let state = try open()
        for number in 0..<count {
            _ = try state.issue(ControlEntry(id: "fact:\(number)", kind: .brokenTLS, payload: "{\"n\":\(number)}"))
        }
        return state
    }

    private var path: String { scratch.sub("a") + "/control.state" }

    @Test(arguments: [
        ControlLine.format, .position(highest: 7, contact: 9, nil),
        .position(highest: 1, contact: -5, ControlPosition(epoch: "abc", event: "12-3")),
        .position(highest: 0, contact: 0, ControlPosition(epoch: "-" + "x", event: "")),
        .entry(isPending: true, json: Array("{}".utf8)), .acknowledged(id: "x", version: 3), .dropped(id: "y:z", version: 4),
    ])
    func `a line reads back, and no line with one changed byte does`(line: ControlLine) {
        var bytes: [UInt8] = []
        line.append(to: &bytes)
        #expect(bytes.last == 0x0a)
        bytes.removeLast()
        #expect(ControlLine(bytes[...]) == line)
        for at in bytes.indices {
            for bit in 0..<8 {
                var wrong = bytes
                wrong[at] ^= 1 << bit
                // The hexadecimal digits of the checksum may be large letters.
                #expect(ControlLine(wrong[...]) == nil || (at < 8 && bit == 5))
            }
        }
    }

    @Test func `checksum is the known one`() { #expect(LineChecksum.of("123456789".utf8) == 0xcbf4_3926) }

    @Test func `what was issued is there after a restart, and removals are remembered`() throws {
        let state = try filled()
        #expect(try state.remove(id: "fact:2", issuer: "joe"))
        let again = try open()
        #expect(again.entries == state.entries)
        #expect(again.entries.count == 4)
        #expect(again.status.tombstones == 1)
        #expect(again.status.pending == 5)
        let next = try again.issue(ControlEntry(id: "fact:9", kind: .brokenTLS))
        #expect(next.version == 7)
    }

    @Test func `the highest version survives the end of the entry that had it`() throws {
        let state = try open()
        let first = try state.issue(ControlEntry(id: "x", kind: .warmup, expires: wall.now + WallClock.second))
        wall.advance(seconds: 5)
        let again = try open()
        #expect(again.entries.isEmpty)
        let third = try open().issue(ControlEntry(id: "x", kind: .warmup))
        #expect(third.version > first.version)
    }

    @Test func `an incomplete end is cut off, wherever it was cut`() throws {
        _ = try filled()
        let whole = RawFile.read(path)
        let lastLine = whole.dropLast().lastIndex(of: 0x0a)! + 1
        for end in lastLine..<whole.count {
            RawFile.write(path, Array(whole[..<end]))
            let state = try open()
            #expect(state.entries.count == 4, "cut at \(end)")
            #expect(try open().entries == state.entries)
        }
        RawFile.write(path, whole + [UInt8](repeating: 0, count: 4_096))
        #expect(try open().entries.count == 5)
    }

    @Test func `a damaged line is named`() throws {
        _ = try filled()
        let whole = RawFile.read(path)
        let starts = [0] + whole.indices.filter { whole[$0] == 0x0a }.map { $0 + 1 }.dropLast()
        for (number, start) in starts.dropLast().enumerated() {
            var wrong = whole
            wrong[start + 12] ^= 1
            RawFile.write(path, wrong)
            let error = #expect(throws: ControlError.self) { _ = try open() }
            #expect(error?.code == .damaged)
            #expect(error?.message.contains("line \(number + 1)") == true, "\(error as Any)")
            #expect(error?.message.contains(path) == true)
            #expect(RawFile.read(path) == wrong, "nothing is changed")
        }
    }

    @Test(arguments: ["hello\n", "\n\n", "00000000 H apus-control 2\n", "\u{0}\u{0}\u{0}"])
    func `a foreign file is refused`(text: String) throws {
        mkdir(scratch.sub("a"), 0o750)
        RawFile.write(path, Array(text.utf8))
        let error = #expect(throws: ControlError.self) { _ = try open() }
        #expect(error?.code == .damaged)
    }

    @Test func `a valid line with an impossible entry is refused`() throws {
        mkdir(scratch.sub("a"), 0o750)
        var bytes: [UInt8] = []
        ControlLine.format.append(to: &bytes)
        ControlLine.entry(isPending: false, json: Array("{\"id\":\"x\"}".utf8)).append(to: &bytes)
        RawFile.write(path, bytes)
        #expect(throws: ControlError.self) { _ = try open() }
    }

    @Test func `the file is written anew when most of it is outdated`() throws {
        let state = try open()
        let payload = "\"" + String(repeating: "x", count: 16_000) + "\""
        var largest = 0
        for _ in 0..<300 {
            _ = try state.issue(ControlEntry(id: "one", kind: .warmup, payload: payload))
            largest = max(largest, RawFile.read(path).count)
        }
        #expect(largest < 2 << 20)
        #expect(try open().entries == state.entries)
    }

    @Test func `a directory that cannot be used is an error, and so is one that goes away`() throws {
        RawFile.write(scratch.sub("file"), [1])
        #expect(throws: ControlError.self) { _ = try open("file") }
        #expect(throws: ControlError.self) { _ = try open("file/below") }
        #expect(throws: ControlError.self) {
            _ = try ControlState(directory: scratch.sub("a"), node: "a b", clock: wall.read, steady: wall.readSteady)
        }
    }

    @Test func `what a full disk refuses has no effect`() throws {
        let state = try open()
        // Every write to it fails with "no space left on device".
        state.file.withLock { file in file.breakDescriptor() }
        #expect(throws: ControlError.self) { _ = try state.issue(ControlEntry(id: "x", kind: .suspend, scope: ControlScope(domain: "a"))) }
        #expect(state.entries.isEmpty)
        #expect(state.suspension(of: QueueParts(name: "a", domain: "a")) == nil)
        // The next write makes the file anew.
        _ = try state.issue(ControlEntry(id: "y", kind: .suspend, scope: ControlScope(domain: "a")))
        #expect(try open().entries.map(\.id) == ["y"])
    }
}

extension ControlFile {
    /// Has every write fail, as a full disk does.
    mutating func breakDescriptor() { replaceDescriptor(Glibc.open("/dev/full", O_WRONLY | O_CLOEXEC)) }
}
