import Glibc

/// *Value*: names the life of the steady clock: two readings can be compared when their names are the same.
enum BootIdentity {
    /// The boot of the kernel and the time namespace, which may have a steady clock of its own; a random word when the system does not say.
    package static func current() -> String {
        guard let boot = (try? FileText.read("/proc/sys/kernel/random/boot_id")) ?? nil else {
            return "unknown-\(UInt64.random(in: .min ... .max))"
        }
        var name = [CChar](repeating: 0, count: 64)
        let count = readlink("/proc/self/ns/time", &name, name.count - 1)
        let space = String(decoding: name.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return boot.filter { !$0.isWhitespace } + " " + space
    }
}
