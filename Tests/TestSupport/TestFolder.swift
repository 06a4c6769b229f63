import Foundation
import Glibc

/// A temporary folder, removed at the end. *Shared*: only its path is.
package final class TestFolder: Sendable {
    package let path: String

    package init() {
        var template = Array("/tmp/apus-node-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { fatalError("no temporary folder: \(String(cString: strerror(errno)))") }
        path = String(cString: made)
    }

    package func file(_ name: String) -> String { "\(path)/\(name)" }

    package func write(_ name: String, _ text: String) {
        _ = FileManager.default.createFile(atPath: file(name), contents: Data(text.utf8))
    }

    package func text(_ name: String) -> String {
        FileManager.default.contents(atPath: file(name)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
