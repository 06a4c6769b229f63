import Delivery
import JSON
import Options
import Resources
import Shaping

extension V1Injection {
    private static let fields = [
        "envelope_sender", "recipients", "content", "substitutions", "template_dialect", "deferred_spool", "deferred_generation",
        "trace_headers",
    ]

    init(json: JSONValue) throws(JSONFault) {
        try json.refuseUnknownFields(Self.fields)
        envelopeSender = try json.string("envelope_sender")
        recipients = try json.required("recipients") { list throws(JSONFault) in
            try list.asArray { value throws(JSONFault) in value == .null ? nil : try Recipient(json: value) }
        }
        content = try json.required("content") { value throws(JSONFault) in try Content(json: value) }
        deferredSpool = try json.optionalBoolean("deferred_spool") ?? false
        trace = try json.optional("trace_headers") { value throws(JSONFault) in try Trace(json: value) }
        try Self.refuseTemplates(json, recipients)
    }

    /// What a later version may take.
    private static func refuseTemplates(_ json: JSONValue, _ recipients: [Recipient?]) throws(JSONFault) {
        func unsupported(_ field: String, _ text: String) -> JSONFault { JSONFault(unusable: text).inside(.member(field)) }
        let shared = try json.optional("substitutions") { value throws(JSONFault) in try value.members() }
        guard (shared ?? []).isEmpty else {
            throw unsupported("substitutions", "templates are not supported yet by this version; send finished content")
        }
        guard !recipients.contains(where: { $0?.hasSubstitutions == true }) else {
            throw unsupported(
                "recipients", "per-recipient substitutions are not supported yet by this version; send one request per text")
        }
        if let dialect = try json.optionalString("template_dialect"), dialect != "Static" {
            guard ["Jinja", "Handlebars"].contains(dialect) else {
                throw unsupported("template_dialect", "must be Static, Jinja or Handlebars")
            }
            throw unsupported("template_dialect", "'\(dialect)' is not supported yet by this version; use Static")
        }
        guard try json.optionalBoolean("deferred_generation") != true else {
            throw unsupported("deferred_generation", "is not supported yet by this version; leave it out")
        }
    }
}

extension V1Injection.Mailbox {
    init(json: JSONValue) throws(JSONFault) {
        try json.refuseUnknownFields(["email", "name"])
        email = try json.string("email")
        name = try json.optionalString("name")
    }
}

extension V1Injection.Recipient {
    init(json: JSONValue) throws(JSONFault) {
        try json.refuseUnknownFields(["email", "name", "substitutions", "metadata"])
        email = try json.required("email") { value throws(JSONFault) in value == .null ? nil : try value.asString() }
        name = try json.optionalString("name")
        let substitutions = try json.optional("substitutions") { value throws(JSONFault) in try value.members() }
        hasSubstitutions = substitutions?.isEmpty == false
        metadata = try json.optional("metadata") { value throws(JSONFault) in
            try value.asTable { value throws(JSONFault) in ConfigValue(value) }
        }
    }
}

extension V1Injection.Part {
    init(json: JSONValue) throws(JSONFault) {
        try json.refuseUnknownFields(["data", "content_type", "content_id", "file_name", "base64"])
        data = try json.string("data")
        contentType = try json.string("content_type")
        contentID = try json.optionalString("content_id")
        fileName = try json.optionalString("file_name")
        isBase64 = try json.optionalBoolean("base64") ?? false
    }
}

extension V1Injection.Builder {
    private static let fields = [
        "text_body", "html_body", "amp_html_body", "attachments", "headers", "from", "subject", "reply_to",
    ]

    init(json: JSONValue) throws(JSONFault) {
        func mailbox(_ field: String) throws(JSONFault) -> V1Injection.Mailbox? {
            try json.optional(field) { value throws(JSONFault) in try V1Injection.Mailbox(json: value) }
        }
        try json.refuseUnknownFields(Self.fields)
        textBody = try json.optionalString("text_body")
        htmlBody = try json.optionalString("html_body")
        ampHTMLBody = try json.optionalString("amp_html_body")
        attachments =
            try json.optional("attachments") { list throws(JSONFault) in
                try list.asArray { value throws(JSONFault) in try V1Injection.Part(json: value) }
            } ?? []
        headers = try json.optionalTexts("headers")
        from = try mailbox("from")
        subject = try json.optionalString("subject")
        replyTo = try mailbox("reply_to")
    }
}

extension V1Injection.Content {
    init(json: JSONValue) throws(JSONFault) {
        switch json {
        case .string(let raw): self = .raw(raw)
        case .object: self = .builder(try V1Injection.Builder(json: json))
        case .null, .boolean, .integer, .double, .array:
            throw JSONFault(expected: "a string (a whole message) or an object (parts to build one from)", found: json.kind)
        }
    }
}

extension V1Injection.Trace {
    init(json: JSONValue) throws(JSONFault) {
        try json.refuseUnknownFields(["received_header", "supplemental_header", "header_name", "include_meta_names"])
        receivedHeader = try json.optionalBoolean("received_header")
        supplementalHeader = try json.optionalBoolean("supplemental_header")
        headerName = try json.optionalString("header_name")
        includeMetaNames = try json.optional("include_meta_names") { value throws(JSONFault) in try value.asStrings() } ?? []
    }
}
