import Shaping
import Testing

@Suite struct IdealConnectionsTests {
    @Test(arguments: [(1, 1), (2, 2), (4, 3), (10, 7), (32, 17), (64, 25), (128, 31), (256, 32)])
    func vectors(backlog: Int, connections: Int) {
        #expect(IdealConnections.count(backlog: backlog, limit: 32) == connections)
    }

    @Test(arguments: [(0, 32), (-1, 32), (5, 0), (5, -1), (Int.min, Int.min)])
    func nothingToDo(backlog: Int, limit: Int) { #expect(IdealConnections.count(backlog: backlog, limit: limit) == 0) }

    @Test(arguments: [(1, 1), (1, Int.max), (Int.max, 1), (Int.max, Int.max), (1_000_000, 32), (3, 1_000_000)])
    func neverMoreThanBacklogOrLimit(backlog: Int, limit: Int) {
        let count = IdealConnections.count(backlog: backlog, limit: limit)
        #expect(count >= 1 && count <= min(backlog, limit))
    }

    @Test func growsWithTheBacklog() {
        var last = 0
        for backlog in 0..<2000 {
            let count = IdealConnections.count(backlog: backlog, limit: 100)
            #expect(count >= last)
            last = count
        }
        #expect(last == 100)
    }
}
