import Glibc

/// *Value* (a namespace): lines on standard error.
enum Notice {
    /// Writes one line at once.
    static func write(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
    }
}
