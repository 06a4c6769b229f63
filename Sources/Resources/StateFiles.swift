import Cluster
import Glibc
import NIOPosix
package import Spool
import Synchronization
import Telemetry

/// *Shared*: the small files beside the spool whose loss costs little: each ends with a checksum, and `OWNER` says that it must be there.
///
/// *Diagnostics*: a file that is damaged or missing is reported as damage of the spool, and kept in `corrupt/`; the node goes on without it.
package final class StateFiles: Sendable {
    /// The spool directory.
    package let directory: String
    private let spool: Spool?
    private let reported = Mutex<Set<String>>([])
    private let waiting = Mutex<Waiting>(Waiting())
    /// Held while a file is written, so that `close` comes after it.
    private let writing = Mutex<Void>(())

    /// *Value*: the texts that are to be written soon, by file: the newest of each.
    private struct Waiting {
        var texts: [String: String] = [:]
        var isScheduled = false
        var isClosed = false
    }

    /// Without a spool, damage is only logged.
    package init(directory: String, spool: Spool?) {
        self.directory = directory
        self.spool = spool
    }

    /// The text of a file; `nil` when there is none or it is damaged. `loss`: what that costs.
    package func read(_ name: String, loss: String) -> String? {
        switch Self.look(directory, name, mustBeChecked: spool?.remembers(name) == true) {
        case .text(let text): return text
        case .missing:
            if spool?.remembers(name) == true { report(name, "is missing; \(loss)") }
        case .damaged(let what):
            let path = directory + "/" + name
            var kept = directory + "/corrupt/" + name
            var number = 0
            while access(kept, F_OK) == 0, number < 100 {
                number += 1
                kept = "\(directory)/corrupt/\(name)-\(number)"
            }
            mkdir(directory + "/corrupt", 0o750)
            report(name, "\(what)\(rename(path, kept) == 0 ? "; moved to corrupt/" : ""); \(loss)")
        }
        return nil
    }

    /// Replaces a file soon, on a thread that may wait for the disk. Of several texts for one file the last is written. A failure is logged.
    package func replaceSoon(_ name: String, with text: String) {
        let isFirst = waiting.withLock { waiting in
            guard !waiting.isClosed else { return false }
            waiting.texts[name] = text
            defer { waiting.isScheduled = true }
            return !waiting.isScheduled
        }
        guard isFirst else { return }
        NIOThreadPool.singleton.submit { _ in self.writeWaiting() }
    }

    /// Writes what waits. Nothing is written after it: the directory may belong to another process. Blocks.
    package func close() { writeWaiting(isLast: true) }

    private func writeWaiting(isLast: Bool = false) {
        writing.withLock { _ in
            let texts = waiting.withLock { waiting -> [String: String] in
                defer {
                    (waiting.texts, waiting.isScheduled) = ([:], false)
                    waiting.isClosed = waiting.isClosed || isLast
                }
                return waiting.texts
            }
            for (name, text) in texts {
                do throws(NodeError) { try replace(name, with: text) } catch {
                    Log.error("a state file cannot be written", ["file": directory + "/" + name, "error": error.message])
                }
            }
        }
    }

    /// Replaces a file, durably, and notes that it must be there. Blocks.
    package func replace(_ name: String, with text: String) throws(NodeError) {
        try FileText.replace(directory + "/" + name, with: "\(text)#\(CheckedLine.sum(text))\n")
        do throws(SpoolError) { try spool?.remember(name) } catch { throw NodeError("\(error)") }
    }

    private func report(_ name: String, _ what: String) {
        guard reported.withLock({ $0.insert(name).inserted }) else { return }
        guard let spool else { return Log.error("a state file is damaged", ["file": directory + "/" + name, "error": what]) }
        spool.report(SpoolDamage(file: name, what: what))
    }

    /// What is in the place of a file. *Value.*
    package enum Found {
        case missing
        case text(String)
        case damaged(String)
    }

    /// `mustBeChecked`: the file was written by a version that ends it with a checksum, so that its absence is damage.
    /// Reads a file and checks that it is whole.
    package static func look(_ directory: String, _ name: String, mustBeChecked: Bool) -> Found {
        let text: String
        do throws(NodeError) {
            guard let found = try FileText.read(directory + "/" + name) else { return .missing }
            text = found
        } catch { return .damaged("cannot be read (\(error.message))") }
        guard text.hasSuffix("\n") else { return .damaged(text.isEmpty ? "is empty" : "was cut short or is damaged") }
        let body = text.dropLast().lastIndex(of: "\n").map { text[...$0] } ?? ""
        let last = text[body.endIndex...].dropLast()
        // Earlier versions wrote no checksum, and did not note in OWNER that the file must be there.
        guard last.hasPrefix("#") else { return mustBeChecked ? .damaged("is damaged") : .text(text) }
        return last.dropFirst() == CheckedLine.sum(String(body)) ? .text(String(body)) : .damaged("is damaged")
    }
}
