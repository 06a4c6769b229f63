import Glibc

/// How much of a volume must stay free, in percent or as an absolute number. *Value.*
package enum FreeSpaceFloor: Sendable, Hashable {
    case percent(Double)
    case absolute(UInt64)

    /// `"10%"` or a plain number (`"500000000"`); nil for anything else.
    package init?(_ text: String) {
        if text.utf8.last == UInt8(ascii: "%") {
            guard let percent = Double(String(text.dropLast())), percent >= 0, percent <= 100 else { return nil }
            self = .percent(percent)
        } else {
            guard let count = UInt64(text) else { return nil }
            self = .absolute(count)
        }
    }

    /// Whether `free` of `total` units satisfy this floor. A volume that reports no total (no inode table) always does.
    package func isSatisfied(free: UInt64, total: UInt64) -> Bool {
        guard total > 0 else { return true }
        switch self {
        case .percent(let percent): return Double(free) >= Double(total) * percent / 100
        case .absolute(let count): return free >= count
        }
    }

    /// Asks the volume that holds `path`; nil when it cannot be asked.
    static func volumeHasRoom(at path: String, space: FreeSpaceFloor, inodes: FreeSpaceFloor) -> Bool? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        let block = UInt64(status.f_frsize)
        let free = UInt64(status.f_bavail).multipliedReportingOverflow(by: block)
        let total = UInt64(status.f_blocks).multipliedReportingOverflow(by: block)
        return space.isSatisfied(
            free: free.overflow ? .max : free.partialValue,
            total: total.overflow ? .max : total.partialValue)
            && inodes.isSatisfied(free: UInt64(status.f_favail), total: UInt64(status.f_files))
    }
}
