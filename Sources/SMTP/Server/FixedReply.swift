import NIOCore

/// A reply that is the same for every session, kept in wire form so that sending it is one copy. *Value.*
///
/// The texts are the contract users grep for (`docs/compatibility.md`); do not reword them lightly.
struct FixedReply: Sendable {
    /// The whole reply, one line, with its CRLF.
    let wire: StaticString

    init(_ wire: StaticString) { self.wire = wire }

    /// The same reply as a value, for logs and for closing a session. Not for the data path.
    var reply: Reply {
        wire.withUTF8Buffer { utf8 in
            let bytes = UnsafeRawBufferPointer(utf8)
            let code = bytes.prefix(3).reduce(0) { $0 * 10 + Int($1) - 0x30 }
            let rest = UnsafeRawBufferPointer(rebasing: bytes[4..<(bytes.count - 2)])
            guard let (status, consumed) = EnhancedStatus.parse(prefix: rest) else {
                return Reply(code, nil, String(decoding: rest, as: UTF8.self))
            }
            return Reply(code, status, String(decoding: rest.dropFirst(consumed + 1), as: UTF8.self))
        }
    }

    // Success.
    static var ok: Self { Self("250 OK\r\n") }
    static var reset: Self { Self("250 Reset state\r\n") }
    static var noop: Self { Self("250 the goggles do nothing\r\n") }
    static var goodbye: Self { Self("221 So long, and thanks for all the fish!\r\n") }
    static var sendBody: Self { Self("354 Send body; end with CRLF.CRLF\r\n") }
    static var readyForTLS: Self { Self("220 2.0.0 Ready to start TLS\r\n") }
    static var help: Self { Self("214 2.0.0 HELO EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT; see RFC 5321\r\n") }
    static var unverified: Self { Self("252 2.1.5 no verification; send the message and see\r\n") }

    // Faults of the command line.
    static var lineTooLong: Self { Self("500 5.2.3 line too long\r\n") }
    static var bareLineFeed: Self { Self("500 5.5.2 command lines must end with CRLF\r\n") }
    static var controlCharacter: Self { Self("500 5.5.2 control character in command\r\n") }
    static var notUTF8: Self { Self("501 5.5.2 Invalid UTF-8 in command\r\n") }
    static var unknownCommand: Self { Self("502 5.5.1 command not recognized\r\n") }
    static var notSupported: Self { Self("502 5.5.1 command not supported\r\n") }
    static var notOffered: Self { Self("502 5.5.1 this extension is not offered here\r\n") }
    static var unauthorized: Self { Self("550 insufficient authorization\r\n") }
    static var noArguments: Self { Self("501 5.5.4 this command takes no argument\r\n") }
    static var helloSyntax: Self { Self("501 5.5.4 syntax: EHLO domain\r\n") }
    static var mailSyntax: Self { Self("501 5.5.4 syntax: MAIL FROM:<address> [parameters]\r\n") }
    static var recipientSyntax: Self { Self("501 5.5.4 syntax: RCPT TO:<address>\r\n") }
    static var verifySyntax: Self { Self("501 5.5.4 syntax: VRFY string\r\n") }
    static var chunkSyntax: Self { Self("501 5.5.4 syntax: BDAT octets [LAST]\r\n") }
    static var badSender: Self { Self("501 5.1.7 bad sender address syntax\r\n") }
    static var badRecipient: Self { Self("501 5.1.3 bad recipient address syntax\r\n") }
    static var badParameter: Self { Self("501 5.5.4 bad parameter\r\n") }
    static var unsupportedParameter: Self { Self("555 5.5.4 parameter not supported\r\n") }
    static var needsUTF8: Self { Self("553 5.6.7 non-ASCII address without SMTPUTF8\r\n") }

    // Faults of sequence and limits.
    static var helloFirst: Self { Self("503 5.5.0 say EHLO first\r\n") }
    static var loadShedding: Self { Self("452 4.3.1 load shedding. Try later\r\n") }
    static var nestedMail: Self { Self("503 5.5.0 a transaction is already open\r\n") }
    static var alreadySecure: Self { Self("503 5.5.1 TLS is already in use\r\n") }
    static var mailFirst: Self { Self("503 5.5.0 MAIL FROM first\r\n") }
    static var recipientFirst: Self { Self("503 5.5.0 RCPT TO first\r\n") }
    static var mailOpen: Self { Self("503 5.5.0 not within a transaction\r\n") }
    static var tooManyIdle: Self { Self("503 5.5.0 too many commands without a message\r\n") }
    static var chunksOpen: Self { Self("503 5.5.0 BDAT in progress\r\n") }
    static var tooManyRecipients: Self { Self("452 4.5.3 too many recipients\r\n") }

    // Faults of the content.
    static var tooBig: Self { Self("552 5.3.4 message too big\r\n") }
    static var nullOctet: Self { Self("554 5.6.0 message data must not contain NUL\r\n") }
    static var lineEndings: Self { Self("552 5.6.0 message data must use CRLF for line endings\r\n") }
}

extension ByteBuffer {
    /// Appends a preformatted reply.
    mutating func writeReply(_ reply: FixedReply) {
        writeStaticString(reply.wire)
    }
}
