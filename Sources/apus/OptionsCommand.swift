import ArgumentParser
import JSON
import Options
import Shaping

/// `apus options`: every option a policy may write.
struct OptionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "options",
        abstract: "Show the options a policy may write: defaults, values, what they do.",
        discussion: """
            Without TABLE: the tables there are, and the Lua functions that take them.

            EXAMPLES
              apus options
              apus options egress-path
              apus options egress-path --all
              apus options --json

            EXIT STATUS
              0 done, 64 wrong arguments
            """)

    @Argument(help: ArgumentHelp("The table, such as egress-path.", valueName: "table"))
    var table: String?

    @Flag(help: "Show what has no effect here and what is refused, too.")
    var all = false

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: .hidden)
    var markdown = false

    func validate() throws {
        guard let table, OptionManuals.named(table) == nil else { return }
        let names = OptionManuals.all.map(\.name)
        throw ValidationError(
            "there is no table '\(TextCheck.shortened(table))'" + NearestName.hint(table, in: names)
                + "; the tables are \(names.joined(separator: ", "))")
    }

    func run() {
        let wanted = table.flatMap(OptionManuals.named).map { [$0] } ?? OptionManuals.all
        if json { return print(Self.json(wanted)) }
        if markdown { return print(wanted.map(\.markdown).joined(separator: "\n"), terminator: "") }
        guard table != nil else { return print(Self.tables(wanted)) }
        print(text(wanted[0]))
    }

    private static func tables(_ manuals: [OptionManual]) -> String {
        var table = TextTable(["TABLE", "OPTIONS", "TAKEN BY"])
        table.rightAligned = [1]
        for manual in manuals {
            table.add([manual.name, "\(manual.entries.count { $0.effect == .works })", manual.function])
        }
        return table.text
    }

    private func text(_ manual: OptionManual) -> String {
        var table = TextTable(["OPTION", "DEFAULT", "VALUES", "WHAT IT DOES"])
        for entry in manual.entries {
            switch entry.effect {
            case .works:
                table.add(
                    [entry.name, entry.isRequired ? "required" : entry.fallback, entry.values, entry.line].map {
                        $0 == "" ? "-" : OptionManual.plain($0)
                    })
            case .ignored: if all { table.add([entry.name, "-", entry.values, "accepted, no effect"]) }
            case .unsupported:
                let values = entry.values == "" ? "-" : "only \(entry.values)"
                if all { table.add([entry.name, "-", values, "refused: not supported yet"]) }
            }
        }
        return table.text
    }

    /// `[{"table", "function", "options": [{"name", "effect", "default", "values", "description"}]}]`.
    private static func json(_ manuals: [OptionManual]) -> String {
        var writer = JSONWriter(.api)
        writer.openArray()
        for manual in manuals {
            writer.openObject()
            writer.member("table", manual.name)
            writer.member("function", manual.function)
            writer.name("options")
            writer.openArray()
            for entry in manual.entries {
                writer.openObject()
                writer.member("name", entry.name)
                writer.member("effect", entry.effect.rawValue)
                if entry.effect == .works {
                    writer.name("required")
                    writer.boolean(entry.isRequired)
                    if !entry.isRequired { writer.member("default", OptionManual.plain(entry.fallback)) }
                }
                writer.member("values", OptionManual.plain(entry.values))
                writer.member("description", OptionManual.plain(entry.line))
                writer.closeObject()
            }
            writer.closeArray()
            writer.closeObject()
        }
        writer.closeArray()
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

extension JSONWriter {
    /// A text under a name.
    fileprivate mutating func member(_ name: String, _ text: String) {
        self.name(name)
        string(text)
    }
}
