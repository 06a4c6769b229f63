import HTTPTypes
import Hummingbird
import NIOHTTP1

/// *Value*: which paths there are and with which methods: for 404, 405, OPTIONS.
struct RouteTable: Sendable {
    /// Methods by path, both as requests write them.
    private var methods: [String: [String]] = [:]

    /// The routes of a router.
    package init(_ router: Router<APIContext>) {
        for route in router.routes { add(route.method.rawValue, Self.normalized("\(route.path)")) }
    }

    /// Routes as they are given.
    package init(_ routes: [(method: String, path: String)]) {
        for route in routes { add(route.method, Self.normalized(route.path)) }
    }

    private mutating func add(_ method: String, _ path: String) {
        methods[path, default: []].append(method)
        if method == "GET" { methods[path]?.append("HEAD") }
    }

    /// The answer to a request that no route takes; `nil` when one does.
    func refusal(method: HTTPMethod, path: String) -> HTTPReply? {
        if path == "*" {
            guard method == .OPTIONS else {
                return HTTPReply(.badRequest, text: "the target '*' is for OPTIONS; send a path such as /api/queues")
            }
            return HTTPReply(.noContent, headers: [("Allow", allow(Set(methods.values.joined()).sorted()))])
        }
        let path = Self.normalized(path)
        guard let known = methods[path] else {
            guard let nearest = nearest(path) else { return HTTPReply(.notFound, text: "no such path: \(path.shown)") }
            return HTTPReply(
                .notFound,
                text: "no such path: \(path.shown); the nearest is \(nearest) (\(methods[nearest, default: []].joined(separator: ", ")))")
        }
        if known.contains(method.rawValue) { return nil }
        let headers = [("Allow", allow(known))]
        if method == .OPTIONS { return HTTPReply(.noContent, headers: headers) }
        return HTTPReply(
            .methodNotAllowed, text: "\(method.rawValue.shown) is not possible on \(path); use \(known.joined(separator: " or "))",
            headers: headers)
    }

    private func allow(_ known: [String]) -> String { (known + ["OPTIONS"]).joined(separator: ", ") }

    /// One slash before each part, as the router sees it.
    private static func normalized(_ path: String) -> String {
        "/" + path.split(separator: "/").joined(separator: "/")
    }

    /// The known path with the fewest changes; `nil` when a path has nothing to do with any.
    private func nearest(_ path: String) -> String? {
        let path = Array(path.utf8.prefix(64))
        let found = methods.keys.sorted().map { (path: $0, distance: Self.distance(path, Array($0.utf8))) }
            .min { $0.distance < $1.distance }
        guard let found, found.distance <= max(path.count, found.path.utf8.count) * 3 / 4 else { return nil }
        return found.path
    }

    /// Insertions, deletions and replacements that make one of the other.
    private static func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
        var row = Array(0...other.count)
        for (index, byte) in one.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in other.indices {
                let replaced = diagonal + (byte == other[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, row[column] + 1, row[column + 1] + 1)
            }
        }
        return row[other.count]
    }
}
