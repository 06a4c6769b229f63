/// The name of a set of mail hosts. *Value.*
package enum SiteName {
    /// The hosts, sorted, with their common labels at the end factored out:
    /// `(alt1|alt2|alt3|alt4)?.gmail-smtp-in.l.google.com`. The `?` says that the common part itself is a host.
    ///
    /// Different sets never share a name: what stands in parentheses is the rest of each host, whole.
    package static func rollup(_ hosts: [String]) -> String {
        let names = Set(hosts.map(normal)).sorted()
        guard names.count > 1 else { return names.first ?? "" }
        let labels = names.map { $0.split(separator: ".", omittingEmptySubsequences: false) }
        let shortest = labels.map(\.count).min() ?? 0
        var common = 0
        while common < shortest {
            let label = labels[0][labels[0].count - 1 - common]
            guard labels.allSatisfy({ $0[$0.count - 1 - common] == label }) else { break }
            common += 1
        }
        let rests = labels.map { $0.dropLast(common).joined(separator: ".") }
        let isOptional = rests.contains("")
        let choice = "(" + rests.filter { !$0.isEmpty }.joined(separator: "|") + ")" + (isOptional ? "?" : "")
        return common == 0 ? choice : choice + "." + labels[0].suffix(common).joined(separator: ".")
    }

    private static func normal(_ host: String) -> String {
        let lower = host.lowercased()
        return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
    }
}
