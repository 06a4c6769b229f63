package import JSON

extension AdminClient {
    /// Issues a rule; answers its JSON.
    package func issue(_ kind: RuleKind, _ order: RuleOrder) async throws -> String {
        try await send("POST", kind.path, body: order.json)
    }

    /// The rules in force, and the JSON as it came.
    package func rules(_ kind: RuleKind) async throws -> ([RuleStatus], String) { try await get(kind.path) }

    /// Ends a rule; false when there is none of that id.
    package func end(_ kind: RuleKind, id: String) async throws -> Bool {
        do {
            _ = try await send("DELETE", kind.path, body: .object(["id": .string(id)]))
            return true
        } catch let error as ClientError where error.status == 404 {
            return false
        }
    }

    /// What a bounce would end on the node.
    package func bounceCount(_ order: RuleOrder) async throws -> (BounceCount, String) {
        try await get(RuleKind.bounce.path + "/count" + Self.query(order.query))
    }

    /// The nodes of the cluster.
    package func members() async throws -> ([MemberStatus], String) { try await get("/api/members") }

    /// Forgets a node that will not come back; the members that are left.
    package func forget(_ node: String) async throws -> String {
        try await send("POST", "/api/members/forget", body: .object(["node": .string(node)]))
    }

    /// The limits in use.
    package func limits(cluster: Bool) async throws -> ([LimitStatus], String) { try await get("/api/limits?cluster=\(cluster)") }

    /// Why something does not move.
    /// - Parameter key: `queue`, `path` or `id`.
    package func explain(_ key: String, _ value: String, cluster: Bool) async throws -> (Explanation, String) {
        try await get("/api/explain" + Self.query([(key, value)] + (cluster ? [("cluster", "true")] : [])))
    }

    private func get<Answer: JSONDecodable>(_ path: String) async throws -> (Answer, String) {
        let body = try await send("GET", path, body: nil)
        return (try decode(body), body)
    }

    /// Reads an answer of this version's API.
    package func decode<Answer: JSONDecodable>(_ body: String) throws -> Answer {
        do { return try Answer(json: try JSONValue(parsing: body, .api)) } catch {
            throw ClientError("\(endpoint) does not speak this version's API: \(error)")
        }
    }

    private static func query(_ items: [(key: String, value: String)]) -> String {
        guard !items.isEmpty else { return "" }
        return "?" + items.map { "\($0.key)=\(QueryText.encoded($0.value))" }.joined(separator: "&")
    }
}
