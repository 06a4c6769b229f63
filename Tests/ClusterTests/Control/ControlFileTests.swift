import Glibc
import Synchronization
import Testing

@testable import Cluster

@Suite struct ControlFileTests {
    private let scratch = ScratchDirectory()
    private let wall = WallClock()

    private func open(_ name: String = "a") throws -> ControlState {
        try ControlState(directory: scratch.sub(name), node: "node-a", writesItself: false, clock: wall.read, steady: wall.readSteady)
    }

    private func filled(_ count: Int = 5) throws -> ControlState {
        let state = try open()
        for number in 0..<count {
            _ = try state.issue(ControlEntry(id: "fact:\(number)", kind: .brokenTLS, payload: "{\"n\":\(number)}"))
        }
        return state
    }

    private var path: String { scratch.sub("a") + "/control.state" }
    private var copy: String { scratch.sub("a") + "/control.copy" }

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
                #expect(ControlLine(wrong[...]) == nil)
            }
        }
    }

    @Test func `after the end nothing is written, and an order is refused in a sentence`() throws {
        let state = try filled()
        state.close()
        let before = RawFile.read(copy)
        let error = #expect(throws: ControlError.self) { _ = try state.issue(ControlEntry(id: "late", kind: .warmup)) }
        #expect(error?.description.contains("stopping") == true)
        unlink(path)
        #expect(state.mend() == nil)
        state.writeOutbox()
        #expect(access(path, F_OK) != 0)
        #expect(RawFile.read(copy) == before && !before.isEmpty)
        #expect(state.status.fileError == nil)
        #expect(try open().entries.count == 5)
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
            // A crash while a line is added leaves both without it.
            RawFile.write(copy, Array(whole[..<lastLine]))
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
            RawFile.write(copy, wrong)
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

    /// One of the two files is harmed: nothing is lost, it is said, and both are whole again.
    @Test(arguments: ["control.state", "control.copy"], ControlHarm.allCases)
    func `an order survives any harm to one of its files`(name: String, harm: ControlHarm) throws {
        let state = try filled()
        _ = try state.issue(ControlEntry(id: "s", kind: .suspend, scope: ControlScope(domain: "example.com")))
        let entries = state.entries
        let file = scratch.sub("a") + "/" + name
        harm.inflict(on: file)
        #expect(ControlCheck.damages(directory: scratch.sub("a"), mustExist: true).contains { $0.file == name })
        let again = try ControlState(
            directory: scratch.sub("a"), node: "node-a", writesItself: false, mustExist: true, clock: wall.read, steady: wall.readSteady)
        #expect(again.entries == entries && again.damages.contains { $0.file == name }, "\(again.damages)")
        #expect(again.suspension(of: QueueParts(name: "example.com", domain: "example.com")) != nil)
        #expect(again.isKept && RawFile.read(path) == RawFile.read(copy))
        #expect(ControlCheck.damages(directory: scratch.sub("a"), mustExist: true).isEmpty)
        _ = try again.issue(ControlEntry(id: "t", kind: .brokenTLS))
        #expect(try open().entries.count == entries.count + 1)
    }

    @Test(arguments: ControlHarm.allCases, ControlHarm.allCases)
    func `without both files the node does not start until the orders are given up`(first: ControlHarm, second: ControlHarm) throws {
        // A file that was cut between two lines is like one that never had more.
        guard first != .lastLines, second != .lastLines else { return }
        _ = try filled()
        first.inflict(on: path)
        second.inflict(on: copy)
        let error = #expect(throws: ControlError.self) {
            _ = try ControlState(
                directory: scratch.sub("a"), node: "node-a", writesItself: false, mustExist: true, clock: wall.read,
                steady: wall.readSteady)
        }
        #expect(error?.code == .damaged && error?.remedy.contains("apus spool forget-orders") == true)
        try ControlCheck.forget(directory: scratch.sub("a"))
        let again = try ControlState(
            directory: scratch.sub("a"), node: "node-a", writesItself: false, mustExist: true, clock: wall.read, steady: wall.readSteady)
        #expect(again.entries.isEmpty && again.damages.isEmpty)
    }

    @Test func `a crash between the two writes is no damage`() throws {
        let state = try filled()
        let before = RawFile.read(copy)
        _ = try state.issue(ControlEntry(id: "last", kind: .brokenTLS))
        RawFile.write(copy, before)
        let again = try open()
        #expect(again.damages.isEmpty && again.entries.count == 6)
    }

    @Test(arguments: ["control.state", "control.copy"]) func `a file removed under the node is made again`(name: String) throws {
        let state = try filled()
        unlink(scratch.sub("a") + "/" + name)
        #expect(state.mend() != nil)
        #expect(state.mend() == nil)
        #expect(RawFile.read(path) == RawFile.read(copy))
        unlink(scratch.sub("a") + "/" + name)
        _ = try state.issue(ControlEntry(id: "after", kind: .brokenTLS))
        #expect(RawFile.read(path) == RawFile.read(copy))
        #expect(try open().entries == state.entries)
    }

    @Test func `an older directory without a copy is taken as it is`() throws {
        let state = try filled()
        unlink(copy)
        let again = try open()
        #expect(again.entries == state.entries && again.damages.isEmpty)
        #expect(RawFile.read(copy) == RawFile.read(path))
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

/// What can be done to a control file behind the back of the node. *Value.*
enum ControlHarm: String, CaseIterable, Sendable {
    case emptied, halved, cutInLastLine, cutAtEnd, lastLines, zeroed, garbage, flipped, flippedInLastLine, lastLineFeed, flippedCheck
    case grown, grownByText, grownByLineFeed, removed, directory, pipe, dangling

    func inflict(on path: String) {
        let bytes = RawFile.read(path)
        switch self {
        case .emptied: RawFile.write(path, [])
        case .halved: RawFile.write(path, Array(bytes.prefix(bytes.count / 3)))
        case .cutInLastLine: RawFile.write(path, Array(bytes.prefix((lastLine(bytes) + bytes.count) / 2)))
        case .cutAtEnd: RawFile.write(path, Array(bytes.dropLast(3)))
        case .flippedInLastLine: RawFile.write(path, flipped(bytes, at: (lastLine(bytes) + bytes.count) / 2))
        case .lastLineFeed: RawFile.write(path, flipped(bytes, at: bytes.count - 1))
        case .flippedCheck: RawFile.write(path, flipped(bytes, at: lastLine(bytes)))
        case .grown: RawFile.write(path, bytes + (0..<4_096).map { UInt8(truncatingIfNeeded: $0 &* 197 &+ $0 >> 8) })
        case .grownByText: RawFile.write(path, bytes + Array("hello".utf8))
        case .grownByLineFeed: RawFile.write(path, bytes + [0x0a])
        case .lastLines:
            let ends = bytes.indices.filter { bytes[$0] == 0x0a }
            RawFile.write(path, Array(bytes.prefix(ends[ends.count - 3] + 1)))
        case .zeroed: RawFile.write(path, [UInt8](repeating: 0, count: bytes.count))
        case .garbage: RawFile.write(path, [UInt8](repeating: 0x7a, count: bytes.count))
        case .flipped: RawFile.write(path, flipped(bytes, at: bytes.count / 2))
        case .removed: unlink(path)
        case .directory:
            unlink(path)
            mkdir(path, 0o750)
        case .pipe:
            unlink(path)
            mkfifo(path, 0o640)
        case .dangling:
            unlink(path)
            symlink("/nowhere/at/all", path)
        }
    }

    private func flipped(_ bytes: [UInt8], at index: Int) -> [UInt8] {
        var wrong = bytes
        wrong[index] ^= 0x5a
        return wrong
    }

    /// Where the last line begins.
    private func lastLine(_ bytes: [UInt8]) -> Int { bytes.dropLast().lastIndex(of: 0x0a)! + 1 }
}
