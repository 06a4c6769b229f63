import Testing

@testable import Options
@testable import Shaping

/// What holds for every option table alike.
@Suite struct OptionTableTests {
    @Test(arguments: TableSample.all)
    func allNamesOfTheTableAreKnown(table: TableSample) {
        #expect(Set(table.schema.rules.keys) == table.names)
    }

    /// A value that is read but forgotten in a field, or in `==`, shows here.
    @Test(arguments: TableSample.all)
    func everyFieldMakesADifference(table: TableSample) throws {
        for (name, value) in table.fields {
            let changed = table.required.merging([name: value]) { $1 }
            #expect(try !table.isEqual(changed, table.required), "\(name)")
            #expect(try table.isEqual(changed, changed), "\(name)")
        }
    }

    @Test(arguments: TableSample.all)
    func tuningKnobsMakeNoDifference(table: TableSample) throws {
        for (name, value) in table.ignored.merging(table.harmless, uniquingKeysWith: { $1 }) {
            #expect(try table.isEqual(table.required.merging([name: value]) { $1 }, table.required), "\(name)")
        }
    }

    @Test(arguments: TableSample.all)
    func unsupportedOptionsSaySo(table: TableSample) {
        for (name, value) in table.unsupported {
            let changed = table.required.merging([name: value]) { $1 }
            let error = #expect(throws: ConfigError.self, "\(name)") { try table.isEqual(changed, changed) }
            #expect(error?.message.contains("option '\(name)' is not supported yet by this version") == true)
            #expect(error?.message.contains("SECRET") == false)
        }
    }

    @Test(arguments: TableSample.all)
    func requiredOptionsAreAskedFor(table: TableSample) {
        for name in table.required.keys {
            var without = table.required
            without[name] = nil
            let error = #expect(throws: ConfigError.self, "\(name)") { try table.isEqual(without, without) }
            #expect(error?.message.contains("option '\(name)'") == true)
        }
    }

    @Test(arguments: TableSample.all)
    func unknownNamesGetASuggestion(table: TableSample) {
        for name in table.names where name.utf8.count > 4 {
            var slip = Array(name)
            slip.swapAt(1, 2)
            let wrong = String(slip)
            if table.names.contains(wrong) || wrong == name { continue }
            let changed = table.required.merging([wrong: 1]) { $1 }
            let error = #expect(throws: ConfigError.self, "\(wrong)") { try table.isEqual(changed, changed) }
            #expect(error?.message.hasSuffix("option '\(wrong)' is unknown; did you mean '\(name)'?") == true)
        }
        let changed = table.required.merging(["zzzzzz\r\n": 1]) { $1 }
        let error = #expect(throws: ConfigError.self) { try table.isEqual(changed, changed) }
        #expect(error?.message.contains("option 'zzzzzz??' is unknown; accepted: ") == true)
    }

    /// No option takes a value of every type; whatever refuses must name itself and say what it wants.
    @Test(arguments: TableSample.all)
    func wrongTypesNameTheOption(table: TableSample) {
        let values: [ConfigValue] = [
            true, .integer(-1), .integer(.min), .integer(.max), 0.5, .number(.nan), .number(.infinity), "", "\u{0}", "a\r\nb",
            .string(String(repeating: "x", count: 100_000)), [1], [[]], [nil], ["x": 1], ["": nil], ["\n": ["\n": "\n"]],
        ]
        for name in table.names {
            var refusals = 0
            for value in values {
                do {
                    let changed = table.required.merging([name: value]) { $1 }
                    _ = try table.isEqual(changed, changed)
                } catch let error as ConfigError {
                    refusals += 1
                    #expect(error.message.contains("option '") && error.message.utf8.count < 1500, "\(name)")
                    #expect(!error.message.utf8.contains(0x0A) && !error.message.utf8.contains(0), "\(name)")
                } catch {
                    Issue.record("\(name): \(error)")
                }
            }
            #expect(refusals >= 5, "\(name)")
        }
    }

    @Test func theFirstOfSeveralErrorsIsAlwaysTheSame() {
        let table: [String: ConfigValue] = ["zeta": 1, "alpha": 1, "enable_dane": true]
        for _ in 0..<20 {
            let error = #expect(throws: ConfigError.self) { try EgressPathConfig(table) }
            #expect(error?.option == "alpha")
        }
    }
}
