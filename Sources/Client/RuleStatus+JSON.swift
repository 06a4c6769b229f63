package import JSON

extension RuleStatus: JSONEncodable, JSONDecodable {
    /// As the HTTP API shows it.
    package var json: JSONValue {
        .object([
            "id": .string(id), "reason": .string(reason), "issuer": .string(issuer), "created": .string(created),
            "duration": .optional(duration), "expires": .optional(expires), "domain": .optional(domain),
            "routing_domain": .optional(routingDomain), "tenant": .optional(tenant), "campaign": .optional(campaign),
            "queue_names": .optional(queueNames), "name": .optional(name), "everything": .optional(everything), "node": .optional(node),
            "bounced": bounced.map { .counts($0) }, "total_bounced": .optional(totalBounced),
        ])
    }

    /// Reads what `json` wrote; a node of a newer version may have added to it.
    package init(json: JSONValue) throws(JSONFault) {
        self.init(
            id: try json.string("id"), reason: try json.string("reason"), issuer: try json.string("issuer"),
            created: try json.string("created"))
        duration = try json.optionalString("duration")
        expires = try json.optionalString("expires")
        domain = try json.optionalString("domain")
        routingDomain = try json.optionalString("routing_domain")
        tenant = try json.optionalString("tenant")
        campaign = try json.optionalString("campaign")
        queueNames = try json.optional("queue_names") { value throws(JSONFault) in try value.asStrings() }
        name = try json.optionalString("name")
        everything = try json.optionalBoolean("everything")
        node = try json.optionalString("node")
        bounced = try json.optional("bounced") { value throws(JSONFault) in
            try value.asTable { value throws(JSONFault) in try value.asInteger() }
        }
        totalBounced = try json.optionalInteger("total_bounced")
    }
}

extension BounceCount: JSONEncodable, JSONDecodable {
    /// As the HTTP API shows it.
    package var json: JSONValue {
        .object(["id": .optional(id), "bounced": .counts(bounced), "total_bounced": .whole(totalBounced)])
    }

    /// Reads what `json` wrote; a node of a newer version may have added to it.
    package init(json: JSONValue) throws(JSONFault) {
        self.init(
            id: try json.optionalString("id"), bounced: try json.counts("bounced"), totalBounced: try json.integer("total_bounced"))
    }
}

extension RuleID: JSONEncodable, JSONDecodable {
    /// As the HTTP API shows it.
    package var json: JSONValue {
        .object(["id": .string(id)])
    }

    /// Reads what `json` wrote; a node of a newer version may have added to it.
    package init(json: JSONValue) throws(JSONFault) {
        self.init(
            id: try json.string("id"))
    }
}
