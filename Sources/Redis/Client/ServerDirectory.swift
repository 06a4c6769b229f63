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
    /// Whether there is but one server and its host refused the newest attempt.
    var isRefused: Bool { get }
    /// Where a subscription may go now.
    var subscriptionEndpoint: RedisEndpoint? { get }
}
