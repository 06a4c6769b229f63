@testable import Spool

/// A disk in memory that can lose power and can fail any call. *shared*.
///
/// It keeps for each file what is durable and what was written since, and for the directory which changes are durable.
final class MemoryDisk: SpoolIO {
    /// The calls that can be made to fail. *value*.
    enum Call: String, Sendable { case open, size, pread, pwrite, synchronize, allocate, rename, remove, synchronizeDirectory, list, room }

    private final class Inode {
        var bytes: [UInt8] = []
        var durable: [UInt8] = []
        /// Writes since the last sync; a nil payload is a change of size.
        var pending: [(offset: Int, bytes: [UInt8]?)] = []
    }

    private enum DirectoryChange {
        case link(String, Inode)
        case unlink(String)
        case rename(String, String)
    }

    private struct Contents {
        var names: [String: Inode] = [:]
        var durableNames: [String: Inode] = [:]
        var changes: [DirectoryChange] = []
        var open: [Int32: Inode] = [:]
        var nextDescriptor: Int32 = 3
        var calls = 0
        var crashAt: Int?
        var crashed = false
        var partialWrites = false
        var room = VolumeRoom(bytes: Int.max / 2, inodes: Int.max / 2)
        var failure: (@Sendable (Call, String) -> Int32?)?
    }

    private let contents = Guarded(Contents())

    init() {}

    private func enter(_ call: Call, _ path: String = "", _ contents: inout Contents) throws(IOFailure) {
        contents.calls += 1
        if let at = contents.crashAt, contents.calls >= at { contents.crashed = true }
        if contents.crashed { throw IOFailure("crashed \(call.rawValue)", 5) }
        if let number = contents.failure?(call, path) { throw IOFailure(call.rawValue, number) }
    }

    // MARK: Control

    var calls: Int { contents.withLock { $0.calls } }
    var crashed: Bool { contents.withLock { $0.crashed } }
    func crash(afterCalls count: Int?) { contents.withLock { contents in contents.crashAt = count.map { contents.calls + $0 } } }
    func fail(_ failure: (@Sendable (Call, String) -> Int32?)?) { contents.withLock { $0.failure = failure } }
    func setRoom(_ room: VolumeRoom) { contents.withLock { $0.room = room } }
    /// pwrite writes only half of what it is asked before the next call fails.
    func setPartialWrites(_ on: Bool) { contents.withLock { $0.partialWrites = on } }
    /// Takes a file away, as `rm` does: who has it open goes on.
    func unlink(_ path: String) {
        contents.withLock {
            $0.names[path] = nil
            $0.durableNames[path] = nil
        }
    }
    /// Puts a file under another name, as `mv` does.
    func move(_ from: String, _ to: String) {
        contents.withLock { contents in
            let inode = contents.names.removeValue(forKey: from)
            contents.names[to] = inode
            contents.durableNames[from] = nil
            contents.durableNames[to] = inode
        }
    }
    func names() -> [String] { contents.withLock { $0.names.keys.sorted() } }
    func contents(of path: String) -> [UInt8]? { contents.withLock { $0.names[path]?.bytes } }
    func modify(_ path: String, _ body: (inout [UInt8]) -> Void) {
        contents.withLock { contents in
            guard let inode = contents.names[path] else { return }
            body(&inode.bytes)
            inode.durable = inode.bytes
            inode.pending = []
        }
    }

    /// The disk after the process was killed: everything written is there, but a power cut may still take it.
    func afterKill() -> MemoryDisk {
        let copy = MemoryDisk()
        contents.withLock { old in
            copy.contents.withLock { new in
                new.names = old.names
                new.durableNames = old.durableNames
                new.changes = old.changes
            }
        }
        return copy
    }

    /// An independent disk with the same files, all of them durable.
    func clone() -> MemoryDisk {
        let copy = MemoryDisk()
        contents.withLock { old in
            copy.contents.withLock { new in
                for (name, inode) in old.names {
                    let twin = Inode()
                    twin.bytes = inode.bytes
                    twin.durable = inode.bytes
                    new.names[name] = twin
                    new.durableNames[name] = twin
                }
            }
        }
        return copy
    }

    /// The disk after a power cut: of what was not synced, any sectors and a prefix of the directory changes survived.
    func afterPowerCut(_ random: inout SplitMix) -> MemoryDisk {
        let copy = MemoryDisk()
        var generator = random
        let files = contents.withLock { old -> [String: [UInt8]] in
            var names = old.durableNames
            for change in old.changes.prefix(Int.random(in: 0...old.changes.count, using: &generator)) {
                switch change {
                case .link(let name, let inode): names[name] = inode
                case .unlink(let name): names[name] = nil
                case .rename(let from, let to): names[to] = names.removeValue(forKey: from)
                }
            }
            var result: [String: [UInt8]] = [:]
            for (name, inode) in names.sorted(by: { $0.key < $1.key }) {
                var bytes = inode.durable
                let luck = [0, 50, 90, 100].randomElement(using: &generator)!
                for (offset, payload) in inode.pending {
                    guard let payload else {
                        if Int.random(in: 0..<100, using: &generator) < luck, bytes.count < offset {
                            bytes += [UInt8](repeating: 0, count: offset - bytes.count)
                        }
                        continue
                    }
                    var position = 0
                    while position < payload.count {
                        let sector = 512 - (offset + position) % 512
                        let end = min(payload.count, position + sector)
                        if Int.random(in: 0..<100, using: &generator) < luck {
                            if bytes.count < offset + end { bytes += [UInt8](repeating: 0, count: offset + end - bytes.count) }
                            bytes.replaceSubrange((offset + position)..<(offset + end), with: payload[position..<end])
                        }
                        position = end
                    }
                }
                result[name] = bytes
            }
            return result
        }
        random = generator
        copy.contents.withLock { new in
            for (name, bytes) in files {
                let inode = Inode()
                inode.bytes = bytes
                inode.durable = bytes
                new.names[name] = inode
                new.durableNames[name] = inode
            }
        }
        return copy
    }

    // MARK: SpoolIO

    func open(_ path: String, create: Bool) throws(IOFailure) -> Int32 {
        try contents.withLock { contents throws(IOFailure) in
            try enter(.open, path, &contents)
            let inode: Inode
            if let known = contents.names[path] {
                inode = known
            } else {
                guard create else { throw IOFailure("open", 2) }
                inode = Inode()
                contents.names[path] = inode
                contents.changes.append(.link(path, inode))
            }
            let fd = contents.nextDescriptor
            contents.nextDescriptor += 1
            contents.open[fd] = inode
            return fd
        }
    }

    func close(_ fd: Int32) { contents.withLock { $0.open[fd] = nil } }

    func size(_ fd: Int32) throws(IOFailure) -> Int {
        try contents.withLock { contents throws(IOFailure) in
            try enter(.size, "", &contents)
            return contents.open[fd]!.bytes.count
        }
    }

    func pread(_ fd: Int32, into: UnsafeMutableRawBufferPointer, at offset: Int) throws(IOFailure) -> Int {
        try contents.withLock { contents throws(IOFailure) in
            try enter(.pread, "", &contents)
            let bytes = contents.open[fd]!.bytes
            let n = max(0, min(into.count, bytes.count - offset))
            bytes.withUnsafeBytes { if n > 0 { into.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + n)])) } }
            return n
        }
    }

    func pwrite(_ fd: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int) throws(IOFailure) -> Int {
        try contents.withLock { contents throws(IOFailure) in
            let inode = contents.open[fd]!
            var count = bytes.count
            do throws(IOFailure) { try enter(.pwrite, "", &contents) } catch {
                // The power goes while the write is under way: a part of it has arrived.
                if contents.crashed, contents.crashAt == contents.calls {
                    write(inode, UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)]), offset)
                }
                throw error
            }
            if contents.partialWrites, count > 64 { count /= 2 }
            write(inode, UnsafeRawBufferPointer(rebasing: bytes[..<count]), offset)
            return count
        }
    }

    private func write(_ inode: Inode, _ bytes: UnsafeRawBufferPointer, _ offset: Int) {
        guard bytes.count > 0 else { return }
        if inode.bytes.count < offset + bytes.count {
            inode.bytes += [UInt8](repeating: 0, count: offset + bytes.count - inode.bytes.count)
        }
        inode.bytes.withUnsafeMutableBytes {
            UnsafeMutableRawBufferPointer(rebasing: $0[offset..<(offset + bytes.count)]).copyMemory(from: bytes)
        }
        inode.pending.append((offset, [UInt8](bytes)))
    }

    func synchronize(_ fd: Int32) throws(IOFailure) {
        try contents.withLock { contents throws(IOFailure) in
            try enter(.synchronize, "", &contents)
            let inode = contents.open[fd]!
            inode.durable = inode.bytes
            inode.pending = []
        }
    }

    func allocate(_ fd: Int32, size: Int) throws(IOFailure) {
        try contents.withLock { contents throws(IOFailure) in
            try enter(.allocate, "", &contents)
            let inode = contents.open[fd]!
            if inode.bytes.count < size { inode.bytes += [UInt8](repeating: 0, count: size - inode.bytes.count) }
            inode.pending.append((size, nil))
        }
    }

    func rename(_ from: String, _ to: String) throws(IOFailure) {
        try contents.withLock { contents throws(IOFailure) in
            try enter(.rename, from, &contents)
            guard let inode = contents.names.removeValue(forKey: from) else { throw IOFailure("rename", 2) }
            contents.names[to] = inode
            contents.changes.append(.rename(from, to))
        }
    }

    func remove(_ path: String) throws(IOFailure) {
        try contents.withLock { contents throws(IOFailure) in
            try enter(.remove, path, &contents)
            contents.names[path] = nil
            contents.changes.append(.unlink(path))
        }
    }

    func synchronizeDirectory(_ path: String) throws(IOFailure) {
        try contents.withLock { contents throws(IOFailure) in
            try enter(.synchronizeDirectory, path, &contents)
            contents.durableNames = contents.names
            contents.changes = []
        }
    }

    func list(_ path: String) throws(IOFailure) -> [String] {
        try contents.withLock { contents throws(IOFailure) in
            try enter(.list, path, &contents)
            return contents.names.keys.compactMap { $0.hasPrefix(path + "/") ? String($0.dropFirst(path.count + 1)) : nil }
        }
    }

    func facts(_ path: String) throws(IOFailure) -> FileFacts {
        try contents.withLock { contents throws(IOFailure) in
            if contents.crashed { throw IOFailure("crashed facts", 5) }
            guard let inode = contents.names[path] else { throw IOFailure("lstat", 2) }
            return FileFacts(kind: .regular, size: inode.bytes.count)
        }
    }

    func links(_ fd: Int32) throws(IOFailure) -> Int {
        contents.withLock { contents in
            let inode = contents.open[fd]
            return contents.names.values.contains { $0 === inode } ? 1 : 0
        }
    }

    func room(_ path: String) throws(IOFailure) -> VolumeRoom {
        try contents.withLock { contents throws(IOFailure) in
            try enter(.room, path, &contents)
            return contents.room
        }
    }
}

/// A small random generator whose seed is printed by failing tests. *value*.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    init(_ seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 1 }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}
