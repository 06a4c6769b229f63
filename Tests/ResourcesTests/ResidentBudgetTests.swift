import Testing

@testable import Resources

@Suite struct ResidentBudgetTests {
    @Test func roomThenNoneThenShedding() {
        let budget = ResidentBudget(limit: 100)
        #expect(budget.hasRoom && !budget.isExhausted)
        budget.add(100)
        #expect(!budget.hasRoom && !budget.isExhausted)
        budget.add(51)
        #expect(budget.isExhausted)
        budget.remove(151)
        #expect(budget.hasRoom && budget.bytes == 0)
    }
}
