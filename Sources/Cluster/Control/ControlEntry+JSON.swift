internal import Telemetry

extension ControlEntry {
    /// The entry as one line of JSON. Members without a value are left out.
    package var json: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(256 + payload.utf8.count)
        out.append(contentsOf: "{\"id\":".utf8)
        JSONText.append(string: id, to: &out)
        append("kind", kind.rawValue, &out)
        append("domain", scope.domain, &out)
        append("routing_domain", scope.routingDomain, &out)
        append("tenant", scope.tenant, &out)
        append("campaign", scope.campaign, &out)
        if !scope.queues.isEmpty {
            out.append(contentsOf: ",\"queues\":[".utf8)
            for (index, queue) in scope.queues.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                JSONText.append(string: queue, to: &out)
            }
            out.append(UInt8(ascii: "]"))
        }
        append("path", scope.path, &out)
        append("only_node", scope.node, &out)
        if scope.isEverything { out.append(contentsOf: ",\"everything\":true".utf8) }
        append("payload", payload.isEmpty ? nil : payload, &out)
        append("reason", reason.isEmpty ? nil : reason, &out)
        append("issuer", issuer.isEmpty ? nil : issuer, &out)
        append("node", node, &out)
        out.append(contentsOf: ",\"created\":\(created)".utf8)
        if let expires { out.append(contentsOf: ",\"expires\":\(expires)".utf8) }
        out.append(contentsOf: ",\"version\":\(version)".utf8)
        if isRemoved { out.append(contentsOf: ",\"removed\":true".utf8) }
        out.append(UInt8(ascii: "}"))
        return out
    }

    private func append(_ name: StaticString, _ text: String?, _ out: inout [UInt8]) {
        guard let text else { return }
        out.append(contentsOf: ",\"".utf8)
        name.withUTF8Buffer { out.append(contentsOf: $0) }
        out.append(contentsOf: "\":".utf8)
        JSONText.append(string: text, to: &out)
    }

    /// Reads a line of JSON; nil when it is no entry. Members it does not know are skipped (a newer release may have them), members
    /// that stand twice are refused. Bounds are `flaw`'s business.
    package init?(json: ArraySlice<UInt8>) {
        guard json.count <= ControlBounds.lineBytes + OrderSeal.most else { return nil }
        var entry = ControlEntry(kind: .suspend)
        var kind: ControlKind?
        var names: Set<String> = []
        var reader = JSONReader(json)
        let isRead = reader.object { name, reader in
            guard names.count < 64, names.insert(name).inserted else { return false }
            return entry.take(name, &reader, &kind)
        }
        guard isRead, reader.isAtEnd(), let kind, names.isSuperset(of: ["id", "kind", "node", "created", "version"]) else { return nil }
        entry.kind = kind
        self = entry
    }

    private mutating func take(_ name: String, _ reader: inout JSONReader, _ kind: inout ControlKind?) -> Bool {
        func text(_ keep: (String) -> Void) -> Bool {
            guard let text = reader.string() else { return false }
            keep(text)
            return true
        }
        func number(_ keep: (Int64) -> Void) -> Bool {
            guard let number = reader.integer() else { return false }
            keep(number)
            return true
        }
        switch name {
        case "id": return text { id = $0 }
        case "kind":
            guard let text = reader.string(), let known = ControlKind(rawValue: text) else { return false }
            kind = known
            return true
        case "domain": return text { scope.domain = $0 }
        case "routing_domain": return text { scope.routingDomain = $0 }
        case "tenant": return text { scope.tenant = $0 }
        case "campaign": return text { scope.campaign = $0 }
        case "path": return text { scope.path = $0 }
        case "only_node": return text { scope.node = $0 }
        case "payload": return text { payload = $0 }
        case "reason": return text { reason = $0 }
        case "issuer": return text { issuer = $0 }
        case "node": return text { node = $0 }
        case "created": return number { created = $0 }
        case "expires": return number { expires = $0 }
        case "version": return number { version = $0 }
        case "queues":
            guard let queues = reader.strings(most: ControlBounds.queues) else { return false }
            scope.queues = queues
            return true
        case "everything", "removed":
            guard let flag = reader.boolean() else { return false }
            if name == "removed" { isRemoved = flag } else { scope.isEverything = flag }
            return true
        default: return reader.skip()
        }
    }
}
