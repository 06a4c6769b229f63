import Message
import NIOCore

/// Writes commands as bytes.
///
/// *Value* (namespace), pure. Addresses are the only foreign bytes in a command; `isSafe` keeps line ends out of them.
enum CommandEncoder {
    /// Whether an address may be put between angle brackets: no control bytes, so no second command can hide in it.
    static func isSafe(_ address: EnvelopeAddress) -> Bool {
        address.localPart.utf8.allSatisfy(isSafe) && address.domain.utf8.allSatisfy { isSafe($0) && $0 != UInt8(ascii: ">") && $0 != 0x20 }
    }

    private static func isSafe(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F }

    /// EHLO, HELO or LHLO.
    static func hello(_ command: ClientCommand, domain: String, into buffer: inout ByteBuffer) {
        buffer.writeString(command.text)
        buffer.writeInteger(UInt8(ascii: " "))
        // The name comes from configuration; a line end in it would be a second command.
        buffer.writeBytes(domain.utf8.lazy.filter { $0 > 0x20 && $0 != 0x7F })
        buffer.writeStaticString("\r\n")
    }

    /// The commands of `batch`.
    static func encode(
        _ batch: ClientSession.Batch, of transaction: ClientTransaction, capabilities: Capabilities, into buffer: inout ByteBuffer
    ) {
        if batch.rset { buffer.writeStaticString("RSET\r\n") }
        if batch.mail {
            buffer.writeStaticString("MAIL FROM:<")
            buffer.writeString(transaction.sender.text)
            buffer.writeInteger(UInt8(ascii: ">"))
            if capabilities.offers(.size) {
                buffer.writeStaticString(" SIZE=")
                write(transaction.size, into: &buffer)
            }
            if transaction.needs8Bit, capabilities.offers(.eightBitMIME) { buffer.writeStaticString(" BODY=8BITMIME") }
            if transaction.needsUTF8, capabilities.offers(.smtpUTF8) { buffer.writeStaticString(" SMTPUTF8") }
            buffer.writeStaticString("\r\n")
        }
        for index in batch.recipients {
            buffer.writeStaticString("RCPT TO:<")
            buffer.writeString(transaction.recipients[index].text)
            buffer.writeStaticString(">\r\n")
        }
        if batch.data { buffer.writeStaticString("DATA\r\n") }
        if batch.bdat {
            buffer.writeStaticString("BDAT ")
            write(transaction.size, into: &buffer)
            buffer.writeStaticString(" LAST\r\n")
        }
    }

    /// Decimal digits without a String.
    private static func write(_ number: Int, into buffer: inout ByteBuffer) {
        var divisor = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            buffer.writeInteger(UInt8(0x30 + number / divisor % 10))
            divisor /= 10
        }
    }
}
