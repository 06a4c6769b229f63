package import JSON

extension MemberStatus: JSONEncodable, JSONDecodable {
    /// As the HTTP API shows it.
    package var json: JSONValue {
        .object([
            "node": .string(node), "address": .string(address), "zone": .string(zone), "version": .string(version), "state": .string(state),
            "status": .string(status), "spools": .strings(spools), "joined": .string(joined), "last_seen": .double(lastSeen),
            "self": .boolean(isSelf),
        ])
    }

    /// Reads what `json` wrote; a node of a newer version may have added to it.
    package init(json: JSONValue) throws(JSONFault) {
        self.init(
            node: try json.string("node"), address: try json.string("address"), zone: try json.string("zone"),
            version: try json.string("version"), state: try json.string("state"), status: try json.string("status"),
            spools: try json.strings("spools"), joined: try json.string("joined"), lastSeen: try json.double("last_seen"),
            isSelf: try json.boolean("self"))
    }
}
