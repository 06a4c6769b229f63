import Platform

/// A host with a port behind it, as written: `host`, `host:25`, `1.2.3.4:25`, `[::1]:25`. *Value.*
package struct HostPort: Equatable {
    /// The host name or address, without brackets.
    package let host: String
    /// The port, if one was written.
    package let port: Int?
    /// Whether the host is an IP address.
    package var isAddress: Bool { HostAddress(host) != nil }

    /// Reads the text; nil when it is none of the forms. An IPv6 address without brackets is read as having no port.
    package init?(_ text: String) {
        guard text.utf8.count <= TextCheck.longestScalar else { return nil }
        if HostAddress(text)?.isV4 == false {
            (host, port) = (text, nil)
            return
        }
        let host: Substring
        let rest: Substring
        if text.utf8.first == 0x5B {
            guard let close = text.utf8.firstIndex(of: 0x5D) else { return nil }
            host = text[text.utf8.index(after: text.startIndex)..<close]
            rest = text[text.utf8.index(after: close)...]
            guard HostAddress(String(host)) != nil else { return nil }
        } else {
            let colon = text.utf8.firstIndex(of: 0x3A) ?? text.endIndex
            host = text[..<colon]
            rest = text[colon...]
            // A host name of digits and dots only is an address with a typo in it.
            let isNumeric = host.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2E }
            guard isNumeric ? (HostAddress(String(host))?.isV4 == true) : TextCheck.isHostName(String(host)) else { return nil }
        }
        self.host = String(host)
        if rest.isEmpty {
            port = nil
            return
        }
        let digits = Array(rest.utf8.dropFirst())
        guard rest.utf8.first == 0x3A, (1...5).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        let value = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        guard value <= 65535 else { return nil }
        port = value
    }
}
