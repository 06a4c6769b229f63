/// The words the client machine and its handler share. The machine is `ClientSession.StateMachine`.
///
/// *Value* (namespace).
enum ClientSession {
    /// What the machine needs to know of a transaction. *Value.*
    struct Outline: Equatable {
        var recipients: Int
        var size: Int
        var needs8Bit = false
        var needsUTF8 = false
        /// The content is in memory, so it may ride in the same write as the envelope.
        var isInline = true
    }

    /// A transaction whose envelope was sent, or is about to be. *Value.*
    struct Envelope: Equatable {
        var recipients: Int
        /// RSET stands before MAIL.
        var resets: Bool
    }

    /// Commands that leave in one write, in the order of the fields. *Value.*
    struct Batch: Equatable {
        var rset = false
        var mail = false
        var recipients: Range<Int> = 0..<0
        var data = false
        /// `BDAT n LAST`, and then the content as it is.
        var bdat = false
    }

    /// What the handler is to do. *Value.*
    enum Action: Equatable {
        case none
        /// EHLO, HELO or LHLO.
        case hello(ClientCommand)
        /// STARTTLS.
        case startTLS
        /// Begin the handshake: what comes next is encrypted.
        case encrypt
        case ready(Capabilities)
        case send(Batch)
        /// Headers, body and final dot. `contentSent` follows when the dot was written.
        case sendContent
        /// End an empty message that nobody will get (RFC 2920 3.1).
        case sendLoneDot
        case sendQuit
        /// Report. What was looked ahead runs now.
        case finish(TransactionResult)
        /// Report, then QUIT, which was asked for meanwhile.
        case finishAndQuit(TransactionResult)
        /// Report and close. Nothing of the content of what was looked ahead has been sent.
        case finishAndClose(TransactionResult, ClientCloseReason)
        case close(ClientCloseReason)
    }

    /// How the content of the running transaction travels. *Value.*
    enum ContentPlan: Equatable {
        /// DATA left together with the envelope.
        case dataInBatch
        /// DATA is sent once a recipient was accepted.
        case dataAfter
        /// BDAT and the content left together with the envelope: one round trip.
        case bdatInBatch
        /// BDAT and the content are sent once a recipient was accepted.
        case bdatAfter
    }

    /// Content that may leave before anybody was accepted. A bigger one would be wasted on a refusal.
    static let bdatInBatchLimit = 1 << 20
}
