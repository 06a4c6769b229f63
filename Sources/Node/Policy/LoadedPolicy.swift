import AsyncHTTPClient
import Delivery
import NIOCore
import Policy

/// *Shared*: a policy that was read for one event loop and is not in force yet.
struct LoadedPolicy: Sendable {
    /// What the policy declares: listeners, spools, logs and the like.
    let declarations: PolicyDeclarations
    private let parts: NIOLoopBoundBox<Parts>

    /// *Loop-confined*: the Lua state and what it may ask of its loop.
    private struct Parts {
        let engine: PolicyEngine
        let host: ShardPolicyHost
    }

    /// Reads a policy file, on any thread; the Lua state then belongs to `loop`.
    init(_ file: String, loop: any EventLoop, client: HTTPClient, role: PolicyRole) throws {
        let host = ShardPolicyHost(loop: loop, client: client)
        let engine = try PolicyEngine(file: file, host: host, role: role, limits: PolicyLimits())
        declarations = engine.declarations
        parts = NIOLoopBoundBox.makeBoxSendingValue(Parts(engine: engine, host: host), eventLoop: loop)
    }

    /// Puts the policy in force on the shard of its loop.
    func begin(on shard: isolated Shard) {
        parts.value.host.services = shard.ground.services
        shard.ground.use(parts.value.engine)
    }
}
