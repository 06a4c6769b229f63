import NIOCore

/// Which server serves what. *Loop-confined.*
protocol ServerDirectory: AnyObject {
    /// Connects.
    func start()
    /// Ends everything; done when the sockets are closed.
    func close() -> EventLoopFuture<Void>
    /// Sends each call to its server, those of one server in one write; each call is finished sooner or later.
    func submit(_ calls: [Call])
    /// The run id of the server that serves the key; nil when not connected.
    func runID(forKey key: [UInt8]) -> String?
    /// When the host of the only server refused the newest attempt, by the loop's clock; nil when it did not, or when that proves nothing.
    var refusedAt: Int64? { get }
    /// Where a subscription may go now.
    var subscriptionEndpoint: RedisEndpoint? { get }
}
