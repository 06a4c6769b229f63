package import JSON

extension RuleOrder: JSONEncodable {
    /// As the HTTP API takes it.
    package var json: JSONValue {
        .object([
            "reason": .string(reason), "domain": .optional(domain), "routing_domain": .optional(routingDomain), "tenant": .optional(tenant),
            "campaign": .optional(campaign), "queue_names": .optional(queueNames), "everything": .optional(everything),
            "name": .optional(name), "duration": .optional(duration), "node": .optional(node),
            "suppress_logging": .optional(suppressLogging), "always_flush": .optional(alwaysFlush),
            "data": data.map { data in .object(data.map { JSONValue.Member($0.key, .optional($0.value) ?? .null) }) },
        ])
    }
}
