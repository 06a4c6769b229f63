import Message

extension Command {
    /// Parses one command line, without its CRLF. Never traps, never reads beyond `line`, allocates only what the
    /// command carries.
    static func parse(_ line: UnsafeRawBufferPointer) -> CommandLine {
        var seen: UInt8 = 0
        for byte in line {
            seen |= byte
            if byte < 0x20 && byte != 0x09 || byte == 0x7F { return .fault(.controlCharacter, isFatal: false) }
        }
        if seen >= 0x80, String(validating: line, as: UTF8.self) == nil { return .fault(.notUTF8, isFatal: false) }

        var scanner = LineScanner(line)
        switch scanner.verb() {
        case .helo: return hello(&scanner, extended: false)
        case .ehlo: return hello(&scanner, extended: true)
        case .mail: return mail(&scanner)
        case .rcpt: return recipient(&scanner)
        case .data: return bare(&scanner, .data)
        case .bdat: return chunk(&scanner)
        case .rset: return bare(&scanner, .rset)
        case .noop: return .command(.noop)
        case .quit: return bare(&scanner, .quit)
        case .help: return .command(.help)
        case .vrfy:
            scanner.skipBlanks()
            return scanner.isAtEnd ? .fault(.verifySyntax, isFatal: false) : .command(.verify)
        case .expn: return .command(.expand)
        case .starttls: return bare(&scanner, .startTLS)
        case .auth: return .command(.auth)
        case .xclient: return .command(.xclient)
        default: return .fault(.unknownCommand, isFatal: false)
        }
    }

    private static func bare(_ scanner: inout LineScanner, _ command: Command) -> CommandLine {
        scanner.skipBlanks()
        return scanner.isAtEnd ? .command(command) : .fault(.noArguments, isFatal: false)
    }

    private static func hello(_ scanner: inout LineScanner, extended: Bool) -> CommandLine {
        scanner.skipBlanks()
        let name = scanner.word()
        scanner.skipBlanks()
        // Names are not checked further: half the world's clients introduce themselves wrongly (RFC 5321, 4.1.4 forbids
        // refusing them for it). 255 octets is the longest domain, RFC 5321, 4.5.3.1.2.
        guard scanner.isAtEnd, (1...255).contains(name.count) else { return .fault(.helloSyntax, isFatal: false) }
        let domain = String(decoding: name, as: UTF8.self)
        return .command(extended ? .ehlo(domain) : .helo(domain))
    }

    private static func mail(_ scanner: inout LineScanner) -> CommandLine {
        scanner.skipBlanks()
        guard scanner.skip(keyword: "FROM:") else { return .fault(.mailSyntax, isFatal: false) }
        scanner.skipBlanks()
        let path: (address: EnvelopeAddress, consumed: Int)
        do { path = try PathParser.parse(scanner.rest, allowNull: true) } catch {
            return .fault(.badSender, isFatal: false)
        }
        scanner.advance(path.consumed)
        guard scanner.isAtEnd || scanner.isAtBlank else { return .fault(.badSender, isFatal: false) }
        var parameters = MailParameters()
        if let fault = parameters.read(&scanner) { return .fault(fault, isFatal: false) }
        // RFC 6531, 3.4: an internationalised address needs the parameter.
        if path.address.needsSMTPUTF8, !parameters.smtpUTF8 { return .fault(.needsUTF8, isFatal: false) }
        return .command(.mail(path.address, parameters))
    }

    private static func recipient(_ scanner: inout LineScanner) -> CommandLine {
        scanner.skipBlanks()
        guard scanner.skip(keyword: "TO:") else { return .fault(.recipientSyntax, isFatal: false) }
        scanner.skipBlanks()
        let path: (address: EnvelopeAddress, consumed: Int)
        do { path = try PathParser.parse(scanner.rest, allowNull: false) } catch {
            return .fault(.badRecipient, isFatal: false)
        }
        scanner.advance(path.consumed)
        guard scanner.isAtEnd || scanner.isAtBlank else { return .fault(.badRecipient, isFatal: false) }
        scanner.skipBlanks()
        // NOTIFY and ORCPT belong to DSN, which is not offered.
        guard scanner.isAtEnd else { return .fault(.unsupportedParameter, isFatal: false) }
        return .command(.recipient(path.address))
    }

    /// A BDAT whose length is unknown is fatal: its octets would be taken for commands, which is smuggling.
    private static func chunk(_ scanner: inout LineScanner) -> CommandLine {
        scanner.skipBlanks()
        guard let octets = scanner.word().decimal else { return .fault(.chunkSyntax, isFatal: true) }
        scanner.skipBlanks()
        let isLast = scanner.skip(keyword: "LAST")
        scanner.skipBlanks()
        guard scanner.isAtEnd else { return .fault(.chunkSyntax, isFatal: true) }
        return .command(.bdat(octets: octets, isLast: isLast))
    }
}

extension MailParameters {
    /// Reads all ESMTP parameters up to the end of the line; the reply when one is wrong.
    fileprivate mutating func read(_ scanner: inout LineScanner) -> FixedReply? {
        while true {
            scanner.skipBlanks()
            if scanner.isAtEnd { return nil }
            let word = scanner.word()
            let equals = word.firstIndex(of: UInt8(ascii: "="))
            let key = UnsafeRawBufferPointer(rebasing: word[..<(equals ?? word.endIndex)])
            let value = equals.map { UnsafeRawBufferPointer(rebasing: word[($0 + 1)...]) }
            switch key.foldedWord {
            case .size:
                guard size == nil, let value, let octets = value.saturatingDecimal else { return .badParameter }
                size = octets
            case .body:
                guard body == nil, let value else { return .badParameter }
                switch value.foldedWord {
                case .sevenBit: body = .sevenBit
                case .eightBitMIME: body = .eightBitMIME
                default: return value.equalsFolded("BINARYMIME") ? .unsupportedParameter : .badParameter
                }
            case .smtputf8:
                guard !smtpUTF8, value == nil else { return .badParameter }
                smtpUTF8 = true
            case .auth:
                guard auth == nil, let value, !value.isEmpty else { return .badParameter }
                auth = String(decoding: value, as: UTF8.self)
            default:
                return .unsupportedParameter
            }
        }
    }
}
