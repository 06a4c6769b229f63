package import Cluster
package import Shaping

/// What the model drives: one node's side of one bucket. *State machine*; time is an argument.
///
/// The product's is `BucketAgent`. The other is `StandInAgent`, which tests the model itself: a model that finds nothing wrong must be
/// shown to find something.
package protocol LimitAgent: Sendable {
    associatedtype Request: ModelRequest
    init(_ settings: ClusterSettings, bucket: Int, node: String, incarnation: UInt64, rememberedEpoch: Int64)
    mutating func leaseRate(_ key: LimitKey, spec: ThrottleSpec, want: Int, now: Int64) -> RateLease
    mutating func returnRate(_ key: LimitKey, spec: ThrottleSpec, slots: RateSlots, now: Int64)
    mutating func leasePermits(_ key: LimitKey, limit: Int, want: Int, now: Int64) -> PermitLease
    mutating func returnPermits(_ key: LimitKey, count: Int, now: Int64)
    func permitTerms(_ key: LimitKey, now: Int64) -> PermitTerms
    mutating func claimRecall(_ key: LimitKey) -> Bool
    mutating func noteTransactions(_ key: LimitKey, count: Int)
    /// The caps of which every unused permit is wanted back.
    var scarce: [LimitKey] { get }
    mutating func request(now: Int64, runID: String) -> Request?
    func nextRequestTime(now: Int64) -> Int64
    mutating func received(_ answer: [Int64], sequence: Int64, now: Int64)
    mutating func failed(sequence: Int64, now: Int64)
    mutating func storeIsGone(now: Int64)
    mutating func leave(now: Int64, runID: String) -> Request
}

/// One call of the script. *Value.*
package protocol ModelRequest {
    var sequence: Int64 { get }
    var keys: [String] { get }
    var arguments: [String] { get }
}

extension BucketRequest: ModelRequest {}
extension BucketAgent: LimitAgent {}
