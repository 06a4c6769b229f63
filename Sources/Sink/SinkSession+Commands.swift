import NIOCore
import Synchronization

extension SinkSession {
    /// One command line with its line end.
    func command(_ line: UnsafeRawBufferPointer) {
        // Only CRLF ends a line: a sink that took a bare LF would hide a client's mistake.
        guard line.count >= 2, line[line.count - 2] == 0x0D else { return refuse("500 5.5.2 bare LF\r\n") }
        guard line.count >= 6 else { return refuse("500 5.5.1 unknown command\r\n") }
        // Four letters, upper case, as one number.
        var verb: UInt32 = 0
        for index in 0..<4 {
            let byte = line[index]
            verb = verb << 8 | UInt32(byte &- 0x61 < 26 ? byte & 0xDF : byte)
        }
        switch verb {
        case 0x4D41_494C:  // MAIL
            guard !hasSender else { return refuse("503 5.5.1 a transaction is open\r\n") }
            if shared.keepsDetails { mailNanoseconds = NIODeadline.now().uptimeNanoseconds }
            decide(.mail)
        case 0x5243_5054:  // RCPT
            guard hasSender else { return refuse("503 5.5.1 MAIL first\r\n") }
            guard recipientCount < shared.configuration.maxRecipients else {
                return refuse("452 4.5.3 too many recipients\r\n")
            }
            decide(.rcpt(shared.keepsRecipients ? Self.address(in: line) : []))
        case 0x4441_5441:  // DATA
            guard recipientCount > 0 else { return refuse("503 5.5.1 no recipients\r\n") }
            decide(.data)
        case 0x4244_4154:  // BDAT
            chunk(line)
        case 0x4548_4C4F:  // EHLO
            introduce(line)
            decide(.ehlo(extended: true))
        case 0x4845_4C4F:  // HELO
            introduce(line)
            decide(.ehlo(extended: false))
        case 0x5253_4554:  // RSET
            endTransaction()
            out.writeStaticString("250 2.0.0 OK\r\n")
        case 0x4E4F_4F50:  // NOOP
            out.writeStaticString("250 2.0.0 OK\r\n")
        case 0x5155_4954:  // QUIT
            out.writeStaticString("221 2.0.0 bye\r\n")
            isClosing = true
        default: refuse("500 5.5.1 unknown command\r\n")
        }
    }

    /// Remembers who the client says it is.
    private func introduce(_ line: UnsafeRawBufferPointer) {
        guard shared.keepsDetails else { return }
        client = Array(line[4..<(line.count - 2)].drop { $0 == 0x20 }.prefix { $0 != 0x20 }.prefix(255))
    }

    /// What stands between the angle brackets.
    private static func address(in line: UnsafeRawBufferPointer) -> [UInt8] {
        guard let open = line.firstIndex(of: UInt8(ascii: "<")), let close = line.lastIndex(of: UInt8(ascii: ">")), open < close
        else { return [] }
        return Array(line[(open + 1)..<close])
    }

    /// `BDAT size [LAST]` (RFC 3030 2). The octets follow whatever the answer is.
    private func chunk(_ line: UnsafeRawBufferPointer) {
        guard shared.configuration.extensions.contains(.chunking) else { return refuse("502 5.5.1 no CHUNKING here\r\n") }
        let words = line[4..<(line.count - 2)].split(separator: 0x20)
        guard let digits = words.first, digits.count <= 15, digits.allSatisfy({ $0 &- 0x30 < 10 }),
            words.count == 1 || (words.count == 2 && words[1].count == 4)
        else {
            // Where the octets end is unknown, so nothing after this can be understood.
            isClosing = true
            return refuse("501 5.5.4 BDAT size [LAST]\r\n")
        }
        let size = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        let isValid = hasSender && recipientCount > 0
        let isLast = words.count == 2
        mode = .chunk(remaining: size, isLast: isLast, isValid: isValid)
        if size == 0 { endOfChunk(isLast: isLast, isValid: isValid) }
    }

    /// All octets of a chunk are here.
    func endOfChunk(isLast: Bool, isValid: Bool) {
        mode = .command
        guard isValid else { return refuse("503 5.5.1 no recipients\r\n") }
        if isLast { endOfContent() } else { out.writeStaticString("250 2.0.0 OK\r\n") }
    }

    /// A message is complete.
    func endOfContent() {
        mode = .command
        guard contentBytes <= shared.configuration.maxMessageSize else {
            endTransaction()
            return refuse("552 5.3.4 message too big\r\n")
        }
        decide(.dot)
    }

    /// Carries out a step as the rules will have it.
    func apply(_ step: Step, _ verdict: SinkPlan.Verdict) {
        if verdict.disconnects {
            isClosing = true
            return
        }
        var isAccepted = true
        if let reply = verdict.reply {
            out.writeString(reply)
            out.writeStaticString("\r\n")
            isAccepted = reply.utf8.first.map { $0 < 0x34 } ?? false
            if !isAccepted { shared.tally.refusals.wrappingAdd(1, ordering: .relaxed) }
            if reply.hasPrefix("421") { isClosing = true }
        }
        let isSilent = verdict.reply != nil
        switch step {
        case .connect:
            if !isSilent { out.writeImmutableBuffer(shared.greeting) }
        case .ehlo(let extended):
            if isAccepted { endTransaction() }
            if !isSilent { out.writeImmutableBuffer(extended ? shared.ehloReply : shared.heloReply) }
        case .mail:
            hasSender = isAccepted
            if !isSilent { out.writeStaticString("250 2.1.0 OK\r\n") }
        case .rcpt(let address):
            if isAccepted {
                recipientCount += 1
                if shared.keepsRecipients { recipients.append(address) }
            }
            if !isSilent { out.writeStaticString("250 2.1.5 OK\r\n") }
        case .data:
            if isAccepted {
                mode = .data
                scanner = ContentScanner()
                startContent()
            }
            if !isSilent { out.writeStaticString("354 go ahead\r\n") }
        case .dot:
            if isAccepted { count() }
            endTransaction()
            if !isSilent { out.writeStaticString("250 2.0.0 OK\r\n") }
        }
    }

    private func count() {
        shared.tally.messages.wrappingAdd(1, ordering: .relaxed)
        shared.tally.recipients.wrappingAdd(recipientCount, ordering: .relaxed)
        shared.tally.bytes.wrappingAdd(contentBytes, ordering: .relaxed)
        guard let recorder = shared.recorder else { return }
        recorder.add(
            nanoseconds: NIODeadline.now().uptimeNanoseconds, session: id, recipients: recipients, header: capture?.value ?? [],
            details: shared.configuration.recordsDetails
                ? SinkRecorder.Details(client: client, mailNanoseconds: mailNanoseconds) : nil)
    }

    private func endTransaction() {
        hasSender = false
        recipientCount = 0
        recipients.removeAll(keepingCapacity: recipients.capacity <= 64)
        startContent()
    }

    private func startContent() {
        contentBytes = 0
        capture?.reset()
    }
}
