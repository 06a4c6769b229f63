package import Options

/// Sources that share the mail of a queue by weight. *Value.*
package struct EgressPoolConfig: OptionTable {
    /// One source of the pool. *Value.*
    package struct Entry: OptionTable, Hashable {
        /// The name of the source.
        package var name = "unspecified"
        /// Its share; 0 takes it out of the rotation.
        package var weight = 1

        /// The unspecified source.
        package init() {}

        /// An entry from its parts.
        package init(name: String, weight: Int = 1) {
            self.name = name
            self.weight = weight
        }

        /// Every name of the table.
        package static let options = OptionList<Entry>("egress pool entry") {
            OptionRow.required("name", \.name, .name, "the name of a source")
            OptionRow("weight", \.weight, .int(0...1_000_000), "its share; 0 takes it out of the rotation")
        }

        fileprivate init(_ value: ConfigValue) throws(ConfigError) {
            if let name = value.stringValue, TextCheck.isName(name) {
                self.init(name: name)
                return
            }
            guard let table = value.tableValue else {
                throw ConfigError(
                    message: "option 'entries' must be a list such as { { name = 'ip-1', weight = 10 } }; got \(value.shortText)",
                    option: "entries")
            }
            try self.init(table)
        }
    }

    /// The name of the pool.
    package var name = "unspecified"
    /// The sources, at least one, in the order of the policy.
    package var entries = [Entry()]
    /// How long this configuration holds.
    package var ttl = Duration.seconds(60)

    /// The pool of the unspecified source alone.
    package init() {}

    /// The pool that is used when the policy names none: the unspecified source alone.
    package static let unspecified = EgressPoolConfig()

    /// The rotation over the sources of this pool.
    package var rotation: WeightedRoundRobin<String> { WeightedRoundRobin(entries.map { ($0.name, $0.weight) }) }

    /// Every name of the table.
    package static let options = OptionList<EgressPoolConfig>("egress pool") {
        OptionRow.required("name", \.name, .name, "the name that `egress_pool` of a queue uses")
        OptionRow.required(
            "entries", \.entries, .sources,
            "sources and their weights (1 unless given; 0 takes a source out): `{ { name = 'ip-1', weight = 10 } }`")
        OptionRow("ttl", \.ttl, .duration, "no effect: pools are asked for again with their queue")
    }
}

extension OptionKind where Value == [EgressPoolConfig.Entry] {
    /// The sources of a pool.
    fileprivate static var sources: OptionKind {
        let accepted = "a list of 1 to 1000 sources such as { { name = 'ip-1', weight = 10 } }"
        return OptionKind(accepted, values: "list of 1 to 1000 sources", text: { _ in "" }) { value, reader, name throws(ConfigError) in
            guard let list = value.listValue, (1...1000).contains(list.count) else { throw reader.mustBe(name, accepted, value) }
            var entries: [EgressPoolConfig.Entry] = []
            entries.reserveCapacity(list.count)
            for item in list {
                do throws(ConfigError) { entries.append(try EgressPoolConfig.Entry(item)) } catch { throw reader.inTable(error) }
            }
            return entries
        }
    }
}
