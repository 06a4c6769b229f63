import NIOCore
import Testing

@testable import Delivery

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
