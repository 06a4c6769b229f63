import Shaping

/// What a run does. *Value.*
struct BenchPlan {
    /// How messages come. *Value.*
    enum Demand: Equatable {
        /// A message is always ready.
        case full
        /// None ever is: the node is a member of the cluster and has no mail.
        case none
        /// So many per second, over all keys.
        case rate(Double)
    }

    var algorithm: Algorithm
    var url: String
    var node: String
    var index: Int
    var nodes: Int
    var spec: ThrottleSpec
    var keys: Int
    var demand: Demand
    /// How many nodes have mail: what each may expect is the limit divided by this.
    var busyNodes: Int
    var seconds: Double
    var startAt: Int64
    /// Connections instead of rates: the cap, how many this node wants, how long each is held.
    var cap: Int?
    var wanted: Int
    var holdSeconds: Double
    var seed: UInt64

    /// Nanoseconds between two messages of a key at a fair share.
    var shareInterval: Int64 { spec.periodNanoseconds / Int64(spec.limit) * Int64(max(1, busyNodes)) }
}
