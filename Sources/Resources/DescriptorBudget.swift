import Glibc

/// *Value*: how the file descriptors of the process are shared out, so that connections cannot take those of the spool and the logs.
package struct DescriptorBudget: Sendable, Equatable {
    /// RLIMIT_NOFILE.
    package let limit: Int
    /// Kept for the spool, logs, DNS, Redis, the policy and the loops themselves.
    package let reserve: Int
    /// Connections of all SMTP listeners together.
    package let smtp: Int
    /// Connections of the HTTP listener.
    package let http: Int
    /// Connections to other servers.
    package let egress: Int

    /// - Parameter limit: RLIMIT_NOFILE.
    package init(limit: Int) {
        // Above a million more descriptors serve nobody, and the sums below stay small.
        let limit = min(max(limit, 0), 1 << 30)
        self.limit = limit
        reserve = min(max(limit / 8, 96), 1024, limit / 2)
        let connections = limit - reserve
        http = min(max(connections / 8, 8), 4096)
        smtp = max((connections - http) / 2, 1)
        egress = max(connections - http - smtp, 1)
    }

    /// Connections beyond a limit that are accepted to be told so; more wait in the backlog.
    package static func overflow(of cap: Int) -> Int { min(max(cap / 8, 2), 64) }

    /// For the present limit of this process.
    package static var current: DescriptorBudget {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(7), &limit) == 0 else { return DescriptorBudget(limit: 1024) }
        return DescriptorBudget(limit: Int(clamping: limit.rlim_cur))
    }

    /// Descriptors that are open now; `nil` when the system does not say.
    package static var open: Int? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        return max(0, count - 3)  // `.`, `..` and the directory itself
    }
}
