/// Who waits for its turn on a loop (`HTTPTurns`). *Loop-confined.*
protocol TurnTaker: AnyObject {
    /// The turn that was asked for: one request is parsed and started.
    func turn()
}
