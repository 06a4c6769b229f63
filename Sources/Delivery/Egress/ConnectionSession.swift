import SMTP
import TLS

/// *Loop-confined*: carries the events of one SMTP session into the actor that owns its connection; each enters it once.
final class ConnectionSession: ClientSessionDelegate {
    private let door: any ConnectionDoor
    /// Which session of the connection this is: it may have had others before.
    private let number: Int

    init(_ door: any ConnectionDoor, number: Int) {
        self.door = door
        self.number = number
    }

    func ready(_ client: ClientHandler, capabilities: Capabilities) {
        let offersUTF8 = capabilities.offers(.smtpUTF8)
        door.enter { $0.ready(offersUTF8: offersUTF8) }
    }

    func secured(_ client: ClientHandler, _ facts: TLSFacts) { door.enter { $0.secured(facts) } }

    func finished(_ client: ClientHandler, _ transaction: ClientTransaction, result: TransactionResult) {
        door.enter { $0.finished(transaction.recipients, result) }
    }

    func next(_ client: ClientHandler) -> ClientTransaction? { door.enter { $0.next() } ?? nil }

    func closed(_ client: ClientHandler, reason: ClientCloseReason, unfinished: ClientTransaction?) {
        door.enter { [number] in $0.closed(reason, session: number) }
    }
}
