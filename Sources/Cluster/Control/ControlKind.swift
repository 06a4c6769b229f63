/// What an entry of the control plane is about. *Value.*
///
/// Not an enum: in a cluster whose nodes run two releases, a kind that this release does not know is still kept, passed on and
/// republished; it only has no effect here.
package struct ControlKind: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    /// The name, as it stands in JSON, in the CLI and in the HTTP API.
    package let rawValue: String

    /// A kind by its name: 1 to 32 small letters, digits and underscores; else nil.
    package init?(rawValue: String) {
        guard (1...32).contains(rawValue.utf8.count), rawValue.utf8.allSatisfy(Self.isNameByte) else { return nil }
        self.rawValue = rawValue
    }

    private init(known: String) { rawValue = known }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
        default: false
        }
    }

    /// Scheduled queues that do not send.
    package static let suspend = ControlKind(known: "suspend")
    /// Messages that are bounced by an administrator.
    package static let bounce = ControlKind(known: "bounce")
    /// Messages that move to another queue.
    package static let rebind = ControlKind(known: "rebind")
    /// Egress paths that do not send.
    package static let suspendPath = ControlKind(known: "suspend_path")
    /// What the automation of one node decided for all.
    package static let automation = ControlKind(known: "automation")
    /// How well an egress source does.
    package static let sourceHealth = ControlKind(known: "source_health")
    /// A host whose TLS is broken.
    package static let brokenTLS = ControlKind(known: "broken_tls")
    /// How far the warm-up of a source has come.
    package static let warmup = ControlKind(known: "warmup")
    /// The generation of the configuration that nodes should run.
    package static let configGeneration = ControlKind(known: "config_generation")

    /// The kinds this release acts on.
    package static let known: [ControlKind] = [
        .suspend, .bounce, .rebind, .suspendPath, .automation, .sourceHealth, .brokenTLS, .warmup, .configGeneration,
    ]

    /// True for the kinds that act on queues or paths, and therefore must say on which.
    package var needsScope: Bool { self == .suspend || self == .bounce || self == .rebind || self == .suspendPath }

    /// The name.
    package var description: String { rawValue }
}
