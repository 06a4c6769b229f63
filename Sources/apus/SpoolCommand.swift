import ArgumentParser
import Delivery
import Foundation
import JSON
import Message
import NIOCore
import Node
import Resources
import Spool
import Telemetry

/// `apus spool`: a look into a spool, whether its node runs or not.
struct SpoolCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spool",
        abstract: "Look into a spool. Read-only, while its node runs or is down.",
        discussion: """
            EXAMPLES
              apus spool check /var/spool/apus          verify every record
              apus spool ls /var/spool/apus             list the messages
              apus spool ls --json /var/spool/apus      the same, one JSON object per line
              apus spool cat /var/spool/apus 01a1ffaf74a57cedbbf613ebc583215c
              apus spool forget-orders /var/spool/apus  give lost suspensions and bounces up

            EXIT STATUS
              0 all is well, 1 something is damaged or could not be read (each is named), 64 wrong arguments
            """,
        subcommands: [Verify.self, List.self, Cat.self, ForgetOrders.self])

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check", abstract: "Verify every record and file; exit 1 when something is damaged, missing or out of place.",
            discussion: """
                Damage that was met before stays in DIR/corrupt and counts until you remove it from there. What a crash leaves behind
                (an unfinished write at the end) is no damage.

                EXIT STATUS
                  0 all is well, 1 something is damaged (each is named), 64 wrong arguments
                """)
        @Argument(help: "The spool directory.") var directory: String
        @Flag(help: "Print JSON.") var json = false

        func run() throws {
            try reportingSpoolErrors {
                var report = try SpoolInspection.check(directory)
                report.damage += StateFiles.damages(directory).map(\.description)
                if json {
                    let facts = JSONValue.object([
                        "segments": .whole(Int(report.segments)), "free_segments": .whole(Int(report.freeSegments)),
                        "messages": .whole(Int(report.messages)), "finished": .whole(Int(report.finished)),
                        "records": .whole(Int(report.records)), "bytes": .whole(Int(report.bytes)), "damage": .strings(report.damage),
                        "damaged_bodies": .whole(Int(report.damagedBodies)), "torn_tails": .whole(Int(report.tornTails)),
                        "kept": .strings(report.kept),
                    ])
                    print(String(decoding: facts.bytes(.escapedSlashes), as: UTF8.self))
                } else {
                    print("\(report.segments) segments (\(report.freeSegments) free), \(report.records) records, \(report.bytes) bytes")
                    print(
                        "\(report.messages) messages queued, \(report.finished) finished, \(report.damage.count + report.moreDamage) damaged records or files, \(report.damagedBodies) damaged bodies"
                    )
                    if report.tornTails > 0 {
                        print("\(report.tornTails) unfinished writes, as a crash leaves them; nobody was told that they were kept")
                    }
                    for line in report.damage { print("damaged: \(line)") }
                    if report.moreDamage > 0 { print("damaged: and \(report.moreDamage) more") }
                    for name in report.kept { print("kept: corrupt/\(name), of earlier damage; remove it when you have seen it") }
                }
                if !report.isWhole { throw ExitCode.failure }
            }
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "ls", abstract: "List the messages that are queued.")
        @Argument(help: "The spool directory.") var directory: String
        @Flag(help: "Print one JSON object per line.") var json = false

        func run() throws {
            try reportingSpoolErrors {
                var table = TextTable(["ID", "QUEUE", "SIZE", "ATTEMPTS", "CREATED", "DUE", "SENDER", "RECIPIENT", "LAST REPLY"])
                table.rightAligned = [2, 3]
                var count = 0
                let problems = try SpoolInspection.list(directory) { entry in
                    count += 1
                    let envelope = entry.envelope
                    let created = MessageDate.rfc3339(unixNanoseconds: envelope.created)
                    let due = MessageDate.rfc3339(unixNanoseconds: envelope.due)
                    if json {
                        let facts = JSONValue.object([
                            "id": .string(entry.id.hex), "queue": .string(envelope.queue), "size": .whole(Int(entry.size)),
                            "num_attempts": .whole(Int(envelope.attempts)), "created": .string(created), "due": .string(due),
                            "sender": .string(envelope.sender), "recipients": .strings(envelope.recipients),
                            "last_reply": .string(envelope.lastReply),
                        ])
                        print(String(decoding: facts.bytes(.api), as: UTF8.self))
                    } else {
                        table.add([
                            entry.id.hex, envelope.queue, "\(entry.size)", "\(envelope.attempts)", created, due,
                            "<\(envelope.sender)>", envelope.recipients.joined(separator: ","),
                            envelope.lastReply.isEmpty ? "-" : envelope.lastReply,
                        ])
                    }
                }
                if !json { print(count == 0 ? "no messages are queued" : table.text) }
                for problem in problems { say("apus: cannot read message \(problem)") }
                if !problems.isEmpty { throw ExitCode.failure }
            }
        }
    }

    struct Cat: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "cat", abstract: "Print one message as it would be sent.")
        @Argument(help: "The spool directory.") var directory: String
        @Argument(help: "The message id, 32 hex digits.") var id: String

        func run() throws {
            guard let messageID = MessageID(hex: id) else {
                throw ValidationError("'\(id)' is not a message id; `apus spool ls \(directory)` lists them")
            }
            try reportingSpoolErrors {
                guard let message = try SpoolInspection.message(directory, id: messageID) else {
                    say("apus: no message \(id) is queued in \(directory); `apus spool ls \(directory)` lists those that are")
                    throw ExitCode.failure
                }
                FileHandle.standardOutput.write(Data(message.headers.readableBytesView))
                if case .inline(let body) = message.body { FileHandle.standardOutput.write(Data(body.readableBytesView)) }
            }
        }
    }
}

extension SpoolCommand {
    struct ForgetOrders: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "forget-orders", abstract: "Give up lost suspensions, bounces and rebinds, so that the node starts again.",
            discussion: """
                A node whose control.state and control.copy are both lost does not start: it could send mail that was to be held. Restore one
                of them from a backup, or use this. Rules of a cluster come back from Redis; those that only this node had are given up.
                What is left of the files is moved to DIR/corrupt. The node must be down.
                """)
        @Argument(help: "The spool directory.") var directory: String

        func run() throws {
            do { try StateFiles.forgetOrders(directory) } catch {
                say("apus: \(error)")
                throw ExitCode.failure
            }
            print("the rules of \(directory) are given up; check with `apus queues` after the start, and suspend again what must be held")
        }
    }
}

/// Turns what the spool says into one line and exit code 1.
private func reportingSpoolErrors(_ body: () throws -> Void) throws {
    Log.level = .error  // what a node would say while it recovers is no news here
    do { try body() } catch let error as SpoolError {
        say("apus: \(error)")
        throw ExitCode.failure
    }
}
