import Cluster
import Foundation
import TestSupport
import Testing

@testable import Control
@testable import Delivery
@testable import Resources

/// The file of paused queues of earlier versions.
@Suite struct FormerPausesTests {
    private static func control(_ folder: TestFolder) throws -> ControlState {
        try ControlState(directory: folder.path, node: "n", clock: Clock.wall)
    }

    @Test func pausesAreTakenOverOnce() throws {
        let folder = TestFolder()
        folder.write("paused-queues", "1700000000\texample.com\t127.0.0.1\tthey asked us\n1700000001\tc:t@example.org!r\t::1\t\n")
        let control = try Self.control(folder)
        try FormerPauses.takeOver(directory: folder.path, into: control)
        let rules = control.entries(of: .suspend)
        #expect(rules.map(\.scope.queues).sorted { $0[0] < $1[0] } == [["c:t@example.org!r"], ["example.com"]])
        #expect(rules.allSatisfy { $0.isPause })
        #expect(rules.first { $0.scope.queues == ["example.com"] }?.reason == "they asked us")
        #expect(!FileManager.default.fileExists(atPath: folder.file("paused-queues")))
        try FormerPauses.takeOver(directory: folder.path, into: control)
        #expect(control.entries.count == 2)
        // They are as durable as what was issued here.
        #expect(try Self.control(folder).entries(of: .suspend).count == 2)
    }

    @Test(arguments: ["nonsense\n", "12\tq\tissuer\n", "x\tq\tissuer\treason\n", "1\tq\ti\tr\textra\n", "1\tq\ti\tr"])
    func aDamagedListIsAnErrorAndStays(_ text: String) throws {
        let folder = TestFolder()
        folder.write("paused-queues", text)
        do {
            try FormerPauses.takeOver(directory: folder.path, into: try Self.control(folder))
            Issue.record("the damage was not noticed")
        } catch {
            #expect("\(error)".contains("paused-queues is damaged"))
        }
        #expect(folder.text("paused-queues") == text)
    }
}
