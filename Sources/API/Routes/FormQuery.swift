import Foundation
import Hummingbird

/// *Value* (a namespace): reads the query of a request as forms write it, which is what most programs send: `+` is a blank, and `%2B` a plus.
/// Names of queues may hold both.
enum FormQuery {
    /// Names and values, in order. What is not valid percent-encoding stays as it is.
    package static func items(_ query: String) -> [(key: String, value: String)] {
        query.split(separator: "&").map { item in
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (text(parts[0]), parts.count == 2 ? text(parts[1]) : "")
        }
    }

    /// Items as route handlers look them up.
    static func parameters(_ query: String) -> Parameters {
        Parameters(items(query).map { (key: Substring($0.key), value: Substring($0.value)) })
    }

    /// The values of a name that may come several times, and hold several separated by commas. A comma that is written `%2C` belongs to
    /// its value.
    package static func list(_ name: String, in query: String) -> [String] {
        query.split(separator: "&").filter { $0.hasPrefix(name + "=") }.flatMap { item in
            item.dropFirst(name.count + 1).split(separator: ",").map { text($0) }
        }
    }

    private static func text(_ raw: Substring) -> String {
        let blanks = raw.contains("+") ? raw.replacing("+", with: " ") : raw
        return blanks.removingPercentEncoding ?? String(blanks)
    }
}
