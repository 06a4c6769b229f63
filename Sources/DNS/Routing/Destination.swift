import Platform

/// The domain part of a queue, read. *Value.*
enum Destination: Hashable {
    case domain(String, port: Int?)
    case literal(HostAddress, port: Int?)

    /// `example.com`, `[192.0.2.1]`, `[IPv6:2001:db8::1]`, each with or without `:port`. Nil for anything else.
    init?(_ text: String) {
        let bytes = Array(text.utf8.prefix(300))
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")), let port = Self.port(after: end + 1, in: bytes) else { return nil }
            var inner = String(decoding: bytes[1..<end], as: UTF8.self)
            if inner.prefix(5).lowercased() == "ipv6:" {
                inner.removeFirst(5)
                guard let address = HostAddress(inner), !address.isV4 else { return nil }
                self = .literal(address, port: port.value)
            } else {
                guard let address = HostAddress(inner) else { return nil }
                self = .literal(address, port: port.value)
            }
            return
        }
        let end = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.count
        guard let port = Self.port(after: end, in: bytes),
            let name = DomainName.normalize(String(decoding: bytes[..<end], as: UTF8.self))
        else { return nil }
        self = .domain(name, port: port.value)
    }

    private static func port(after start: Int, in bytes: [UInt8]) -> (value: Int?, ())? {
        guard start < bytes.count else { return (nil, ()) }
        let digits = bytes[(start + 1)...]
        guard bytes[start] == UInt8(ascii: ":"), (1...5).contains(digits.count),
            digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            let value = UInt16(String(decoding: digits, as: UTF8.self)), value > 0
        else { return nil }
        return (Int(value), ())
    }
}
