/// Sources that share the mail of a queue by weight. *Shared* (immutable).
package final class EgressPoolConfig: Sendable, Equatable {
    /// One source of the pool. *Value.*
    package struct Entry: Sendable, Hashable {
        /// The name of the source.
        package let name: String
        /// Its share; 0 takes it out of the rotation.
        package let weight: Int

        /// An entry from its parts.
        package init(name: String, weight: Int = 1) {
            self.name = name
            self.weight = weight
        }

        init(_ value: ConfigValue) throws(ConfigError) {
            if let name = value.stringValue, TextCheck.isName(name) {
                self.init(name: name)
                return
            }
            guard let table = value.tableValue else {
                throw ConfigError(
                    message: "option 'entries' must be a list such as { { name = 'ip-1', weight = 10 } }; got \(value.shortText)",
                    option: "entries")
            }
            let read = try OptionReader(table, Entry.options)
            self.init(name: try read.name("name"), weight: try read.int("weight", 1, in: 0...1_000_000))
        }

        /// Every name of the table.
        static let options = OptionSchema(owner: "egress pool entry", rules: ["name": .field, "weight": .field])
    }

    /// The name of the pool.
    package let name: String
    /// The sources, at least one, in the order of the policy.
    package let entries: [Entry]
    /// How long this configuration holds.
    package let ttl: Duration

    /// The pool that is used when the policy names none: the unspecified source alone.
    package static let unspecified: EgressPoolConfig = {
        do throws(ConfigError) {
            return try EgressPoolConfig(["name": "unspecified", "entries": [["name": "unspecified"]]])
        } catch {
            preconditionFailure(error.message)
        }
    }()

    /// Reads and checks the table.
    package init(_ table: [String: ConfigValue]) throws(ConfigError) {
        let read = try OptionReader(table, Self.options)
        name = try read.name("name")
        guard let value = read.value("entries"), let list = value.listValue, (1...1000).contains(list.count) else {
            throw read.mustBe(
                "entries", "a list of 1 to 1000 sources such as { { name = 'ip-1', weight = 10 } }", read.value("entries") ?? .null)
        }
        var entries: [Entry] = []
        entries.reserveCapacity(list.count)
        for item in list {
            do throws(ConfigError) {
                entries.append(try Entry(item))
            } catch {
                throw read.inTable(error)
            }
        }
        self.entries = entries
        ttl = try read.duration("ttl", .seconds(60))
    }

    /// The rotation over the sources of this pool.
    package var rotation: WeightedRoundRobin<String> { WeightedRoundRobin(entries.map { ($0.name, $0.weight) }) }

    /// Whether two configurations say the same.
    package static func == (a: EgressPoolConfig, b: EgressPoolConfig) -> Bool {
        a === b || (a.name, a.entries, a.ttl) == (b.name, b.entries, b.ttl)
    }

    /// Every name of the table.
    static let options = OptionSchema(owner: "egress pool", rules: ["name": .field, "entries": .field, "ttl": .field])
}
