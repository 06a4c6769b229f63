import CUnbound
import Glibc
import Platform

/// A configured libunbound context. *Value* naming a C handle.
///
/// `@unchecked Sendable`: made on one thread and handed to the resolver's thread before that starts; nobody else touches it.
struct UnboundContext: @unchecked Sendable {
    let raw: OpaquePointer

    init(_ configuration: ResolverConfiguration) throws(DNSError) {
        guard let raw = ub_ctx_create() else {
            throw DNSError(.resourcesExhausted, "libunbound has no memory or random numbers", remedy: "check the memory limit")
        }
        self.raw = raw
        do throws(DNSError) {
            try configure(configuration)
        } catch {
            ub_ctx_delete(raw)
            throw error
        }
    }

    /// Frees a context no thread was started for.
    func discard() { ub_ctx_delete(raw) }

    private func configure(_ configuration: ResolverConfiguration) throws(DNSError) {
        // Its own lines on stderr say nothing the errors below do not.
        try check(ub_ctx_debugout(raw, nil), "debug output", "")
        // A background thread of libunbound resolves; answers wait in its pipe for the resolver's thread.
        try check(ub_ctx_async(raw, 1), "async", "")
        let cache = max(configuration.cacheSize, 1 << 16)
        let ports = String(Self.outgoingRange)
        let options = [
            ("msg-cache-size:", String(cache)), ("rrset-cache-size:", String(cache * 2)),
            ("num-queries-per-thread:", String(max(configuration.maxInFlight, 1))), ("outgoing-range:", ports),
            ("outgoing-num-tcp:", "32"),
            ("cache-max-negative-ttl:", String(min(max(configuration.negativeTTL.components.seconds, 1), 86_400))), ("use-syslog:", "no"),
            ("verbosity:", "0"),
        ]
        for (name, value) in options { try check(ub_ctx_set_option(raw, name, value), name, value) }

        for server in configuration.servers {
            guard Self.isServer(server) else {
                throw DNSError(
                    .invalidConfiguration, "DNS server \(server) is not an address",
                    remedy: "write 192.0.2.53, 192.0.2.53@5353 or 2001:db8::53")
            }
            try check(ub_ctx_set_fwd(raw, server), "server", server)
        }
        for anchor in configuration.trustAnchors { try check(ub_ctx_add_ta(raw, anchor), "trust anchor", anchor) }
        if configuration.localData.isEmpty {
            if configuration.servers.isEmpty { try check(ub_ctx_resolvconf(raw, nil), "resolv.conf", "") }
            return
        }
        // Last, because the first zone fixes all other settings. "static" at the root: what is not in the local data does not
        // exist, and is never asked for outside.
        try check(ub_ctx_zone_add(raw, ".", "static"), "local zone", ".")
        for record in configuration.localData { try check(ub_ctx_data_add(raw, record), "local data", record) }
    }

    private func check(_ status: Int32, _ option: String, _ value: String) throws(DNSError) {
        guard status != 0 else { return }
        let reason = ub_strerror(status).map { String(cString: $0) } ?? "error \(status)"
        throw DNSError(
            .invalidConfiguration, "resolver option \(option) \(value): \(reason)",
            remedy: "correct the resolver's configuration")
    }

    /// Sockets unbound may use at once: many, but never most of the descriptors the process has for mail.
    private static var outgoingRange: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 128 }
        return Int(min(max(limit.rlim_cur / 8, 64), 1_024))
    }

    private static func isServer(_ text: String) -> Bool {
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        guard HostAddress(String(parts[0])) != nil else { return false }
        return parts.count == 1 || UInt16(parts[1]).map { $0 > 0 } == true
    }
}
