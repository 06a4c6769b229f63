import Glibc
import Testing

@testable import Delivery
@testable import Node
@testable import Resources

/// How many clients may wait to be accepted: NIO calls `listen` with a backlog of its own.
@Suite struct BacklogTests {
    @Test func backlogsAreDeep() async throws {
        let most = Int((try? FileText.read("/proc/sys/net/core/somaxconn"))??.split(separator: "\n").first.map(String.init) ?? "") ?? 4096
        try await Rig.run(RigPlan()) { rig in
            try await rig.serving { port in
                for listener in [port, rig.smtpPort] { #expect(Self.backlog(port: listener) == min(4096, most)) }
            }
        }
    }

    /// The backlog in force, as TCP_INFO shows it for a socket that listens (`tcpi_sacked`).
    private static func backlog(port: Int) -> Int? {
        for file in Int32(3)..<4096 {
            var listens: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            guard getsockopt(file, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0, listens == 1 else { continue }
            // As bytes: which module the C structures come from depends on what else is compiled with this file.
            var address = [UInt8](repeating: 0, count: 128)
            length = socklen_t(address.count)
            let named = address.withUnsafeMutableBytes {
                getsockname(file, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
            }
            guard named == 0, Int(address[2]) << 8 | Int(address[3]) == port else { continue }
            var info = [UInt32](repeating: 0, count: 64)
            length = socklen_t(info.count * 4)
            guard getsockopt(file, Int32(IPPROTO_TCP), 11, &info, &length) == 0 else { return nil }
            return Int(info[7])
        }
        return nil
    }
}
