internal import Synchronization
internal import Telemetry

extension ControlState {
    /// What may wait for the disk, in bytes; beyond it the whole file is written instead.
    private static let outboxBytes = 4 << 20

    /// Adds lines to the outbox. Called with `shared` locked.
    static func post(_ lines: [ControlLine], _ shared: inout Shared) {
        guard !shared.needsRewrite else { return }
        for line in lines { line.append(to: &shared.outbox) }
        guard shared.outbox.count > outboxBytes else { return }
        shared.outbox = []
        shared.needsRewrite = true
    }

    /// Writes what waits in the outbox. Blocks for the disk.
    package func writeOutbox() {
        do throws(ControlError) {
            try file.withLock { file throws(ControlError) in
                // What comes from the cluster after the end is read again at the next start.
                if !file.isClosed { try put([], &file) }
            }
            shared.withLock {
                $0.isWriting = false
                $0.status.fileError = nil
            }
        } catch {
            let text = error.description
            shared.withLock {
                $0.isWriting = false
                $0.status.fileError = text
            }
            Log.error("control file cannot be written; changes from the cluster act, but are not on disk", ["error": text])
        }
    }

    /// Writes what waits in the outbox; later nothing is written, and orders are refused. Blocks for the disk.
    package func close() {
        writeOutbox()
        file.withLock { $0.isClosed = true }
    }

    /// Looks whether the files are still under their names, and writes them anew if not. Blocks for the disk. Answers what was wrong.
    package func mend() -> String? {
        guard file.withLock({ !$0.isClosed && !$0.isInPlace }) else { return nil }
        shared.withLock { $0.needsRewrite = true }
        writeOutbox()
        guard file.withLock({ $0.isInPlace }) else { return nil }
        return "was removed while the node runs; made again"
    }

    /// Writes the outbox and then `line`, durably. Nothing of `line` is in the file when it throws, or the file is written anew
    /// before anything else is.
    func put(_ line: [UInt8], _ file: inout ControlFile) throws(ControlError) {
        guard !file.isClosed else {
            throw ControlError(.unusable, "the node is stopping", remedy: "Give the order to another node, or to this one after its start")
        }
        let wantsRewrite = file.wantsRewrite
        let (content, isWhole) = shared.withLock { shared in
            defer { shared.outbox = [] }
            guard shared.needsRewrite || wantsRewrite else { return (shared.outbox, false) }
            shared.needsRewrite = false
            return (shared.table.content, true)
        }
        do throws(ControlError) {
            if isWhole { try file.rewrite(content + line) } else { try file.append(content + line) }
        } catch {
            // The outbox is in the table as well: a rewrite brings it back.
            shared.withLock { $0.needsRewrite = $0.needsRewrite || isWhole || !content.isEmpty }
            throw error
        }
    }
}
