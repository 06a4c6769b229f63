import Glibc

/// A directory that goes with the object; in memory where the system has such a place, since many tests sync many files.
final class ScratchDirectory: Sendable {
    let path: String

    init() {
        let base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/apus-control-XXXXXX".utf8CString)
        path = mkdtemp(&template).map { String(cString: $0) } ?? base
    }

    /// A directory inside.
    func sub(_ name: String) -> String { "\(path)/\(name)" }

    deinit {
        Self.clear(path)
    }

    private static func clear(_ path: String) {
        if let directory = opendir(path) {
            while let item = readdir(directory) {
                let name = withUnsafeBytes(of: item.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
                if name != ".", name != ".." { clear(path + "/" + name) }
            }
            closedir(directory)
        }
        _ = remove(path)
    }
}

/// Whole files, for tests that damage them.
enum RawFile {
    static func read(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        return bytes
    }

    static func write(_ path: String, _ bytes: [UInt8]) {
        guard let file = fopen(path, "w") else { return }
        defer { fclose(file) }
        _ = fwrite(bytes, 1, bytes.count, file)
    }
}
