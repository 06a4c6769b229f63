import NIOCore
import Testing

@testable import Node

@Suite struct FileTextTests {
    @Test func replacesWhole() throws {
        let folder = TestFolder()
        #expect(try FileText.read(folder.file("a")) == nil)
        try FileText.replace(folder.file("a"), with: "one")
        try FileText.replace(folder.file("a"), with: "")
        #expect(try FileText.read(folder.file("a")) == "")
        #expect(try FileText.read(folder.file("a.new")) == nil)
        #expect(throws: NodeError.self) { try FileText.replace(folder.file("missing/a"), with: "x") }
    }
}

@Suite struct BoundSocketTests {
    @Test func aPortInUseIsExplained() throws {
        let first = try BoundSocket(host: "127.0.0.1", port: 0)
        let port = try #require(Int(first.address.split(separator: ":").last ?? ""))
        do {
            _ = try BoundSocket(host: "127.0.0.1", port: port)
            Issue.record("bound twice")
        } catch {
            #expect(error.message.contains("127.0.0.1:\(port)") && error.message.contains("in use"))
        }
    }

    @Test func aForeignAddressIsExplained() {
        #expect(throws: NodeError.self) { try BoundSocket(host: "192.0.2.1", port: 0) }
        #expect(throws: NodeError.self) { try BoundSocket(host: "example.invalid", port: 0) }
    }
}

@Suite struct EightBitTests {
    @Test(arguments: 0..<40) func findsTheByteAnywhere(_ position: Int) {
        var bytes = [UInt8](repeating: 0x7f, count: 40)
        #expect(!ByteBuffer(bytes: bytes[..<position]).has8bit)
        bytes[position] = 0x80
        #expect(ByteBuffer(bytes: bytes).has8bit)
        var buffer = ByteBuffer(bytes: [0xff] + bytes)
        buffer.moveReaderIndex(forwardBy: position + 2)
        #expect(!buffer.has8bit, "bytes already read do not count")
    }
}

@Suite struct ResidentBudgetTests {
    @Test func roomThenNoneThenShedding() {
        let budget = ResidentBudget(limit: 100)
        #expect(budget.hasRoom && !budget.isExhausted)
        budget.add(100)
        #expect(!budget.hasRoom && !budget.isExhausted)
        budget.add(51)
        #expect(budget.isExhausted)
        budget.remove(151)
        #expect(budget.hasRoom && budget.bytes == 0)
    }
}

@Suite struct DurationTests {
    @Test func wholeNanosecondsSaturate() {
        #expect(Duration.milliseconds(1500).wholeNanoseconds == 1_500_000_000)
        #expect(Duration.nanoseconds(-1).wholeNanoseconds == -1)
        #expect(Duration.seconds(Int64.max / 2).wholeNanoseconds == .max)
    }
}
