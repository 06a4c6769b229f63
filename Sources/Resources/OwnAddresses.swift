import NIOCore
package import Platform
import Synchronization

/// *Shared*: where this node itself takes mail: the addresses and ports of its SMTP listeners. Mail that is delivered there comes back.
///
/// A listener on 0.0.0.0 or [::] takes mail on every address of the host. Those are read from the system when they are asked for, at most
/// once a second, because interfaces come and go. An address that a router translates to one of them is not known here.
package final class OwnAddresses: Sendable {
    private struct Listener: Sendable {
        /// The address.
        package let address: HostAddress
        /// The port.
        package let port: Int
    }

    private let listeners: [Listener]
    private let interfaces = Mutex<(addresses: Set<HostAddress>, readAt: Int64)>(([], .min / 2))

    /// - Parameter listeners: addresses as sockets are named, `127.0.0.1:25` or `[::]:25`, with the ports they are bound to.
    package init(_ listeners: [String]) {
        self.listeners = listeners.compactMap { text in
            guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]) else { return nil }
            let host = text[..<colon].filter { $0 != "[" && $0 != "]" }.prefix { $0 != "%" }
            return HostAddress(String(host)).map { Listener(address: $0.unmapped, port: port) }
        }
    }

    /// Whether any listener has that port: others need no further look.
    package func listens(on port: Int) -> Bool { listeners.contains { $0.port == port } }

    /// Whether a connection to that address and port ends at a listener of this node.
    package func contains(_ address: HostAddress, port: Int) -> Bool {
        guard listens(on: port) else { return false }
        let address = Self.reached(by: address)
        return listeners.contains { listener in
            guard listener.port == port else { return false }
            if Self.reached(by: listener.address) == address { return true }
            // Listeners on [::] take IPv6 only, see `BoundSocket`.
            return Self.isUnspecified(listener.address) && listener.address.isV4 == address.isV4 && isLocal(address)
        }
    }

    /// A connection to the unspecified address goes to the host itself (Linux, and RFC 1122 3.2.1.3 for IPv4).
    private static func reached(by address: HostAddress) -> HostAddress {
        switch address.unmapped {
        case .v4(0): .v4(0x7F00_0001)
        case .v6(high: 0, low: 0): .v6(high: 0, low: 1)
        case let other: other
        }
    }

    private static func isUnspecified(_ address: HostAddress) -> Bool { address == .v4(0) || address == .v6(high: 0, low: 0) }

    private func isLocal(_ address: HostAddress) -> Bool {
        switch address {
        case .v4(let value) where value >> 24 == 127: true
        case .v6(high: 0, low: 1): true
        case .v4, .v6: current().contains(address)
        }
    }

    private func current() -> Set<HostAddress> {
        let now = Clock.monotonic()
        return interfaces.withLock { known in
            if now - known.readAt >= Self.freshness { known = (Self.readInterfaces() ?? known.addresses, now) }
            return known.addresses
        }
    }

    private static let freshness: Int64 = 1_000_000_000

    /// The addresses of all interfaces; nil when the system does not say.
    private static func readInterfaces() -> Set<HostAddress>? {
        guard let devices = try? NIOCore.System.enumerateDevices() else { return nil }
        return Set(devices.compactMap { $0.address?.ipAddress.flatMap { HostAddress($0)?.unmapped } })
    }
}
