/// Finds the name that was probably meant. *Value* (a namespace).
package enum NearestName {
    /// The candidate nearest to the name, if one is near enough to be a plausible slip.
    ///
    /// Case and `-` for `_` do not count as differences. Ties go to the name that sorts first, so that texts are stable.
    package static func suggestion(for name: String, among candidates: some Sequence<String>) -> String? {
        guard (1...80).contains(name.utf8.count) else { return nil }
        let wanted = folded(name)
        let allowed = max(2, wanted.count / 3)
        var best: (distance: Int, name: String)?
        for candidate in candidates {
            let distance = distance(wanted, folded(candidate))
            guard distance <= allowed, distance < max(wanted.count, 2) else { continue }
            guard let found = best else {
                best = (distance, candidate)
                continue
            }
            if (distance, candidate) < (found.distance, found.name) { best = (distance, candidate) }
        }
        return best?.name
    }

    /// ` (did you mean 'x'?)`, or nothing.
    package static func hint(_ name: String, in candidates: some Sequence<String>) -> String {
        suggestion(for: name, among: candidates).map { " (did you mean '\($0)'?)" } ?? ""
    }

    /// The edit distance of two byte strings, where swapping two neighbours is one edit (optimal string alignment).
    package static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        if a.isEmpty { return b.count }
        if b.isEmpty { return a.count }
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        var current = last
        for i in 1...a.count {
            current[0] = i
            for j in 1...b.count {
                let cost = a[i - 1] == b[j - 1] ? 0 : 1
                var best = min(last[j] + 1, current[j - 1] + 1, last[j - 1] + cost)
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { best = min(best, beforeLast[j - 2] + 1) }
                current[j] = best
            }
            (beforeLast, last, current) = (last, current, beforeLast)
        }
        return last[b.count]
    }

    private static func folded(_ name: String) -> [UInt8] {
        name.utf8.map { byte in
            switch byte {
            case 0x41...0x5A: byte | 0x20
            case 0x2D, 0x20: 0x5F
            default: byte
            }
        }
    }
}
