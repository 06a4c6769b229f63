/// Whether anybody told a store without data that it once had some. *State machine.*
///
/// The one exception to the promises (docs/cluster.md): the data are lost, the first to call is a node with an empty disk, and all who know
/// better are cut off or stopped for the whole time in which a fresh store only listens.
struct StoreMemory {
    private var epoch: Int64 = 0
    private var began: Int64 = 0
    private var hasPast = false
    private var informed: Int64?

    /// A caller that knew the epoch `known` was answered with `current`, and with how long the store still only listens.
    mutating func heard(_ known: Int64, now current: Int64, listens: Int64, quiet: Int64, at time: Int64) {
        if current != epoch {
            hasPast = epoch != 0
            epoch = current
            began = time
            // A store that kept its data under another run knows by itself.
            informed = listens > quiet ? time : nil
        }
        if known != 0, known != current, informed == nil { informed = time }
    }

    /// Whether the store opened without knowing of its past, so that what is held may be held twice until `until`.
    /// - Parameter life: for how long anything granted before may be used.
    func isBlind(quiet: Int64, life: Int64, at time: Int64) -> Bool {
        guard hasPast, time < began + quiet + life else { return false }
        guard let informed else { return true }
        return informed > began + quiet
    }
}
