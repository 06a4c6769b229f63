import NIOCore

/// Reads where to listen.
///
/// *Value* (namespace).
enum SinkAddress {
    /// `127.0.0.1:2525`, `[::1]:2525`, `:2525`, `localhost:2525`, `unix:/path`.
    static func parse(_ text: String) throws(SinkError) -> SocketAddress {
        let error = SinkError(
            .address,
            "\"\(text)\" is not an address to listen on; write for example 127.0.0.1:2525, [::1]:2525, :2525 or unix:/run/sink.sock")
        if text.hasPrefix("unix:") {
            do { return try SocketAddress(unixDomainSocketPath: String(text.dropFirst(5))) } catch { throw Self.refused(text, error) }
        }
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]), (0...65535).contains(port)
        else { throw error }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        if host.isEmpty { host = "0.0.0.0" }
        if host == "localhost" { host = "127.0.0.1" }
        do { return try SocketAddress(ipAddress: host, port: port) } catch _ { throw error }
    }

    private static func refused(_ text: String, _ cause: any Error) -> SinkError {
        SinkError(.address, "cannot use \"\(text)\" as an address to listen on: \(cause)")
    }
}
