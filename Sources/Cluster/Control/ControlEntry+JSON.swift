internal import JSON

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
        do throws(JSONFault) {
            try JSONScanner.scan(json, .cluster) { scanner throws(JSONFault) in
                try scanner.object { name, scanner throws(JSONFault) in
                    guard names.count < 64, names.insert(name).inserted else { throw JSONFault(unusable: "too many members, or one twice") }
                    try entry.read(name, &scanner, &kind)
                }
            }
        } catch {
            return nil
        }
        guard let kind, names.isSuperset(of: ["id", "kind", "node", "created", "version"]) else { return nil }
        entry.kind = kind
        self = entry
    }

    private mutating func read(_ name: String, _ scanner: inout JSONScanner, _ kind: inout ControlKind?) throws(JSONFault) {
        switch name {
        case "id": id = try scanner.string()
        case "kind":
            guard let known = ControlKind(rawValue: try scanner.string()) else { throw JSONFault(unusable: "not a kind") }
            kind = known
        case "domain": scope.domain = try scanner.string()
        case "routing_domain": scope.routingDomain = try scanner.string()
        case "tenant": scope.tenant = try scanner.string()
        case "campaign": scope.campaign = try scanner.string()
        case "path": scope.path = try scanner.string()
        case "only_node": scope.node = try scanner.string()
        case "payload": payload = try scanner.string()
        case "reason": reason = try scanner.string()
        case "issuer": issuer = try scanner.string()
        case "node": node = try scanner.string()
        case "created": created = try scanner.integer()
        case "expires": expires = try scanner.integer()
        case "version": version = try scanner.integer()
        case "queues": scope.queues = try scanner.strings(most: ControlBounds.queues)
        case "everything": scope.isEverything = try scanner.boolean()
        case "removed": isRemoved = try scanner.boolean()
        default: try scanner.skip()
        }
    }
}

extension JSONRules {
    /// What the cluster tells: an object of known members, and what a newer release may add, 16 levels deep.
    static let cluster = JSONRules(depth: 17)
}

extension JSONScanner {
    /// Reads an array of at most `most` strings.
    mutating func strings(most: Int) throws(JSONFault) -> [String] {
        var texts: [String] = []
        try array { scanner throws(JSONFault) in
            guard texts.count < most else { throw JSONFault(unusable: "more than \(most) strings") }
            texts.append(try scanner.string())
        }
        return texts
    }
}
