/// The command line, taken apart word by word. *Value.*
struct Arguments {
    private var words: [String]

    init(_ words: [String]) {
        // `--name=value` is the same as `--name value`.
        self.words = words.flatMap { word -> [String] in
            guard word.hasPrefix("--"), let cut = word.firstIndex(of: "=") else { return [word] }
            return [String(word[..<cut]), String(word[word.index(after: cut)...])]
        }
    }

    /// The first word, if it is no option.
    mutating func command() -> String? {
        guard let first = words.first, !first.hasPrefix("-") else { return nil }
        return words.removeFirst()
    }

    /// Whether the option is there.
    mutating func flag(_ name: String) -> Bool {
        guard let index = words.firstIndex(of: name) else { return false }
        words.remove(at: index)
        return true
    }

    /// The value of an option.
    mutating func value(_ name: String) throws(UsageError) -> String? {
        guard let index = words.firstIndex(of: name) else { return nil }
        guard index + 1 < words.count else { throw UsageError(text: "\(name) needs a value") }
        defer { words.removeSubrange(index...index + 1) }
        return words[index + 1]
    }

    /// A number.
    mutating func number(_ name: String, _ standard: Int) throws(UsageError) -> Int {
        guard let text = try value(name) else { return standard }
        guard let number = Int(text), number >= 0 else { throw UsageError(text: "\(name) needs a number, not '\(text)'") }
        return number
    }

    /// All that follow an option, up to the next one.
    mutating func list(_ name: String) throws(UsageError) -> [String] {
        var all: [String] = []
        while let index = words.firstIndex(of: name) {
            words.remove(at: index)
            let before = all.count
            while index < words.count, !words[index].hasPrefix("--") {
                all += words.remove(at: index).split(separator: ",").map(String.init)
            }
            if all.count == before { throw UsageError(text: "\(name) needs a name") }
        }
        return all
    }

    /// Nothing may be left over.
    func finish() throws(UsageError) {
        if let word = words.first { throw UsageError(text: "'\(word)' is not understood") }
    }
}

/// A wrong command line. *Value.*
struct UsageError: Error {
    let text: String
}
