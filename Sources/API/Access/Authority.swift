import DNS
import Platform

/// *Value*: `host` or `host:port` of a `Host` field, a request target or an `Origin` (RFC 3986 3.2), normalized so that two can be compared.
///
/// Stricter than the RFC: no user information, no zone, no percent-encoding, and only the usual notation of an IPv4 address. What browsers send
/// is always of this form, and each exception would be a way to make two readers see two hosts.
struct Authority: Sendable, Hashable {
    enum Host: Sendable, Hashable {
        case address(HostAddress)
        /// Lower case, without the dot of the root.
        case name(String)
    }

    /// The host.
    package let host: Host
    /// `nil` when none is written.
    package let port: Int?

    /// A host, and a port when one was given.
    package init(host: Host, port: Int?) {
        self.host = host
        self.port = port
    }

    /// `nil` when the text is not of this form.
    package init?(_ text: Substring) {
        guard (1...300).contains(text.utf8.count) else { return nil }
        let host: Substring
        let rest: Substring
        if text.utf8.first == UInt8(ascii: "[") {
            guard let end = text.utf8.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            host = text[text.utf8.index(after: text.startIndex)..<end]
            rest = text[text.utf8.index(after: end)...]
            guard host.utf8.contains(UInt8(ascii: ":")) else { return nil }
        } else {
            let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) ?? text.endIndex
            host = text[..<colon]
            rest = text[colon...]
        }
        guard let parsed = Host(host) else { return nil }
        self.host = parsed
        guard let first = rest.utf8.first else {
            port = nil
            return
        }
        let digits = rest.utf8.dropFirst()
        guard first == UInt8(ascii: ":"), digits.count <= 5, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        let number = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard number <= 65_535 else { return nil }
        port = digits.isEmpty ? nil : number  // `host:` is allowed, RFC 3986 3.2.3
    }

    /// The host with the port, or the port that the scheme implies.
    func withPort(of scheme: String) -> Authority {
        Authority(host: host, port: port ?? (scheme == "https" ? 443 : 80))
    }
}

extension Authority.Host {
    /// Reads an address without brackets, or a name.
    package init?(_ text: Substring) {
        if let address = HostAddress(String(text)) {
            self = .address(address.unmapped)
            return
        }
        var name = text.lowercased()
        if name.utf8.last == UInt8(ascii: ".") { name.removeLast() }
        guard (1...253).contains(name.utf8.count) else { return nil }
        for label in name.split(separator: ".", omittingEmptySubsequences: false) {
            guard (1...63).contains(label.utf8.count) else { return nil }
            for byte in label.utf8 {
                guard (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x2D || byte == 0x5F else { return nil }
            }
        }
        self = .name(name)
    }

    /// An address that never leaves the machine, or its usual name.
    var isLoopback: Bool {
        switch self {
        case .address(let address): address.isLoopback
        case .name(let name): name == "localhost"
        }
    }
}

extension HostAddress {
    /// 127.0.0.0/8 or ::1.
    var isLoopback: Bool {
        switch unmapped {
        case .v4(let value): value >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }
}
