import Glibc

/// *Value*: the machine's name.
package enum HostName {
    /// As the kernel knows it; `localhost` when it says nothing.
    package static var current: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, 255) == 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
