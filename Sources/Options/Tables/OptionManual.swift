/// What a table of options says of itself, for the documentation and `apus options`. *Value.*
package struct OptionManual: Sendable {
    /// What becomes of an option. *Value.*
    package enum Effect: String, Sendable {
        /// It does something.
        case works
        /// It is accepted, and does nothing here.
        case ignored
        /// It is refused, except for values that ask for nothing.
        case unsupported
    }

    /// One option. *Value.*
    package struct Entry: Sendable {
        /// Its name.
        package let name: String
        /// What becomes of it.
        package let effect: Effect
        /// Whether it must be given.
        package let isRequired: Bool
        /// Its default; empty when it is required, and unless it works.
        package let fallback: String
        /// Which values it takes. Of one that is not supported: the values that ask for nothing.
        package let values: String
        /// What it does; Markdown.
        package let line: String
    }

    /// What the table configures, as error texts have it.
    package let owner: String
    /// The same as one word: `egress-path`.
    package var name: String { String(owner.map { $0 == " " ? "-" : $0 }) }
    /// The Lua function that takes the table, such as `kumo.make_egress_path`.
    package let function: String
    /// The options, in the order of their declaration.
    package let entries: [Entry]

    /// What `Table` says, which is an argument of `function`.
    package init<Table: OptionTable>(_ table: Table.Type, of function: String) {
        self.init(Table.options, Table(), of: function)
    }

    /// What a list says about a table with its defaults.
    package init<Table>(_ list: OptionList<Table>, _ defaults: Table, of function: String) {
        owner = list.owner
        self.function = function
        entries = list.options.map { option in
            let (effect, values): (Effect, String) =
                switch option.rule {
                case .field: (.works, option.values)
                case .ignored(let shape): (.ignored, shape.text)
                case .unsupported(let shapes): (.unsupported, shapes.map(\.text).joined(separator: " or "))
                }
            return Entry(
                name: option.name, effect: effect, isRequired: option.isRequired, fallback: option.fallback(defaults), values: values,
                line: option.line)
        }
    }

    /// A piece of Markdown for a terminal: links and code marks are left out.
    package static func plain(_ markdown: String) -> String {
        markdown.replacing(/\[([^\]]*)\]\([^)]*\)/) { $0.output.1 }.replacing("`", with: "")
    }

    /// The table of a documentation page, and the lists of what has no effect and of what is refused.
    package var markdown: String {
        var lines = ["| option | default | values | |", "|---|---|---|---|"]
        for entry in entries where entry.effect == .works {
            let fallback = entry.isRequired ? "required" : entry.fallback.hasPrefix("'") ? "`\(entry.fallback)`" : entry.fallback
            lines.append("| `\(entry.name)` | \(fallback) | \(entry.values) | \(entry.line) |")
        }
        let ignored = names(.ignored)
        let unsupported = names(.unsupported)
        guard ignored + unsupported != "" else { return lines.joined(separator: "\n") + "\n" }
        lines += ["", "| | options |", "|---|---|"]
        if ignored != "" { lines.append("| accepted, no effect | \(ignored) |") }
        if unsupported != "" { lines.append("| refused: not supported yet | \(unsupported) |") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The names of an effect; those that take a value that asks for nothing stand together behind the others.
    private func names(_ effect: Effect) -> String {
        var groups: [(values: String, names: [String])] = []
        for entry in entries where entry.effect == effect {
            let values = effect == .unsupported ? entry.values : ""
            if let index = groups.firstIndex(where: { $0.values == values }) {
                groups[index].names.append("`\(entry.name)`")
            } else {
                groups.append((values, ["`\(entry.name)`"]))
            }
        }
        return groups.sorted { $0.values < $1.values }.map { group in
            group.names.joined(separator: ", ") + (group.values == "" ? "" : " (only \(group.values) is accepted)")
        }.joined(separator: "; ")
    }
}
