import Options
import Shaping
import Testing

@Suite struct ConfigValueTests {
    @Test func emptyTablesAreListsAndTables() {
        #expect(ConfigValue.table([:]).listValue == [])
        #expect(ConfigValue.list([]).tableValue == [:])
        #expect((["a": 1] as ConfigValue).listValue == nil)
        #expect(([1] as ConfigValue).tableValue == nil)
    }

    @Test(
        arguments: [(7, 7), (7.0, 7), (7.5, nil), ("7", nil), (true, nil), (.number(1e30), nil), (.number(.nan), nil)]
            as [(ConfigValue, Int64?)])
    func wholeNumbers(value: ConfigValue, number: Int64?) { #expect(value.integerValue == number) }

    @Test func membersOfTables() {
        let value: ConfigValue = ["a": 1, "b": nil]
        #expect(value["a"] == 1)
        #expect(value["b"] == nil)
        #expect(value["c"] == nil)
        #expect((1 as ConfigValue)["a"] == nil)
    }
}
