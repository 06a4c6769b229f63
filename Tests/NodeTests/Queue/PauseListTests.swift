import Testing

@testable import Node

@Suite struct PauseListTests {
    @Test func aPauseOutlivesTheProcess() throws {
        let folder = TestFolder()
        let list = try PauseList(directory: folder.path)
        #expect(!list.contains("example.com"))
        try list.pause("example.com", reason: "they\tasked\r\nus", issuer: "127.0.0.1")
        try list.pause("c:t@example.org!r", reason: "", issuer: "::1")
        let again = try PauseList(directory: folder.path)
        #expect(again.all == list.all && again.all.count == 2)
        #expect(again.contains("example.com") && again.contains("c:t@example.org!r") && !again.contains("other.test"))
        #expect(again.all.last?.reason == "they asked us" || again.all.last?.reason == "they asked  us")
        #expect(try again.resume("example.com"))
        #expect(try !again.resume("example.com"), "it is not paused any more")
        #expect(try PauseList(directory: folder.path).all.map(\.queue) == ["c:t@example.org!r"])
    }

    @Test(arguments: ["nonsense\n", "12\tq\tissuer\n", "x\tq\tissuer\treason\n", "1\tq\ti\tr\textra\n"])
    func aDamagedListIsAnError(_ text: String) {
        let folder = TestFolder()
        folder.write("paused-queues", text)
        do {
            _ = try PauseList(directory: folder.path)
            Issue.record("the damage was not noticed")
        } catch {
            #expect("\(error)".contains("paused-queues is damaged"))
        }
    }

    @Test func aPauseThatCannotBeKeptIsRefused() throws {
        let folder = TestFolder()
        let list = try PauseList(directory: folder.path + "/missing")
        #expect(throws: NodeError.self) { try list.pause("q", reason: "r", issuer: "i") }
        #expect(list.all.isEmpty && !list.contains("q"))
    }
}
