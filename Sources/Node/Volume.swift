import Glibc
import Options
import Shaping

/// *Value*: the size of the file system that holds a directory.
struct Volume {
    let bytes: Int
    let inodes: Int

    init(_ directory: String) {
        var facts = statvfs()
        guard statvfs(directory, &facts) == 0 else {
            bytes = 0
            inodes = 0
            return
        }
        bytes = Int(clamping: facts.f_blocks &* UInt(facts.f_frsize))
        inodes = Int(clamping: facts.f_files)
    }
}

extension FreeSpace {
    /// The floor as an amount of a volume's `total`.
    func amount(of total: Int) -> Int {
        switch self {
        case .percent(let share): total / 100 * share
        case .bytes(let amount): amount
        }
    }
}
