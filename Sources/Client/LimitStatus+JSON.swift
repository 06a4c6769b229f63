package import JSON

extension LimitStatus: JSONEncodable, JSONDecodable {
    /// As the HTTP API shows it.
    package var json: JSONValue {
        .object([
            "limit": .string(limit), "kind": .string(kind), "value": .string(value), "used": .optional(used), "held": .whole(held),
            "wants": .whole(wants), "waiting": .whole(waiting), "mode": .string(mode), "share": .double(share), "nodes": nodes.json,
        ])
    }

    /// Reads what `json` wrote; a node of a newer version may have added to it.
    package init(json: JSONValue) throws(JSONFault) {
        self.init(
            limit: try json.string("limit"), kind: try json.string("kind"), value: try json.string("value"),
            used: try json.optionalInteger("used"), held: try json.integer("held"), wants: try json.integer("wants"),
            waiting: try json.integer("waiting"), mode: try json.string("mode"), share: try json.double("share"),
            nodes: try json.required("nodes") { value throws(JSONFault) in try [Holder](json: value) })
    }
}

extension LimitStatus.Holder: JSONEncodable, JSONDecodable {
    /// As the HTTP API shows it.
    package var json: JSONValue {
        .object(["node": .string(node), "has": .whole(has), "wants": .whole(wants), "waits_seconds": .double(waitsSeconds)])
    }

    /// Reads what `json` wrote; a node of a newer version may have added to it.
    package init(json: JSONValue) throws(JSONFault) {
        self.init(
            node: try json.string("node"), has: try json.integer("has"), wants: try json.integer("wants"),
            waitsSeconds: try json.double("waits_seconds"))
    }
}
