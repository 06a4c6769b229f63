import Delivery
import Glibc
import Resources

/// *Value*: becoming another user once the ports below 1024 are bound.
enum Privileges {
    /// Sets groups, group and user of every thread of the process; cannot be undone.
    static func drop(to name: String) throws(NodeError) {
        guard let entry = getpwnam(name) else {
            throw NodeError("--user \(name): there is no such user; create it (useradd --system \(name)) or name another")
        }
        let user = entry.pointee.pw_uid
        let group = entry.pointee.pw_gid
        if geteuid() == user { return }
        guard geteuid() == 0 else {
            throw NodeError("--user \(name): only root can become another user; start as root, or leave --user out")
        }
        guard initgroups(name, group) == 0, setgid(group) == 0, setuid(user) == 0, setuid(0) != 0 else {
            throw NodeError("--user \(name): cannot drop privileges: \(NodeError.errnoText)")
        }
    }
}

/// The soft limit of open files is raised to the hard one: a thousand connections are nothing unusual here.
func raiseFileLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(7), &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(7), &limit)
}

/// *Value*: the memory of this process.
enum ProcessMemory {
    /// Resident bytes, from /proc/self/statm.
    static var residentBytes: Int {
        let fields = ((try? FileText.read("/proc/self/statm")) ?? nil)?.split(separator: " ") ?? []
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * 4096 : 0
    }
}
