/// What holds for the permits a node has under one limit. *Value.* Times are monotonic nanoseconds, `.max` where nothing is leased.
package struct PermitTerms: Sendable, Equatable {
    /// After this no connection is opened and no transaction begun.
    package var startBy: Int64
    /// After this connections are closed, unless one waits for the reply to a final dot.
    package var closeBy: Int64
    /// How many permits others wait for: to be given back at the next transaction boundary.
    package var recall: Int
    /// How many more are in use than granted: to be closed at once.
    package var excess: Int

    /// Terms of permits.
    package init(startBy: Int64, closeBy: Int64, recall: Int, excess: Int) {
        self.startBy = startBy
        self.closeBy = closeBy
        self.recall = recall
        self.excess = excess
    }

    /// Permits that nobody else can want.
    package static let unlimited = PermitTerms(startBy: .max, closeBy: .max, recall: 0, excess: 0)
}
