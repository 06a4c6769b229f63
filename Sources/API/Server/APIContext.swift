import Hummingbird
import NIOCore

/// *Value*: what a request knows: the address it came from.
struct APIContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let remote: SocketAddress?

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        remote = source.channel.remoteAddress
    }
}
