import Telemetry

/// Keeping what is damaged, and saying so.
extension SpoolStore {
    /// What became of damaged bytes. *value*.
    enum Quarantine { case copied, known, failed }

    /// Notes damage of a whole file: counted, logged, named by `/readyz?verbose=1` and `apus spool check`, and on record in `corrupt/`.
    func report(_ damage: SpoolDamage, isSegment: Bool = false) {
        damages.withLock { $0.add(damage, isFile: true, isSegment: isSegment) }
        guard !readOnly else { return }
        metrics.damagedFiles.add()
        if isSegment { metrics.corruptRecords.add() }
        Log.error("spool \(options.directory): \(damage)")
        let name = damage.file.utf8.map { $0 == UInt8(ascii: "/") ? "-" : String(UnicodeScalar($0)) }.joined()
        note("\(name)-damage.txt", "\(damage)\n")
    }

    /// Writes a small file into `corrupt/`, so that damage is on record after a restart, too. Best effort: the log has it as well.
    private func note(_ name: String, _ text: String) {
        guard takeRoom(text.utf8.count) else { return }
        do throws(IOFailure) {
            let fd = try io.open(corruptPath + "/" + name, create: true)
            let file = SegmentFile(io: io, fd: fd, size: 0, path: name)
            let end = try io.size(fd)
            guard end < 64 << 10 else { return }
            var text = text
            var failure: IOFailure?
            text.withUTF8 { failure = file.write(UnsafeRawBufferPointer($0), at: end).failure }
            if let failure { throw failure }
            try io.synchronize(fd)
            try io.synchronizeDirectory(corruptPath)
        } catch {
            Log.warn("spool \(options.directory): cannot write corrupt/\(name): \(error.reason)")
        }
    }

    /// Moves a thing that is no file of ours out of the way, into `corrupt/`. Says what became of it.
    func setAside(_ path: String, name: String) -> String {
        guard !readOnly else { return "" }
        for number in 0..<100 {
            let kept = number == 0 ? name : "\(name)-\(number)"
            let target = corruptPath + "/" + kept
            if (try? io.facts(target)) != nil { continue }
            guard takeRoom(0) else { break }
            guard (try? io.rename(path, target)) != nil else { break }
            return "; moved to corrupt/\(kept)"
        }
        return "; it could not be moved to corrupt/ and stays where it is"
    }

    /// Copies damaged bytes to `corrupt/`. After `failed` their segment must stay. `torn`: an unfinished write that nobody was told of, as a
    /// crash leaves it; that is no damage.
    @discardableResult
    func quarantine(segment: UInt32, damage: SegmentScanner.Damage, bytes: UnsafeRawBufferPointer, torn: Bool = false) -> Quarantine {
        let number = SegmentName.active(segment).dropLast(4)
        let name = "\(number)-\(damage.offset)-\(torn ? "torn-" : "")\(damage.reason).bin"
        let what =
            "\(damage.length) bytes at \(damage.offset) \(damage.reason == "missing" ? "are missing" : "do not verify (\(damage.reason))")"
        if !torn { damages.withLock { $0.add(SpoolDamage(file: "segments/\(SegmentName.active(segment))", what: what), isFile: false) } }
        guard io.mayWrite else { return .failed }
        let head = "apus corrupt record: segment \(segment) offset \(damage.offset) length \(damage.length) reason \(damage.reason)\n"
        do throws(IOFailure) {
            let fd: Int32
            if let known = try? io.facts(corruptPath + "/" + name) {
                // Recovery may meet the same damage at each start until its segment dies: the copy is there already then.
                if known.size >= head.utf8.count + bytes.count { return .known }
                fd = try io.open(corruptPath + "/" + name, create: true)
            } else {
                guard takeRoom(head.utf8.count + bytes.count) else {
                    throw IOFailure("corrupt/ holds as much as it may (\(Self.corruptFiles) files or \(Self.corruptBytes >> 20) MiB)", 28)
                }
                fd = try io.open(corruptPath + "/" + name, create: true)
            }
            let file = SegmentFile(io: io, fd: fd, size: 0, path: name)
            var failure: IOFailure?
            var text = head
            text.withUTF8 { failure = file.write(UnsafeRawBufferPointer($0), at: 0).failure }
            if failure == nil { failure = file.write(bytes, at: head.utf8.count).failure }
            if let failure { throw failure }
            try io.synchronize(fd)
            try io.synchronizeDirectory(corruptPath)
            if torn {
                Log.info(
                    "spool \(options.directory): unfinished write at the end of segment \(segment), as a crash leaves it; kept as corrupt/\(name)"
                )
            } else {
                Log.error("spool \(options.directory): corrupt record in segment \(segment): \(what); kept as corrupt/\(name)")
            }
            return .copied
        } catch {
            let line = "spool \(options.directory): segment \(segment): \(what); cannot keep it as corrupt/\(name): \(error.reason)"
            if torn { Log.warn(line) } else { Log.error(line) }
            return .failed
        }
    }

    // MARK: Bounds of corrupt/

    private static let corruptFiles = 10_000
    private static let corruptBytes = 1 << 30

    /// Whether `corrupt/` may hold one more file of that size. When it may not, damaged bytes stay where they are.
    private func takeRoom(_ bytes: Int) -> Bool {
        kept.withLock { kept in
            if kept == nil {
                var found = (files: 0, bytes: 0)
                for name in (try? io.list(corruptPath)) ?? [] {
                    found.files += 1
                    found.bytes += (try? io.facts(corruptPath + "/" + name))?.size ?? 0
                }
                kept = found
            }
            guard let known = kept, known.files < Self.corruptFiles, known.bytes + bytes <= Self.corruptBytes else { return false }
            kept = (known.files + 1, known.bytes + bytes)
            return true
        }
    }
}
