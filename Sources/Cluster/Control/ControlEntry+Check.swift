extension ControlEntry {
    /// What is wrong with an entry that another node, the store or the file brought: a short clause, or nil.
    package func flaw(now: Int64) -> String? {
        if let flaw = textFlaw { return flaw }
        if !Self.isName(node, most: ControlBounds.nodeBytes) { return "its node is not the name of a node" }
        if version < 1 || version > ControlBounds.version { return "its version is out of bounds" }
        if created < ControlBounds.earliest { return "it was issued before 2020" }
        if created > now &+ ControlBounds.clockSkew { return "it was issued more than a day in the future" }
        if let expires, expires < ControlBounds.earliest || expires > created &+ ControlBounds.life {
            return "it ends at an impossible time"
        }
        if isRemoved, (expires ?? .max) > created &+ 2 &* ControlBounds.tombstoneLife { return "its tombstone never ends" }
        if kind.needsScope, scope.isEmpty, !isRemoved { return "it acts on nothing" }
        return nil
    }

    /// What is wrong with an entry that somebody wants to issue here, as an error.
    func checkIssuable(now: Int64) throws(ControlError) {
        if let flaw = textFlaw {
            throw ControlError(.invalid, "the entry cannot be issued: \(flaw)", remedy: "Correct that field and issue it again")
        }
        if kind.needsScope, scope.isEmpty {
            throw ControlError(
                .invalid, "the entry cannot be issued: it does not say what it acts on",
                remedy: "Name a domain, tenant, campaign, queue or path, or say that everything is meant")
        }
        if kind.needsScope, kind == .suspendPath ? scope.hasQueueCriterion : scope.path != nil {
            throw ControlError(
                .invalid, "the entry cannot be issued: a path and queues together match nothing",
                remedy: "Use suspend_path with a path, and the other kinds with a domain, tenant, campaign or queue")
        }
        guard let expires else { return }
        guard expires > now, expires <= now &+ ControlBounds.life - ControlBounds.day else {
            throw ControlError(
                .invalid, "the entry cannot be issued: it would end \(expires > now ? "in more than ten years" : "in the past")",
                remedy: "Choose a later or no end, or a shorter duration")
        }
    }

    /// What is wrong with its texts, as a short clause; never with the text itself.
    private var textFlaw: String? {
        if !Self.isName(id, most: ControlBounds.idBytes) { return "its id is not 1 to 256 visible US-ASCII characters" }
        if payload.utf8.count > ControlBounds.payloadBytes { return "its payload is longer than \(ControlBounds.payloadBytes) bytes" }
        if reason.utf8.count > ControlBounds.reasonBytes { return "its reason is longer than \(ControlBounds.reasonBytes) bytes" }
        if issuer.utf8.count > ControlBounds.nameBytes { return "its issuer is longer than \(ControlBounds.nameBytes) bytes" }
        let names = [scope.domain, scope.routingDomain, scope.tenant, scope.campaign, scope.node]
        for name in names {
            if let name, !Self.isText(name, most: ControlBounds.nameBytes) {
                return "a name in its scope is empty, too long or not printable"
            }
        }
        if let path = scope.path, !Self.isText(path, most: ControlBounds.queueNameBytes) {
            return "the path in its scope is empty, too long or not printable"
        }
        if scope.queues.count > ControlBounds.queues { return "it names more than \(ControlBounds.queues) queues" }
        var bytes = 0
        for queue in scope.queues {
            guard Self.isText(queue, most: ControlBounds.queueNameBytes) else {
                return "a queue name in its scope is empty, too long or not printable"
            }
            bytes += queue.utf8.count
        }
        if bytes > ControlBounds.payloadBytes { return "the queue names in its scope are longer than \(ControlBounds.payloadBytes) bytes" }
        return nil
    }

    /// 1 to `most` bytes of visible US-ASCII.
    static func isName(_ text: String, most: Int) -> Bool {
        (1...most).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
    }

    /// 1 to `most` bytes without control characters.
    static func isText(_ text: String, most: Int) -> Bool {
        (1...most).contains(text.utf8.count) && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
    }
}
