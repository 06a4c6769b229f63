import Foundation
import Options
import Shaping
import Testing

/// The manuals of all tables, and the pages that show them.
@Suite struct OptionManualTests {
    private static let docs = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../docs").standardized

    @Test(arguments: OptionManuals.all.map(\.name))
    func everyOptionSaysWhatItDoes(name: String) throws {
        let manual = try #require(OptionManuals.named(name))
        for entry in manual.entries where entry.effect == .works {
            #expect(!entry.line.isEmpty && entry.fallback.isEmpty == entry.isRequired && !entry.values.isEmpty, "\(name) \(entry.name)")
            #expect(!entry.line.contains("|") && !entry.values.contains("|") && !entry.line.contains("\n"), "\(name) \(entry.name)")
        }
    }

    @Test func namesAreTheirOwn() {
        #expect(Set(OptionManuals.all.map(\.name)).count == OptionManuals.all.count)
    }

    /// `script/options` writes them.
    @Test func thePagesShowWhatTheCodeDeclares() throws {
        var shown: Set<String> = []
        for page in try FileManager.default.contentsOfDirectory(atPath: Self.docs.path()) where page.hasSuffix(".md") {
            let text = try String(contentsOf: Self.docs.appending(path: page), encoding: .utf8)
            for piece in text.components(separatedBy: "<!-- options: ").dropFirst() {
                let name = String(piece.prefix { $0 != " " })
                let manual = try #require(OptionManuals.named(name), "\(page): there is no table '\(name)'")
                let body = try #require(piece.range(of: " -->\n").map { piece[$0.upperBound...] })
                let end = try #require(body.range(of: "<!-- end of options -->"), "\(page): the table of '\(name)' has no end")
                #expect(body[..<end.lowerBound] == manual.markdown, "\(page): '\(name)' is stale; script/options writes it")
                shown.insert(name)
            }
        }
        // The table of `bounce` is that of `suspend`, with one option more.
        #expect(shown == Set(OptionManuals.all.map(\.name)).subtracting(["bounce"]))
    }
}
