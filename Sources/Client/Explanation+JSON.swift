package import JSON

extension Explanation: JSONEncodable, JSONDecodable {
    /// As the HTTP API shows it.
    package var json: JSONValue {
        .object(["subject": .string(subject), "answers": answers.json, "unanswered": unanswered.json])
    }

    /// Reads what `json` wrote; a node of a newer version may have added to it.
    package init(json: JSONValue) throws(JSONFault) {
        self.init(
            subject: try json.string("subject"),
            answers: try json.required("answers") { value throws(JSONFault) in try [Answer](json: value) },
            unanswered: try json.required("unanswered") { value throws(JSONFault) in try [Silence](json: value) })
    }
}

extension Explanation.Answer: JSONEncodable, JSONDecodable {
    /// As the HTTP API shows it.
    package var json: JSONValue {
        .object(["node": .string(node), "found": .boolean(found), "sentences": .strings(sentences)])
    }

    /// Reads what `json` wrote; a node of a newer version may have added to it.
    package init(json: JSONValue) throws(JSONFault) {
        self.init(
            node: try json.string("node"), found: try json.boolean("found"), sentences: try json.strings("sentences"))
    }
}

extension Explanation.Silence: JSONEncodable, JSONDecodable {
    /// As the HTTP API shows it.
    package var json: JSONValue {
        .object(["node": .string(node), "reason": .string(reason)])
    }

    /// Reads what `json` wrote; a node of a newer version may have added to it.
    package init(json: JSONValue) throws(JSONFault) {
        self.init(
            node: try json.string("node"), reason: try json.string("reason"))
    }
}
