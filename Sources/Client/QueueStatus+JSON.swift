package import JSON

extension QueueStatus: JSONEncodable, JSONDecodable {
    /// As the HTTP API shows it.
    package var json: JSONValue {
        .object([
            "queue": .string(queue), "scheduled": .whole(scheduled), "due": .whole(due), "active": .whole(active),
            "delivered": .whole(delivered), "oldest_age": .optional(oldestAge), "next_due": .optional(nextDue), "state": .string(state),
            "blocked_by": .optional(blockedBy), "last_reply": .optional(lastReply),
        ])
    }

    /// Reads what `json` wrote; a node of a newer version may have added to it.
    package init(json: JSONValue) throws(JSONFault) {
        self.init(
            queue: try json.string("queue"), scheduled: try json.integer("scheduled"), due: try json.integer("due"),
            active: try json.integer("active"), delivered: try json.integer("delivered"),
            oldestAge: try json.optional("oldest_age") { value throws(JSONFault) in try value.asDouble() },
            nextDue: try json.optionalString("next_due"), state: try json.string("state"), blockedBy: try json.optionalString("blocked_by"),
            lastReply: try json.optionalString("last_reply"))
    }
}

extension PauseStatus: JSONEncodable, JSONDecodable {
    /// As the HTTP API shows it.
    package var json: JSONValue {
        .object(["queue": .string(queue), "reason": .string(reason), "issuer": .string(issuer), "since": .string(since)])
    }

    /// Reads what `json` wrote; a node of a newer version may have added to it.
    package init(json: JSONValue) throws(JSONFault) {
        self.init(
            queue: try json.string("queue"), reason: try json.string("reason"), issuer: try json.string("issuer"),
            since: try json.string("since"))
    }
}
