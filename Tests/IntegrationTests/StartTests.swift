import Foundation
import Glibc
import Options
import Testing

extension IntegrationTests {
    /// What bad input gets at start: one clear sentence and exit code 1.
    @Suite(.serialized, .timeLimit(.minutes(8))) struct StartTests {
        /// *Value*: a policy that is wrong, and what the error must say.
        struct Bad: Sendable, CustomTestStringConvertible {
            var name: String
            var policy: String
            var says: [String]
            var testDescription: String { name }
        }

        static let bad: [Bad] = [
            Bad(
                name: "syntax error", policy: "kumo.start_http_listener{listen='127.0.0.1:0'}\n\nkumo.on('init' function() end)\n",
                says: ["policy.lua:3:"]),
            Bad(name: "runtime error", policy: "local x = nil\nprint(x.y)\n", says: ["policy.lua:2:"]),
            Bad(
                name: "mistyped option", policy: "\nkumo.start_esmtp_listener{listen='127.0.0.1:0', relay_host={'127.0.0.0/8'}}\n",
                says: ["policy.lua:2", "relay_host", "relay_hosts"]),
            Bad(
                name: "wrong type", policy: "kumo.start_esmtp_listener{listen='127.0.0.1:0', max_message_size='big'}\n",
                says: ["policy.lua:1", "max_message_size"]),
            Bad(name: "bad address", policy: "kumo.start_esmtp_listener{listen='nowhere'}\n", says: ["policy.lua:1", "listen"]),
            Bad(
                name: "unknown function", policy: "kumo.start_smtp_listener{listen='127.0.0.1:0'}\n",
                says: ["policy.lua:1", "start_smtp_listener"]),
            Bad(
                name: "unsupported option", policy: "kumo.start_esmtp_listener{listen='127.0.0.1:0', allow_xclient=true}\n",
                says: ["allow_xclient", "not supported yet"]),
            Bad(
                name: "certificate without its key", policy: "kumo.start_esmtp_listener{listen='127.0.0.1:0', tls_certificate='/x'}\n",
                says: ["policy.lua:1", "tls_private_key", "is missing"]),
        ]

        @Test(arguments: bad) func aBadPolicyIsRefused(_ bad: Bad) async throws {
            try await Scratch.with("policy") { scratch in
                let file = try scratch.write("policy.lua", bad.policy)
                for arguments in [["serve", "--policy", file, "--spool", scratch.file("spool")], ["check", "--policy", file]] {
                    let (ending, errors, _) = try scratch.outcome(arguments)
                    #expect(ending == .exited(1), "\(arguments[0])")
                    for word in bad.says { #expect(errors.contains(word), "\(arguments[0]) must name '\(word)':\n\(errors)") }
                    Self.expectReadable(errors)
                }
                #expect(access(scratch.file("spool"), F_OK) != 0, "a policy that is refused must not touch the spool")
            }
        }

        @Test func aCertificateThatCannotBeReadIsRefusedWithItsFile() async throws {
            try await Scratch.with("tls") { scratch in
                let (certificate, key) = (scratch.file("tls.crt"), scratch.file("tls.key"))
                let text =
                    "kumo.start_esmtp_listener{listen='127.0.0.1:0', tls_certificate='\(certificate)', tls_private_key='\(key)'}\n"
                let file = try scratch.write("policy.lua", text)
                let (ending, errors, _) = try scratch.outcome(["serve", "--policy", file, "--spool", scratch.file("spool")])
                #expect(ending == .exited(1) && errors.contains("there is no file \(certificate)"), "\(errors)")
                Self.expectReadable(errors)
                #expect(access(scratch.file("spool"), F_OK) != 0, "a start that is refused must not touch the spool")
            }
        }

        @Test func checkAcceptsAGoodPolicy() async throws {
            try await Scratch.with("check") { scratch in
                let file = try scratch.write("policy.lua", Policy(sink: 9).text)
                let (ending, errors, output) = try scratch.outcome(["check", "--policy", file])
                #expect(ending == .exited(0), "\(errors)")
                #expect(output.contains("ok"))
            }
        }

        @Test func aMissingPolicyIsNamed() async throws {
            try await Scratch.with("missing") { scratch in
                for command in ["serve", "check"] {
                    let (ending, errors, _) = try scratch.outcome([command, "--policy", scratch.file("nowhere.lua")])
                    #expect(ending == .exited(1))
                    #expect(errors.contains("nowhere.lua"))
                    Self.expectReadable(errors)
                }
                #expect(try scratch.outcome(["serve"]).ending == .exited(64))
                #expect(try scratch.outcome(["serve", "--polcy", "x"]).ending == .exited(64))
            }
        }

        @Test func aPortInUseIsNamed() async throws {
            try await Scratch.with("port") { scratch in
                let taken = try IdleListener()
                let text = Policy(sink: 9).text
                let smtp = try scratch.write(
                    "smtp.lua",
                    text.replacingOccurrences(
                        of: "start_esmtp_listener{listen='127.0.0.1:0'", with: "start_esmtp_listener{listen='127.0.0.1:\(taken.port)'"))
                let http = try scratch.write(
                    "http.lua",
                    text.replacingOccurrences(
                        of: "start_http_listener{listen='127.0.0.1:0'", with: "start_http_listener{listen='127.0.0.1:\(taken.port)'"))
                for file in [smtp, http] {
                    let (ending, errors, _) = try scratch.outcome(["serve", "--policy", file, "--spool", scratch.file("spool")])
                    #expect(ending == .exited(1))
                    #expect(errors.contains("127.0.0.1:\(taken.port)"), "\(errors)")
                    #expect(errors.contains("in use"), "\(errors)")
                    Self.expectReadable(errors)
                }
            }
        }

        @Test func aSpoolThatCannotBeUsedIsRefused() async throws {
            try await Scratch.with("spool") { scratch in
                let policy = try scratch.write("policy.lua", Policy(sink: 9).text)
                func refused(_ spool: String, _ words: [String], environment: [String: String] = [:], more: [String] = []) throws {
                    let (ending, errors, _) = try scratch.outcome(
                        ["serve", "--policy", policy, "--spool", spool] + more, environment: environment)
                    #expect(ending == .exited(1), "\(spool)")
                    for word in words { #expect(errors.contains(word), "must say '\(word)':\n\(errors)") }
                    Self.expectReadable(errors)
                }
                // Below a file.
                _ = try scratch.write("file", "x")
                try refused(scratch.file("file/spool"), ["file/spool", "Not a directory"])
                try refused(scratch.file("file"), [scratch.file("file")])
                // Somebody else's files.
                try FileManager.default.createDirectory(atPath: scratch.file("foreign"), withIntermediateDirectories: true)
                _ = try scratch.write("foreign/letter.txt", "dear")
                try refused(scratch.file("foreign"), ["is not empty", "letter.txt"])
                #expect(
                    try FileManager.default.contentsOfDirectory(atPath: scratch.file("foreign")).filter { $0 != "LOCK" } == ["letter.txt"])
                // Another user's directory.
                if geteuid() == 0 {
                    chmod(scratch.path, 0o755)
                    mkdir(scratch.file("rootonly"), 0o700)
                    try refused(scratch.file("rootonly/spool"), ["rootonly"], more: ["--user", "nobody"])
                }
                // Another node's spool, a running node's spool.
                let node = try scratch.node(Policy(sink: 9), spool: "mine")
                try refused(scratch.file("mine"), ["another process uses the spool"])
                #expect(node.stop().ending == .exited(0))
                try refused(scratch.file("mine"), ["belongs to node"], environment: ["APUS_NODE_ID": "somebody-else"])
            }
        }

        @Test(arguments: ["garbage\n", "\u{0}\u{1}\u{2}\u{ff}", "12\tqueue\n", "x\tq\ti\tr\n"])
        func aDamagedListOfPausesIsNamed(_ damage: String) async throws {
            try await Scratch.with("paused") { scratch in
                let policy = Policy(sink: 9)
                let node = try scratch.node(policy)
                #expect(node.stop().ending == .exited(0))
                _ = try scratch.write("spool/paused-queues", damage)
                let (ending, errors, _) = try scratch.outcome([
                    "serve", "--policy", scratch.file("policy.lua"), "--spool", scratch.file("spool"),
                ])
                #expect(ending == .exited(1))
                #expect(errors.contains("spool/paused-queues"))
                #expect(errors.contains("damaged"))
                Self.expectReadable(errors)
            }
        }

        /// No stack traces, no Swift type names, no more than a few lines.
        private static func expectReadable(_ errors: String) {
            for word in ["Fatal error", "Stack dump", "NodeError(", "SpoolError(", "PolicyError(", "ConfigError("] {
                #expect(!errors.contains(word), "\(errors)")
            }
            #expect(errors.split(separator: "\n").count <= 12, "\(errors)")
        }
    }
}
